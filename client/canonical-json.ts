/**
 * The text of a value that is signed: RFC 8785, `specs/formats/canonical-json.md`.
 *
 * `JSON.stringify` leaves out what it has no text for, and asks values what they want to be. A signature is over what its
 * owner sees, so here that is refused, and with it whatever a node would not read back as it is: what has a text here, a
 * node takes.
 *
 * Runs in a browser: no import but of its own. The node has RFC 8785 from a library; tests hold the two against each other.
 */
import { CepaError } from "#client/wire.ts";

/** Bytes of the text, in UTF-8. */
export const JSON_BYTES_MAX = 1_048_576;
/** Arrays and objects inside one another; what contains itself has more. */
export const JSON_DEPTH_MAX = 64;
/** Of where in the value something is, as much is said. */
const PATH_LENGTH_MAX = 200;

/**
 * Of null, booleans, finite numbers, strings, arrays and plain objects. Throws `client.not-signable` for everything else,
 * members that are undefined too. Members whose keys are symbols are none; -0 is written as 0.
 */
export function canonicalText(value: unknown): string {
  const text = new CanonicalWriter().text(value, "$", 0);
  if (new TextEncoder().encode(text).length > JSON_BYTES_MAX) throw tooLong();
  return text;
}

class CanonicalWriter {
  /** Of the text, which has a byte for each of these at least: a value with parts in many places may be endless. */
  #lengthLeft = JSON_BYTES_MAX;

  text(value: unknown, path: string, depth: number): string {
    switch (typeof value) {
      case "boolean":
        return this.#counted(String(value));
      case "number":
        return this.#counted(numberText(value, path));
      case "string":
        return this.#string(value, path);
      case "object":
        if (value === null) return this.#counted("null");
        if (depth === JSON_DEPTH_MAX) throw notSignable(path, `is more than ${JSON_DEPTH_MAX} deep`);
        return Array.isArray(value) ? this.#array(value, path, depth) : this.#object(value, path, depth);
      default:
        throw notSignable(path, `is ${typeof value}`);
    }
  }

  #array(items: readonly unknown[], path: string, depth: number): string {
    this.#counted("[]");
    const texts: string[] = [];
    // Not by `map`, which passes holes over.
    for (const [at, item] of items.entries()) texts.push(this.text(item, `${path}[${at}]`, depth + 1));
    return `[${texts.join(",")}]`;
  }

  #object(value: object, path: string, depth: number): string {
    if (!isPlain(value)) throw notSignable(path, "is an object of a class");
    this.#counted("{}");
    // The order without a comparison is by UTF-16 code units, which is that of RFC 8785.
    const texts = Object.keys(value)
      .sort()
      .map((key) => {
        const name = this.#string(key, `a key of ${path}`);
        return `${name}:${this.text(Reflect.get(value, key), `${path}[${name}]`, depth + 1)}`;
      });
    return `{${texts.join(",")}}`;
  }

  #string(value: string, path: string): string {
    if (value.length > this.#lengthLeft) throw tooLong();
    if (!value.isWellFormed()) throw notSignable(path, "has half a surrogate pair");
    return this.#counted(JSON.stringify(value));
  }

  #counted(text: string): string {
    this.#lengthLeft -= text.length;
    if (this.#lengthLeft < 0) throw tooLong();
    return text;
  }
}

/** As JavaScript writes it, which is the rule of RFC 8785. From 10^21 on that is with an exponent, and no integer. */
function numberText(value: number, path: string): string {
  if (!Number.isFinite(value)) throw notSignable(path, `is ${value}`);
  const text = JSON.stringify(value);
  if (/^-?\d+$/.test(text) && !Number.isSafeInteger(value)) {
    throw notSignable(path, `is ${text}, an integer that not every reader has: write it as a string`);
  }
  return text;
}

/** Made by `{}` or by `JSON.parse`, of this page or of a frame in it. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function tooLong(): CepaError {
  return notSignable("$", `is longer than ${JSON_BYTES_MAX} bytes`);
}

function notSignable(path: string, problem: string): CepaError {
  const message = `${path.slice(0, PATH_LENGTH_MAX)} ${problem}: it cannot be signed`;
  return new CepaError({ code: "client.not-signable", message, retryable: false, corrId: "", status: 0 });
}

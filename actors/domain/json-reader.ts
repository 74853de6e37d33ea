/**
 * Reads the text of a JSON document (RFC 8259) in one pass, and more strictly than `JSON.parse`: that keeps the last of two
 * members with one key, reads an integer of twenty digits as another one, and lets half a surrogate pair through. Each of
 * these makes two documents of the same bytes for two readers. Whatever is read here is read alike by everyone.
 *
 * Invariants of everything that is read:
 * - no object has a key twice, however it is escaped, and no string has a lone surrogate;
 * - a number without fraction and exponent is a safe integer, where others wrote it; any other is finite as a double;
 * - arrays and objects are at most `JSON_DEPTH_MAX` deep;
 * - in the canonical form there is no white space outside strings, and all keys are sorted, in one order.
 *
 * The value is made here, and not by `JSON.parse` afterwards, so that the keys that were looked at are those that it has.
 * That is no subtlety: V8 14.6 takes an escaped key for another one, where an object with that has been parsed before
 * (https://github.com/nodejs/node/issues/63785), so a producer could bend what another one says.
 *
 * It goes forward only, and compares each key with the one before it: the work is linear in the text.
 */
import { JSON_DEPTH_MAX, type JsonValue } from "#actors/domain/json-value.ts";
import { KeyOrder } from "#actors/domain/key-order.ts";

/** `any`: white space and the order of keys are free. `stored`: and integers may be of any size that a double has. */
export type JsonForm = "canonical" | "any" | "stored";

/** `specs/formats/canonical-json.md` says what each means. */
export type ReaderProblem =
  | "not-json"
  | "not-compact"
  | "keys-unsorted"
  | "duplicate-key"
  | "lone-surrogate"
  | "unsafe-integer"
  | "number-out-of-range"
  | "too-deep";

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** What follows a backslash in escapes of two characters. */
const SHORT_ESCAPES: ReadonlySet<number> = new Set(Array.from('"\\/bfnrt', (character) => character.charCodeAt(0)));
const HEX_DIGITS = /^[0-9A-Fa-f]{4}$/;

/**
 * Where it stands in a text, which is well-formed. Its methods pass over what they are called after, or stop before what is
 * wrong and answer false, or undefined, which no JSON is.
 */
export class JsonReader {
  readonly #text: string;
  readonly #form: JsonForm;
  readonly #order = new KeyOrder();
  #at = 0;
  #problem: ReaderProblem = "not-json";

  constructor(text: string, form: JsonForm) {
    this.#text = text;
    this.#form = form;
  }

  /** The first thing that is wrong, where there was no document. */
  get problem(): ReaderProblem {
    return this.#problem;
  }

  /** Where that begins, in UTF-16 code units. */
  get at(): number {
    return this.#at;
  }

  /** What the whole text says. Called once. */
  document(): JsonValue | undefined {
    const value = this.#element(0);
    return this.#at === this.#text.length ? value : undefined;
  }

  #element(depth: number): JsonValue | undefined {
    if (!this.#space()) return undefined;
    const value = this.#value(depth);
    return value !== undefined && this.#space() ? value : undefined;
  }

  #value(depth: number): JsonValue | undefined {
    switch (this.#next()) {
      case OPEN_BRACE:
        return depth < JSON_DEPTH_MAX ? this.#object(depth + 1) : this.#refuse("too-deep", this.#at);
      case OPEN_BRACKET:
        return depth < JSON_DEPTH_MAX ? this.#array(depth + 1) : this.#refuse("too-deep", this.#at);
      case QUOTE:
        return this.#string();
      case LOWER_T:
        return this.#word("true", true);
      case LOWER_F:
        return this.#word("false", false);
      case LOWER_N:
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonValue | undefined {
    this.#at += 1;
    if (!this.#space()) return undefined;
    if (this.#take(CLOSE_BRACE)) return {};
    const members = new Map<string, JsonValue>();
    let key: string | undefined;
    do {
      key = this.#key(members, key);
      if (key === undefined || !this.#take(COLON)) return undefined;
      const value = this.#element(depth);
      if (value === undefined) return undefined;
      members.set(key, value);
    } while (this.#take(COMMA));
    return this.#take(CLOSE_BRACE) ? Object.fromEntries(members) : undefined;
  }

  #array(depth: number): JsonValue | undefined {
    this.#at += 1;
    if (!this.#space()) return undefined;
    if (this.#take(CLOSE_BRACKET)) return [];
    const items: JsonValue[] = [];
    do {
      const item = this.#element(depth);
      if (item === undefined) return undefined;
      items.push(item);
    } while (this.#take(COMMA));
    return this.#take(CLOSE_BRACKET) ? items : undefined;
  }

  /** Behind those of `members`, the last of which is `previous`. */
  #key(members: ReadonlyMap<string, JsonValue>, previous: string | undefined): string | undefined {
    if (!this.#space()) return undefined;
    const start = this.#at;
    const key = this.#next() === QUOTE ? this.#string() : undefined;
    if (key === undefined) return undefined;
    if (members.has(key)) return this.#refuse("duplicate-key", start);
    const isSorted = this.#form !== "canonical" || previous === undefined || this.#order.admits(previous, key);
    if (!isSorted) return this.#refuse("keys-unsorted", start);
    return this.#space() ? key : undefined;
  }

  #string(): string | undefined {
    const start = this.#at;
    this.#at += 1;
    while (!this.#take(QUOTE)) {
      if (this.#next() === BACKSLASH) {
        if (!this.#escape()) return undefined;
      } else if (this.#next() >= 0x20) {
        this.#at += 1;
      } else {
        // A control character; or the end, where it is NaN.
        return undefined;
      }
    }
    // A string of its own: a slice would keep the whole text in memory for as long as any part of the value is kept.
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #escape(): boolean {
    const start = this.#at;
    const letter = this.#text.charCodeAt(start + 1);
    if (letter !== LOWER_U) {
      if (!SHORT_ESCAPES.has(letter)) return false;
      this.#at += 2;
      return true;
    }
    const unit = this.#escapedUnit();
    if (unit === undefined) return false;
    if (unit < 0xd800 || unit > 0xdfff) return true;
    // The other half of a pair can only be escaped too: raw text is well-formed.
    const low = unit <= 0xdbff ? this.#escapedUnit() : undefined;
    if (low !== undefined && low >= 0xdc00 && low <= 0xdfff) return true;
    this.#refuse("lone-surrogate", start);
    return false;
  }

  /** The number in an escape of six characters, if one comes. */
  #escapedUnit(): number | undefined {
    const start = this.#at;
    const digits = this.#text.slice(start + 2, start + 6);
    const isEscape = this.#next() === BACKSLASH && this.#text.charCodeAt(start + 1) === LOWER_U;
    if (!isEscape || !HEX_DIGITS.test(digits)) return undefined;
    this.#at = start + 6;
    return Number.parseInt(digits, 16);
  }

  #number(): number | undefined {
    const start = this.#at;
    this.#take(MINUS);
    if (!this.#take(ZERO) && !this.#digits()) return undefined;
    const wholeEnd = this.#at;
    if (this.#take(POINT) && !this.#digits()) return undefined;
    if (this.#take(LOWER_E) || this.#take(UPPER_E)) {
      if (!this.#take(PLUS)) this.#take(MINUS);
      if (!this.#digits()) return undefined;
    }
    const value = Number(this.#text.slice(start, this.#at));
    const isInteger = this.#at === wholeEnd && this.#form !== "stored";
    if (isInteger && !Number.isSafeInteger(value)) return this.#refuse("unsafe-integer", start);
    return Number.isFinite(value) ? value : this.#refuse("number-out-of-range", start);
  }

  #digits(): boolean {
    const start = this.#at;
    while (this.#next() >= ZERO && this.#next() <= NINE) this.#at += 1;
    return this.#at > start;
  }

  #word(word: string, value: JsonValue): JsonValue | undefined {
    if (!this.#text.startsWith(word, this.#at)) return undefined;
    this.#at += word.length;
    return value;
  }

  #space(): boolean {
    while (isSpace(this.#next())) {
      if (this.#form === "canonical") {
        this.#refuse("not-compact", this.#at);
        return false;
      }
      this.#at += 1;
    }
    return true;
  }

  /** Passes `unit` over, if that is what comes. */
  #take(unit: number): boolean {
    if (this.#next() !== unit) return false;
    this.#at += 1;
    return true;
  }

  /** NaN at the end, which equals nothing. */
  #next(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #refuse(problem: ReaderProblem, at: number): undefined {
    this.#problem = problem;
    this.#at = at;
  }
}

/** What JSON has for white space. */
function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

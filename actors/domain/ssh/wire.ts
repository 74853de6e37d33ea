/**
 * Values of the SSH wire format (RFC 4251 §5), read from bytes that come from elsewhere.
 *
 * - A length leads nowhere but into the bytes, and nothing is allocated for one that only claims to be long.
 * - Bytes are read to their end: what stands behind the last value is refused, never overlooked.
 * - Strings are views of the bytes, not copies.
 *
 * The node never writes any: keys and certificates are made by their owners (`client/ssh`).
 */
import { isUtf8 } from "node:buffer";

interface ValueOf {
  readonly string: Uint8Array;
  readonly uint32: number;
  readonly uint64: bigint;
}

type Kind = keyof ValueOf;
type ValuesOf<Kinds extends readonly Kind[]> = { readonly [At in keyof Kinds]: ValueOf[Kinds[At]] };

/** The values that `bytes` are, one behind the other; otherwise what is wrong. */
export function readValues<const Kinds extends readonly Kind[]>(
  bytes: Uint8Array,
  ...kinds: Kinds
): ValuesOf<Kinds> | "truncated" | "trailing-bytes" {
  const cursor = new Cursor(bytes);
  const values: readonly unknown[] = kinds.map((kind) => cursor[kind]());
  if (values.includes(undefined)) return "truncated";
  return cursor.hasEnded ? (values as ValuesOf<Kinds>) : "trailing-bytes";
}

/** The strings that `bytes` are, one behind the other; there may be none. */
export function readStrings(bytes: Uint8Array, countMax: number): readonly Uint8Array[] | "truncated" | "too-many" {
  const cursor = new Cursor(bytes);
  const strings: Uint8Array[] = [];
  while (!cursor.hasEnded) {
    if (strings.length === countMax) return "too-many";
    const string = cursor.string();
    if (string === undefined) return "truncated";
    strings.push(string);
  }
  return strings;
}

/** The text that a string is. Undefined unless it is UTF-8, and plain. */
export function textOf(bytes: Uint8Array): string | undefined {
  const text = isUtf8(bytes) ? Buffer.from(bytes).toString() : undefined;
  return text === undefined || !isPlainText(text) ? undefined : text;
}

/**
 * Whether it can be written as UTF-8 and has no control characters. Names of keys and people get into logs, tables and
 * terminals, where a line break, an escape sequence or a turn of the direction would speak for somebody else.
 */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !CONTROLS.test(text);
}

const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** Where somebody is in the bytes. A value that is not there in full is undefined. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get hasEnded(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint32(): number | undefined {
    return this.#next(4)?.readUInt32BE();
  }

  uint64(): bigint | undefined {
    return this.#next(8)?.readBigUInt64BE();
  }

  string(): Buffer | undefined {
    const length = this.uint32();
    return length === undefined ? undefined : this.#next(length);
  }

  #next(length: number): Buffer | undefined {
    if (length > this.#bytes.length - this.#at) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/**
 * The few forms of CBOR that trees are made of, written and read in their one spelling. With no library, so that it runs
 * wherever the client does.
 */

/** Major types of CBOR. */
const UINT = 0;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const DIGEST_BYTES = 32;
/** Two digits for every byte. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
/** Tag 42, then the CID of a manifest root behind a zero: version 1, dag-cbor, BLAKE3, its length. */
const LINK = Uint8Array.of(0xd8, 42, 0x58, 37, 0, 1, 0x71, 0x1e, DIGEST_BYTES);

export function uint(value: number): Uint8Array {
  return head(UINT, value);
}

export function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return joined(head(TEXT, bytes.length), bytes);
}

export function list(items: readonly Uint8Array[]): Uint8Array {
  return joined(head(LIST, items.length), ...items);
}

/** Keys by length, then by their bytes, as the caller gives them. */
export function map(...fields: readonly (readonly [key: string, value: Uint8Array])[]): Uint8Array {
  return joined(head(MAP, fields.length), ...fields.flatMap(([key, value]) => [text(key), value]));
}

/** `hex` is the 64 digits of a digest. */
export function digest(hex: string): Uint8Array {
  return joined(Uint8Array.of(0x58, DIGEST_BYTES), bytesFromHex(hex));
}

export function link(hex: string): Uint8Array {
  return joined(LINK, bytesFromHex(hex));
}

/** Where somebody is in the bytes of a tree. What is not there in its one spelling is undefined, and then nothing is read. */
export class TreeBytes {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasEnded(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Passes the key over, if that is what comes. */
  key(name: string): boolean {
    return this.#take(text(name));
  }

  map(): number | undefined {
    return this.#head(MAP);
  }

  list(): number | undefined {
    return this.#head(LIST);
  }

  uint(): number | undefined {
    return this.#head(UINT);
  }

  /** Valid UTF-8 of at most `bytesMax` bytes. */
  text(bytesMax: number): string | undefined {
    const length = this.#head(TEXT);
    const bytes = length === undefined || length > bytesMax ? undefined : this.#next(length);
    if (bytes === undefined) return undefined;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      // For a parser that is an answer.
      return undefined;
    }
  }

  /** 64 hex digits. */
  digest(): string | undefined {
    return this.#take(Uint8Array.of(0x58, DIGEST_BYTES)) ? this.#hex() : undefined;
  }

  /** The digest in a link to a manifest root. */
  link(): string | undefined {
    return this.#take(LINK) ? this.#hex() : undefined;
  }

  #hex(): string | undefined {
    const bytes = this.#next(DIGEST_BYTES);
    return bytes && Array.from(bytes, (byte) => HEX[byte]).join("");
  }

  #take(expected: Uint8Array): boolean {
    if (!expected.every((byte, index) => this.#bytes[this.#at + index] === byte)) return false;
    this.#at += expected.length;
    return true;
  }

  #next(length: number): Uint8Array | undefined {
    const end = this.#at + length;
    if (end > this.#bytes.length) return undefined;
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** The number of a type, in the shortest form. */
  #head(major: number): number | undefined {
    const first = this.#bytes[this.#at];
    if (first === undefined || first >> 5 !== major || (first & 31) > 27) return undefined;
    const short = first & 31;
    const length = short < 24 ? 0 : 2 ** (short - 24);
    const value = this.#bytes
      .subarray(this.#at + 1, this.#at + 1 + length)
      .reduce((sum, byte) => sum * 256 + byte, short < 24 ? short : 0);
    const expected = Number.isSafeInteger(value) ? head(major, value) : undefined;
    return expected?.length === 1 + length && this.#take(expected) ? value : undefined;
  }
}

function head(major: number, value: number): Uint8Array {
  const type = major << 5;
  if (value < 24) return Uint8Array.of(type | value);
  if (value < 0x100) return Uint8Array.of(type | 24, value);
  if (value < 0x10000) return Uint8Array.of(type | 25, value >> 8, value & 0xff);
  const isShort = value < 2 ** 32;
  const bytes = new Uint8Array(isShort ? 5 : 9);
  bytes[0] = type | (isShort ? 26 : 27);
  const view = new DataView(bytes.buffer);
  if (isShort) view.setUint32(1, value);
  else view.setBigUint64(1, BigInt(value));
  return bytes;
}

function bytesFromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

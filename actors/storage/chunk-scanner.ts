/**
 * Where an object is cut: `gear-nc2/1`, content-defined chunks of 1 MiB to 4 MiB, 2 MiB on average.
 *
 * FastCDC with a 32-bit gear hash: the hash of a position depends on the 32 bytes before it, a cut is where its top
 * bits are zero, and normalization (level 2: two bits more before the normal size, two fewer after) keeps lengths near
 * the average. The first `CHUNK_BYTES_MIN` bytes of a chunk are not looked at. The normal size is 1.5 MiB, because the
 * looser mask behind it adds half a MiB on average.
 *
 * Incremental: the cuts do not depend on how the object was split into calls. Pure; it hashes nothing else.
 */
import { KiB, MiB } from "#runtime/units.ts";

/** Recorded in every manifest. */
export const CHUNKER_NAME = "gear-nc2/1";
/** Only the last chunk of an object may be shorter. */
export const CHUNK_BYTES_MIN: number = 1 * MiB;
/** A chunk of this length is cut whatever it holds. */
export const CHUNK_BYTES_MAX: number = 4 * MiB;
/** Where the stricter condition gives way to the looser one. */
const CHUNK_BYTES_NORMAL: number = 1536 * KiB;
/** Bits that must be zero: 21 for 2 MiB, two more before the normal size, two fewer after. */
const STRICT_SHIFT = 32 - 23;
const LOOSE_SHIFT = 32 - 19;

export class ChunkScanner {
  readonly #table: Int32Array;
  #hash = 0;
  #length = 0;
  #atCut = false;

  constructor(table: Int32Array) {
    this.#table = table;
  }

  /** True after an `advance` that ended a chunk: the byte behind it begins the next one. */
  get atCut(): boolean {
    return this.#atCut;
  }

  /** Bytes of the chunk so far. */
  get length(): number {
    return this.#length;
  }

  /** Consumes bytes of the current chunk from `from` on, and answers with where it stopped: a cut, or the end. */
  advance(bytes: Uint8Array, from: number): number {
    if (this.#atCut) this.#begin();
    let at = from;
    const skipped = Math.min(bytes.length - at, CHUNK_BYTES_MIN - this.#length);
    if (skipped > 0) {
      at += skipped;
      this.#length += skipped;
    }
    at = this.#scan(bytes, at, CHUNK_BYTES_NORMAL, STRICT_SHIFT);
    if (!this.#atCut) at = this.#scan(bytes, at, CHUNK_BYTES_MAX, LOOSE_SHIFT);
    if (this.#length === CHUNK_BYTES_MAX) this.#atCut = true;
    return at;
  }

  #begin(): void {
    this.#hash = 0;
    this.#length = 0;
    this.#atCut = false;
  }

  /** Looks at bytes while the chunk is shorter than `lengthEnd`. */
  #scan(bytes: Uint8Array, from: number, lengthEnd: number, shift: number): number {
    const table = this.#table;
    const end = Math.min(bytes.length, from + Math.max(0, lengthEnd - this.#length));
    let hash = this.#hash;
    let at = from;
    while (at < end) {
      hash = ((hash << 1) + (table[bytes[at] ?? 0] ?? 0)) | 0;
      at += 1;
      if (hash >>> shift === 0) {
        this.#atCut = true;
        break;
      }
    }
    this.#hash = hash;
    this.#length += at - from;
    return at;
  }
}

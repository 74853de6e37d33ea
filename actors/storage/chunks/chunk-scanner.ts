/**
 * Where an object is cut, by a profile.
 *
 * FastCDC with a 32-bit gear hash: the hash of a position depends on the 32 bytes before it, a cut is where its top
 * bits are zero, and normalization (more of them before the normal size, fewer after) keeps lengths near the average.
 *
 * Incremental: the cuts do not depend on how the object was split into calls. Pure; it hashes nothing else. Specified in
 * `specs/formats/chunkers.md`.
 */
import type { ChunkProfile } from "#actors/domain/chunk-profiles.ts";

const HASH_BITS = 32;

export class ChunkScanner {
  readonly #profile: ChunkProfile;
  readonly #table: Int32Array;
  #hash = 0;
  #length = 0;
  #atCut = false;

  constructor(profile: ChunkProfile, table: Int32Array) {
    this.#profile = profile;
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
    const { bytesMin, bytesNormal, bytesMax, strictBits, looseBits } = this.#profile;
    let at = from;
    const skipped = Math.min(bytes.length - at, bytesMin - this.#length);
    if (skipped > 0) {
      at += skipped;
      this.#length += skipped;
    }
    at = this.#scan(bytes, at, bytesNormal, HASH_BITS - strictBits);
    if (!this.#atCut) at = this.#scan(bytes, at, bytesMax, HASH_BITS - looseBits);
    if (this.#length === bytesMax) this.#atCut = true;
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

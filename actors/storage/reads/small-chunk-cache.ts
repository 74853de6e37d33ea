/**
 * Small chunks that were read and verified, the least recently used out first: what is asked for all the time costs no
 * way to the disk, which takes a thread and longer than everything else in a small read.
 *
 * Only verified bytes come in, a chunk never changes, and one that is found damaged on disk is forgotten.
 */
import type { Digest } from "#actors/domain/address.ts";
import { LruCache } from "#runtime/lru-cache.ts";
import { KiB, MiB } from "#runtime/units.ts";

/** Payload bytes of everything in it. */
export const SMALL_CHUNKS_BYTES_MAX: number = 8 * MiB;
/** Longest chunk that is kept: large ones gain little, and would drive the small ones out. */
export const SMALL_CHUNK_BYTES_MAX: number = 16 * KiB;

export class SmallChunkCache {
  readonly #chunks: LruCache<Digest, Uint8Array>;

  constructor(bytesMax: number = SMALL_CHUNKS_BYTES_MAX) {
    this.#chunks = new LruCache(
      () => bytesMax,
      ({ length }) => length,
    );
  }

  get bytes(): number {
    return this.#chunks.bytes;
  }

  /** The whole chunk; not to be modified. */
  get(chunk: Digest): Uint8Array | undefined {
    return this.#chunks.get(chunk);
  }

  /** Keeps a copy of a whole, verified chunk, if it is small. */
  add(chunk: Digest, verified: Uint8Array): void {
    if (verified.length > SMALL_CHUNK_BYTES_MAX || this.#chunks.get(chunk) !== undefined) return;
    this.#chunks.set(chunk, new Uint8Array(verified));
  }

  forget(chunk: Digest): void {
    this.#chunks.delete(chunk);
  }
}

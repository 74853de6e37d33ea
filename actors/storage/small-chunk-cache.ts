/**
 * Small chunks that were read and verified, the least recently used out first: what is asked for all the time costs no
 * way to the disk, which takes a thread and longer than everything else in a small read.
 *
 * Only verified bytes come in, a chunk never changes, and one that is found damaged on disk is forgotten.
 */
import type { Digest } from "#actors/domain/address.ts";
import { KiB, MiB } from "#runtime/units.ts";

/** Payload bytes of everything in it. */
export const SMALL_CHUNKS_BYTES_MAX: number = 8 * MiB;
/** Longest chunk that is kept: large ones gain little, and would drive the small ones out. */
export const SMALL_CHUNK_BYTES_MAX: number = 16 * KiB;

export class SmallChunkCache {
  /** A map keeps its order; a hit is inserted again, behind all others. */
  readonly #chunks = new Map<Digest, Uint8Array>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = SMALL_CHUNKS_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The whole chunk; not to be modified. */
  get(chunk: Digest): Uint8Array | undefined {
    const bytes = this.#chunks.get(chunk);
    if (bytes === undefined) return undefined;
    this.#chunks.delete(chunk);
    this.#chunks.set(chunk, bytes);
    return bytes;
  }

  /** Keeps a copy of a whole, verified chunk, if it is small. */
  add(chunk: Digest, verified: Uint8Array): void {
    if (verified.length > SMALL_CHUNK_BYTES_MAX || this.#chunks.has(chunk)) return;
    this.#chunks.set(chunk, new Uint8Array(verified));
    this.#bytes += verified.length;
    for (const [oldest, { length }] of this.#chunks) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#chunks.delete(oldest);
      this.#bytes -= length;
    }
  }

  forget(chunk: Digest): void {
    this.#bytes -= this.#chunks.get(chunk)?.length ?? 0;
    this.#chunks.delete(chunk);
  }
}

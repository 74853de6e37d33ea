/**
 * Buffers of one size, kept for reuse. Taking a kept one costs under 1 µs, making one on the heap about 12 µs, making a
 * shared one 140 to 850 µs (the system maps and clears it each time): shared ones are worth keeping above all.
 *
 * A slab that comes back still holds its old bytes: whoever takes it shows nobody what he did not write himself.
 */
import { assert } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

/** Four segments: what disk reads and socket writes move at a time (architecture §6). */
export const slabBytes: number = 256 * KiB;

export interface SlabsOptions {
  /** On `SharedArrayBuffer`, so that the CPU pool reads them without a copy. */
  readonly shared: boolean;
  /** Slabs kept while nobody uses them; one more goes to the collector. */
  readonly freeMax: number;
}

export class Slabs {
  readonly #options: SlabsOptions;
  readonly #free: Uint8Array[] = [];

  constructor(options: SlabsOptions) {
    assert(Number.isInteger(options.freeMax) && options.freeMax >= 0, "a free list has a length");
    this.#options = options;
  }

  get freeBytes(): number {
    return this.#free.length * slabBytes;
  }

  take(): Uint8Array {
    // The most recent one: its pages are the likeliest to be in a cache.
    return this.#free.pop() ?? new Uint8Array(this.#options.shared ? sharedBuffer() : new ArrayBuffer(slabBytes));
  }

  give(slab: Uint8Array): void {
    assert(slab.byteLength === slabBytes && slab.byteOffset === 0, "only whole slabs come back");
    if (this.#free.length < this.#options.freeMax) this.#free.push(slab);
  }

  /** Drops free slabs until at most `bytesMax` are kept. */
  trim(bytesMax: number): void {
    while (this.freeBytes > Math.max(0, bytesMax)) this.#free.pop();
  }
}

function sharedBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(slabBytes);
}

/**
 * Changes to a key-value store that are visible at once and written in large batches.
 *
 * Invariants:
 * - `get` sees every change made by `put`, written or not;
 * - what one `flush` writes is exactly what had been put when it began, in one batch: all or none after a crash;
 * - at most two generations are in memory: the one being written and the one being filled.
 */
import type { Kv, KvChange } from "#runtime/kv/kv.ts";

/** Changes that start a flush by themselves. Twice as many make writers wait for the one under way. */
export const OVERLAY_CHANGES_MAX = 8192;

interface Generation {
  readonly changes: Map<string, Uint8Array | undefined>;
}

export class KvOverlay {
  readonly #kv: Kv;
  #filling: Generation = { changes: new Map() };
  #writing: Generation | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const name = nameOf(key);
    if (this.#filling.changes.has(name)) return this.#filling.changes.get(name);
    if (this.#writing?.changes.has(name)) return this.#writing.changes.get(name);
    return this.#kv.get(key);
  }

  put(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#filling.changes.set(nameOf(key), value);
  }

  /** Changes not yet being written. */
  get pendingCount(): number {
    return this.#filling.changes.size;
  }

  /** Pairs as the last flush left them: flush first where that matters. */
  range(from: Uint8Array, to: Uint8Array, limit: number): readonly { key: Uint8Array; value: Uint8Array }[] {
    return this.#kv.range(from, to, limit);
  }

  /** Everything put before the call is in the store when the promise settles. Flushes follow one another. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#writeGeneration());
    return this.#flushing;
  }

  async #writeGeneration(): Promise<void> {
    const generation = this.#filling;
    if (generation.changes.size === 0) return;
    this.#filling = { changes: new Map() };
    this.#writing = generation;
    const changes: KvChange[] = [];
    for (const [name, value] of generation.changes) changes.push({ key: Buffer.from(name, "latin1"), value });
    await this.#kv.batch(changes);
    this.#writing = undefined;
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

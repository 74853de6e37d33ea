/**
 * Changes to a key-value store that are visible at once and written in large batches. What the store refuses, as on a
 * full disk, stays in memory and is tried again with what came later.
 *
 * Invariants:
 * - `get` sees every change made by `put`, written or not;
 * - what one `flush` writes is exactly what had been put when its turn came, in one batch: all or none after a crash;
 * - at most two generations are in memory: the one being written and the one being filled. A refused one becomes part of
 *   the one being filled, whose bound is then its owner's to see to (`hasRoom`).
 */
import type { Kv, KvChange } from "#runtime/kv/kv.ts";

/** Changes that start a flush by themselves. Twice as many make writers wait for the one under way. */
export const OVERLAY_CHANGES_MAX = 8192;

/** Changes that may wait while the store refuses them: some 250 MB. No put is taken past it. */
export const OVERLAY_WAITING_MAX = 1_048_576;

interface Generation {
  readonly changes: Map<string, Uint8Array | undefined>;
}

export class KvOverlay {
  readonly #kv: Kv;
  readonly #waitingMax: number;
  #refusal: string | undefined;
  #filling: Generation = { changes: new Map() };
  #writing: Generation | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(kv: Kv, waitingMax: number = OVERLAY_WAITING_MAX) {
    this.#kv = kv;
    this.#waitingMax = waitingMax;
  }

  /** Why the store refused the last flush. Undefined while it takes them. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** False when as much is refused as memory may hold. */
  get hasRoom(): boolean {
    return this.#refusal === undefined || this.pendingCount < this.#waitingMax;
  }

  /** False when half of that is, which is left to those who cannot do without. */
  get hasRoomToSpare(): boolean {
    return this.#refusal === undefined || this.pendingCount < this.#waitingMax / 2;
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

  /** Pairs with `from <= key < to`, at most `limit`, in key order: written or not. Looks through all that is not. */
  range(from: Uint8Array, to: Uint8Array, limit: number): readonly { key: Uint8Array; value: Uint8Array }[] {
    const changed = this.#changedBetween(nameOf(from), nameOf(to));
    let removedCount = 0;
    for (const value of changed.values()) if (value === undefined) removedCount += 1;
    const written = this.#kv.range(from, to, limit + removedCount);
    if (changed.size === 0) return written;
    const values = new Map<string, Uint8Array | undefined>(written.map(({ key, value }) => [nameOf(key), value]));
    for (const [name, value] of changed) values.set(name, value);
    const pairs: { key: Uint8Array; value: Uint8Array }[] = [];
    for (const name of [...values.keys()].sort()) {
      const value = values.get(name);
      if (value !== undefined) pairs.push({ key: Buffer.from(name, "latin1"), value });
    }
    return pairs.slice(0, limit);
  }

  /**
   * Everything put before the call is in the store when the promise settles, or was refused: see `refusal`. Flushes
   * follow one another; `before` runs when this one's turn has come, for a change that sums up the others.
   */
  flush(before: () => void = () => undefined): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#writeGeneration(before));
    return this.#flushing;
  }

  async #writeGeneration(before: () => void): Promise<void> {
    if (this.#filling.changes.size === 0) return;
    before();
    const generation = this.#filling;
    this.#filling = { changes: new Map() };
    this.#writing = generation;
    const changes: KvChange[] = [];
    for (const [name, value] of generation.changes) changes.push({ key: Buffer.from(name, "latin1"), value });
    // The store is a seam: what it does not take is not lost, and a later flush tries again.
    try {
      await this.#kv.batch(changes);
      this.#refusal = undefined;
    } catch (error) {
      this.#refusal = describeRefusal(error);
    }
    this.#writing = undefined;
    if (this.#refusal === undefined) return;
    for (const [name, value] of this.#filling.changes) generation.changes.set(name, value);
    this.#filling = generation;
  }

  #changedBetween(from: string, to: string): ReadonlyMap<string, Uint8Array | undefined> {
    const changed = new Map<string, Uint8Array | undefined>();
    for (const generation of [this.#writing, this.#filling]) {
      for (const [name, value] of generation?.changes ?? []) {
        if (name >= from && name < to) changed.set(name, value);
      }
    }
    return changed;
  }
}

/** At most 200 characters, for logs and health. */
function describeRefusal(error: unknown): string {
  return String(error instanceof Error ? error.message : error).slice(0, 200);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

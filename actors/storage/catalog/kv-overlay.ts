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

/** Pairs of one read of a range of which much is removed. */
const READ_PAIRS_MAX = 8192;

interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

type NamedValue = readonly [name: string, value: Uint8Array];

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
  /** Flushes whose turn has not come. */
  #awaitedCount = 0;

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
    const changes = this.#changesWith(name);
    return changes === undefined ? this.#kv.get(key) : changes.get(name);
  }

  put(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#filling.changes.set(nameOf(key), value);
  }

  /** Changes not yet being written. */
  get pendingCount(): number {
    return this.#filling.changes.size;
  }

  /** More wait than a flush is begun for, and none is to come: each takes all that is put before its turn. */
  get isFlushDue(): boolean {
    return this.#refusal === undefined && this.pendingCount >= OVERLAY_CHANGES_MAX && this.#awaitedCount === 0;
  }

  /**
   * Pairs with `from <= key < to`, at most `limit`, in key order: written or not. Looks through all that is not, which may be a million
   * changes, and sorts only those that can be among the first.
   */
  range(from: Uint8Array, to: Uint8Array, limit: number): readonly Pair[] {
    const written: Pair[] = [];
    let next: Uint8Array | undefined = from;
    for (let count = limit; next !== undefined && written.length < limit; count = Math.min(2 * count, READ_PAIRS_MAX)) {
      const page = this.#kv.range(next, to, count);
      for (const pair of page) if (this.#changesWith(nameOf(pair.key)) === undefined) written.push(pair);
      const last = page.at(-1);
      next = last === undefined || page.length < count ? undefined : Buffer.concat([last.key, Uint8Array.of(0)]);
    }
    // What is changed behind the last one that was read is not among the first.
    const changed = this.#firstPut(nameOf(from), nameOf(next ?? to), limit);
    if (changed.length === 0) return written.slice(0, limit);
    const values = new Map(written.map(({ key, value }) => [nameOf(key), value]));
    for (const [name, value] of changed) values.set(name, value);
    const pairs = [...values].sort(byName).slice(0, limit);
    return pairs.map(([name, value]) => ({ key: Buffer.from(name, "latin1"), value }));
  }

  /**
   * Everything put before the call is in the store when the promise settles, or was refused: see `refusal`. Flushes
   * follow one another; `before` runs when this one's turn has come, for a change that sums up the others.
   */
  flush(before: () => void = () => undefined): Promise<void> {
    this.#awaitedCount += 1;
    this.#flushing = this.#flushing.then(() => this.#writeGeneration(before));
    return this.#flushing;
  }

  async #writeGeneration(before: () => void): Promise<void> {
    this.#awaitedCount -= 1;
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

  /** The newest ones that have it. */
  #changesWith(name: string): Generation["changes"] | undefined {
    if (this.#filling.changes.has(name)) return this.#filling.changes;
    return this.#writing?.changes.has(name) === true ? this.#writing.changes : undefined;
  }

  /** The first of those that are not removals, at most `limit`, in any order. */
  #firstPut(from: string, to: string, limit: number): readonly NamedValue[] {
    let first: NamedValue[] = [];
    let end = to;
    const take = (name: string, value: Uint8Array | undefined): void => {
      if (value === undefined || name < from || name >= end) return;
      first.push([name, value]);
      if (first.length < 2 * limit) return;
      first = first.sort(byName).slice(0, limit);
      end = first.at(-1)?.[0] ?? end;
    };
    const { changes } = this.#filling;
    for (const [name, value] of changes) take(name, value);
    for (const [name, value] of this.#writing?.changes ?? []) if (!changes.has(name)) take(name, value);
    return first;
  }
}

/** In the order of the keys: a name has one character for each byte. */
function byName([one]: NamedValue, [other]: NamedValue): number {
  return one < other ? -1 : 1;
}

/** At most 200 characters, for logs and health. */
function describeRefusal(error: unknown): string {
  return String(error instanceof Error ? error.message : error).slice(0, 200);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

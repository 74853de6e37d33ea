/**
 * A store on disk, or one in memory in its place for as long as the disk has no room for a new one.
 *
 * What is in memory moves to the disk as a whole when it is told to: batches wait meanwhile, reads go on. The pairs that
 * vouch for the others go last, so that a move which a crash cuts off leaves a store that nobody takes for a whole one.
 */
import type { Disk } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { keyBytesMax } from "#runtime/kv/check.ts";
import type { Kv, KvBroken, KvChange, KvStores } from "#runtime/kv/kv.ts";
import { memoryKv } from "#runtime/kv/memory-kv.ts";

/** Pairs of one batch of a move. */
const PAIRS_AT_ONCE = 8192;
const FIRST_KEY: Uint8Array = new Uint8Array(1);
/** Behind every key. */
const END_KEY: Uint8Array = new Uint8Array(keyBytesMax + 1).fill(255);

export interface SpareKvOptions {
  readonly stores: KvStores;
  readonly disk: Pick<Disk, "removeTree">;
  readonly directory: string;
  readonly mapBytesMax: number;
  /** Keys and values in memory. Past it batches are refused, as by a full disk. */
  readonly memoryBytesMax: number;
  /** Pairs without which the owner takes the store for one that is not whole. */
  readonly isLast: (key: Uint8Array) => boolean;
}

/** Fails only with what is wrong with a store that is there. */
export async function openOrSpare(options: SpareKvOptions): Promise<Result<SpareKv, KvBroken>> {
  const { stores, directory, mapBytesMax, memoryBytesMax } = options;
  const opened = await stores.open(directory, { mapBytesMax });
  if (opened.ok) return ok(new SpareKv(options, opened.value, false));
  if (opened.failure.code !== "kv.full") return fail(opened.failure);
  return ok(new SpareKv(options, memoryKv(memoryBytesMax), true));
}

export class SpareKv implements Kv {
  readonly #options: SpareKvOptions;
  /** One that began in memory keeps its batches in line for good: one given before the move never overtakes. */
  readonly #isInLine: boolean;
  #kv: Kv;
  #isInMemory: boolean;
  #line: Promise<unknown> = Promise.resolve();
  #moving: Promise<boolean> | undefined;
  /** Settles when the store of a move that failed is closed. */
  #left: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: SpareKvOptions, kv: Kv, isInMemory: boolean) {
    this.#options = options;
    this.#kv = kv;
    this.#isInMemory = isInMemory;
    this.#isInLine = isInMemory;
  }

  get isInMemory(): boolean {
    return this.#isInMemory;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#kv.get(key);
  }

  range(from: Uint8Array, to: Uint8Array, limit: number): readonly { key: Uint8Array; value: Uint8Array }[] {
    return this.#kv.range(from, to, limit);
  }

  batch(changes: readonly KvChange[]): Promise<void> {
    if (!this.#isInLine) return this.#kv.batch(changes);
    const copied = changes.map(({ key, value }) => ({
      key: new Uint8Array(key),
      value: value && new Uint8Array(value),
    }));
    return this.#inLine(() => this.#kv.batch(copied));
  }

  count(): number {
    return this.#kv.count();
  }

  flush(): Promise<void> {
    return this.#kv.flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#line;
    await this.#kv.close();
    await this.#left;
  }

  /** True if it is on disk now. A disk that is still full leaves everything as it is. */
  moveToDisk(): Promise<boolean> {
    if (!this.#isInMemory) return Promise.resolve(true);
    this.#moving ??= this.#inLine(() => this.#move()).finally(() => {
      this.#moving = undefined;
    });
    return this.#moving;
  }

  async #move(): Promise<boolean> {
    const { stores, disk, directory, mapBytesMax } = this.#options;
    if (this.#closed) return false;
    // What is there is not of this life: a store that could not be opened, or a move that did not end.
    const removed = await disk.removeTree(directory);
    if (!removed.ok) return false;
    const opened = await stores.open(directory, { mapBytesMax });
    if (!opened.ok) return false;
    const memory = this.#kv;
    const copied = await this.#copy(memory, opened.value).then(
      (isWhole) => isWhole,
      // The store is a seam: it rejects where it has no room after all.
      () => false,
    );
    if (!copied) {
      // Not waited for: a batch that did not end in time may never end, and what it still writes goes with the directory.
      this.#left = opened.value.close();
      await disk.removeTree(directory);
      return false;
    }
    this.#kv = opened.value;
    this.#isInMemory = false;
    await memory.close();
    return true;
  }

  async #copy(from: Kv, to: Kv): Promise<boolean> {
    const last: KvChange[] = [];
    let next = FIRST_KEY;
    for (;;) {
      if (this.#closed) return false;
      const pairs = from.range(next, END_KEY, PAIRS_AT_ONCE);
      const first: KvChange[] = [];
      for (const pair of pairs) (this.#options.isLast(pair.key) ? last : first).push(pair);
      await to.batch(first);
      const end = pairs.at(-1);
      if (end === undefined || pairs.length < PAIRS_AT_ONCE) break;
      next = new Uint8Array(end.key.length + 1);
      next.set(end.key);
    }
    await to.batch(last);
    return true;
  }

  #inLine<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#line.then(work);
    this.#line = done.catch(() => undefined);
    return done;
  }
}

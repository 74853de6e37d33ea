/**
 * A small ordered key-value store, as a seam. **A KV is only ever a cache of packs or of a journal**: delete it and it
 * is rebuilt, so `batch` promises order and atomicity, not durability.
 */
import type { Failure, Result } from "#runtime/errors.ts";

/** The store could not be opened or read: damaged, locked by another process, or of another version. */
export interface KvBroken extends Failure<"kv.broken"> {
  readonly path: string;
  readonly cause: string;
}

/** The disk has no room for a new store. Nothing was made, and a store that is there was left alone. Try later. */
export interface KvFull extends Failure<"kv.full"> {
  readonly path: string;
}

/** Keys 1 … 511 bytes, ordered as unsigned bytes; values 0 … 1 MiB. `value: undefined` removes the key. */
export interface KvChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export interface Kv {
  /** Throws where the value is not what was put: the store is damaged, and its owner throws it away. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Pairs with `from <= key < to`, at most `limit`, in key order. Throws as `get` does. */
  range(from: Uint8Array, to: Uint8Array, limit: number): readonly { key: Uint8Array; value: Uint8Array }[];
  /**
   * All or none, after every earlier batch. Visible to `get` when the promise settles. It rejects when the store refuses
   * (its map or the disk is full, the disk is broken): nothing of the batch is there, the store goes on, try later. Where
   * it cannot go on, `get` and `range` throw from then on, too. One that did not end in time is refused as well, and may
   * be there later, all of it and before every later batch: write again what was refused, or something newer.
   */
  batch(changes: readonly KvChange[]): Promise<void>;
  count(): number;
  /** Waits until every settled batch is on disk. */
  flush(): Promise<void>;
  /** Waits for a batch that did not end in time, too, however long: what has closed is written to by nobody. */
  close(): Promise<void>;
}

export interface KvStores {
  /** `directory` is made if missing. One opener at a time. `mapBytesMax` bounds the file. */
  open(directory: string, options: { readonly mapBytesMax: number }): Promise<Result<Kv, KvBroken | KvFull>>;
}

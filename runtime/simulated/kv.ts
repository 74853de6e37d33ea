/**
 * Key-value stores in memory.
 *
 * A store outlives its `Kv`: opening the directory again finds what was written, as on disk. `crash` drops whole
 * batches from the end, as many as the seed says, back to the last `flush`; `damage` makes the next `open` fail.
 */
import type { Disk } from "#runtime/disk/disk.ts";
import { assert, Defect, fail, ok } from "#runtime/errors.ts";
import { addedBytesOf, assertChanges, assertKey } from "#runtime/kv/check.ts";
import type { Kv, KvChange, KvStores } from "#runtime/kv/kv.ts";
import { SortedPairs } from "#runtime/kv/sorted-pairs.ts";
import type { Random } from "#runtime/random.ts";

/** The stores of a simulation, and what a test does to them. */
export interface MemoryKvStores extends KvStores {
  /** The power is cut: open stores are closed, and batches after the last `flush` may be gone, the newest first. */
  crash(random: Random): void;
  /** The file in `directory` is damaged: `open` answers `kv.broken` until `remove`. */
  damage(directory: string): void;
  /** One value decays: who reads it is told so, until it is written again. */
  damageValue(directory: string, key: Uint8Array): void;
  /** While `cause` is set, every batch rejects with it, as on a full disk; `undefined` ends that. */
  refuseBatches(cause: string | undefined): void;
  /** While true, no new store can be opened: `kv.full`, as on a disk without room for one. */
  refuseNew(isFull: boolean): void;
  /** Deletes the store in `directory`, as an operator deletes a cache. */
  remove(directory: string): void;
}

interface Store {
  readonly directory: string;
  /** What the last `flush` made certain, and the batches since. */
  flushed: SortedPairs;
  readonly unflushed: (readonly KvChange[])[];
  visible: SortedPairs;
  /** Keys of values that have decayed, in hex. */
  readonly decayed: Set<string>;
  opener: symbol | undefined;
}

/** What is wrong with the disk under all stores. */
interface Trouble {
  refusal: string | undefined;
  isFull: boolean;
}

/**
 * With a `disk`, each store leaves a file in its directory there: whoever removes the directory on that disk removes the
 * store, as with a real one.
 */
export function memoryKvStores({ disk }: { readonly disk?: Disk } = {}): MemoryKvStores {
  const stores = new Map<string, Store>();
  const damaged = new Set<string>();
  const trouble: Trouble = { refusal: undefined, isFull: false };

  return {
    async open(directory, { mapBytesMax }) {
      if (disk !== undefined && !(await leaveTrace(disk, directory))) {
        damaged.delete(directory);
        stores.delete(directory);
      }
      if (damaged.has(directory)) return fail({ code: "kv.broken", path: directory, cause: "the file is damaged" });
      if (trouble.isFull && !stores.has(directory)) return fail({ code: "kv.full", path: directory });
      const store = stores.get(directory) ?? createStore(directory);
      if (store.opener !== undefined) return fail({ code: "kv.broken", path: directory, cause: "opened already" });
      stores.set(directory, store);
      store.opener = Symbol(directory);
      return ok(openKv(store, store.opener, mapBytesMax, trouble));
    },

    crash(random) {
      for (const store of stores.values()) {
        const survivors = store.unflushed.slice(0, random.below(store.unflushed.length + 1));
        store.unflushed.length = 0;
        for (const changes of survivors) store.flushed.change(changes);
        store.visible = store.flushed.clone();
        store.opener = undefined;
      }
    },

    damage(directory) {
      damaged.add(directory);
    },

    damageValue(directory, key) {
      stores.get(directory)?.decayed.add(nameOf(key));
    },

    refuseBatches(cause) {
      trouble.refusal = cause;
    },

    refuseNew(isFull) {
      trouble.isFull = isFull;
    },

    remove(directory) {
      damaged.delete(directory);
      stores.delete(directory);
    },
  };
}

/** Whether the store's file was there. It is now. */
async function leaveTrace(disk: Disk, directory: string): Promise<boolean> {
  const path = `${directory}/store`;
  const found = await disk.readFile(path);
  if (found.ok) return true;
  await disk.makeDirectory(directory);
  await disk.replaceFile(path, new Uint8Array(0));
  return false;
}

function assertWhole({ decayed }: Store, key: Uint8Array): void {
  if (decayed.size > 0 && decayed.has(nameOf(key))) throw new Defect("kv: a value is not what was put");
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString("hex");
}

function createStore(directory: string): Store {
  const flushed = new SortedPairs();
  return { directory, flushed, unflushed: [], visible: flushed.clone(), decayed: new Set(), opener: undefined };
}

function openKv(store: Store, opener: symbol, mapBytesMax: number, trouble: Trouble): Kv {
  const assertOpen = (): void => assert(store.opener === opener, "only an open store is used");
  const flush = (): void => {
    for (const changes of store.unflushed) store.flushed.change(changes);
    store.unflushed.length = 0;
  };

  return {
    get(key) {
      assertOpen();
      assertKey(key);
      assertWhole(store, key);
      return store.visible.get(key);
    },

    range(from, to, limit) {
      assertOpen();
      const pairs = store.visible.range(from, to, limit);
      for (const { key } of pairs) assertWhole(store, key);
      return pairs;
    },

    async batch(changes) {
      assertOpen();
      assertChanges(changes);
      // Copied at the call: the caller may use its buffers again at once.
      const copied = changes.map(({ key, value }) => ({
        key: new Uint8Array(key),
        value: value && new Uint8Array(value),
      }));
      await undefined;
      // The store crashed in between: nobody is left to tell.
      if (store.opener !== opener) return;
      if (trouble.refusal !== undefined) throw new Error(`kv: ${trouble.refusal}`);
      const addedBytes = addedBytesOf(changes);
      if (addedBytes > 0 && store.visible.usedBytes + addedBytes > mapBytesMax) {
        throw new Error("kv: the store has reached mapBytesMax");
      }
      store.visible.change(copied);
      store.unflushed.push(copied);
      for (const { key } of copied) store.decayed.delete(nameOf(key));
    },

    count() {
      assertOpen();
      return store.visible.count;
    },

    async flush() {
      assertOpen();
      await undefined;
      flush();
    },

    async close() {
      // Behind the batches that were given before it.
      await undefined;
      if (store.opener !== opener) return;
      flush();
      store.opener = undefined;
    },
  };
}

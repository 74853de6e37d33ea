/** Stores of a catalog that do something else than the real ones, for those who want to hear what is asked of them. */
import { digestKeys } from "#actors/storage/catalog/catalog-records.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import { ok } from "#runtime/errors.ts";
import type { Kv, KvStores } from "#runtime/kv/kv.ts";

function alteredStores(stores: KvStores, alter: (kv: Kv) => Partial<Kv>): KvStores {
  return {
    open: async (...asked) => {
      const opened = await stores.open(...asked);
      return opened.ok ? ok(Object.assign(Object.create(opened.value), alter(opened.value))) : opened;
    },
  };
}

/** They take no change from some moment on: what their owner has by then is not heard of again, as after a crash. */
export function deafStores(stores: KvStores, isDeaf: () => boolean): KvStores {
  return alteredStores(stores, (kv) => ({
    batch: async (changes) => {
      if (isDeaf()) throw new Error("not heard any more");
      await kv.batch(changes);
    },
  }));
}

/** Hears of every page of such records that is looked at; `isFirst`: a walk over all of them begins. */
export function watchedStores(stores: KvStores, onPage: (isFirst: boolean) => void, kind: RecordKind): KvStores {
  const [first, end] = digestKeys(kind);
  return alteredStores(stores, (kv) => ({
    range: (from, to, limit) => {
      if (Buffer.compare(to, end) === 0) onPage(Buffer.compare(from, first) === 0);
      return kv.range(from, to, limit);
    },
  }));
}

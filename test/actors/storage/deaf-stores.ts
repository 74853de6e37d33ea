/** Stores that take no change from some moment on: what their owner has by then is not heard of again, as after a crash. */
import { ok } from "#runtime/errors.ts";
import type { KvStores } from "#runtime/kv/kv.ts";

export function deafStores(stores: KvStores, isDeaf: () => boolean): KvStores {
  return {
    open: async (...asked) => {
      const opened = await stores.open(...asked);
      if (!opened.ok) return opened;
      const { value: kv } = opened;
      return ok({
        get: (key) => kv.get(key),
        range: (from, to, limit) => kv.range(from, to, limit),
        batch: async (changes) => {
          if (isDeaf()) throw new Error("not heard any more");
          await kv.batch(changes);
        },
        count: () => kv.count(),
        flush: () => kv.flush(),
        close: () => kv.close(),
      });
    },
  };
}

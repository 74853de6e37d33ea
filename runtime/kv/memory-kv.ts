/** A key-value store that is only in memory, for one life: what a cache is kept in while the disk has no room for it. */
import { assert, Defect } from "#runtime/errors.ts";
import { addedBytesOf, assertChanges, assertKey } from "#runtime/kv/check.ts";
import type { Kv } from "#runtime/kv/kv.ts";
import { SortedPairs } from "#runtime/kv/sorted-pairs.ts";

/** Past `bytesMax` bytes of keys and values a batch is refused, as on a full disk. */
export function memoryKv(bytesMax: number): Kv {
  const pairs = new SortedPairs();
  let isOpen = true;
  const assertOpen = (): void => assert(isOpen, "only an open store is used");

  return {
    get(key) {
      assertOpen();
      assertKey(key);
      return pairs.get(key);
    },
    range(from, to, limit) {
      assertOpen();
      return pairs.range(from, to, limit);
    },
    async batch(changes) {
      assertOpen();
      assertChanges(changes);
      const addedBytes = addedBytesOf(changes);
      if (addedBytes > 0 && pairs.usedBytes + addedBytes > bytesMax) {
        throw new Defect("kv: the store in memory has reached its bound");
      }
      pairs.change(changes);
    },
    count() {
      assertOpen();
      return pairs.count;
    },
    flush: () => Promise.resolve(),
    async close() {
      isOpen = false;
    },
  };
}

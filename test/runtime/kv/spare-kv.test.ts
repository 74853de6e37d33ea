/** The store that waits in memory for room on the disk. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Defect, ok } from "#runtime/errors.ts";
import type { KvChange, KvStores } from "#runtime/kv/kv.ts";
import { memoryKv } from "#runtime/kv/memory-kv.ts";
import { openOrSpare, type SpareKv } from "#runtime/kv/spare-kv.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";

const DIRECTORY = "/data/cache";
const LAST: Uint8Array = Uint8Array.of(0x6d);

async function openSpare(
  stores: MemoryKvStores,
  mapBytesMax: number = 1e9,
  opener: KvStores = stores,
): Promise<SpareKv> {
  const opened = await openOrSpare({
    stores: opener,
    disk: {
      removeTree: async (directory) => {
        stores.remove(directory);
        return ok();
      },
    },
    directory: DIRECTORY,
    mapBytesMax,
    memoryBytesMax: 1e7,
    isLast: (key) => Buffer.compare(key, LAST) === 0,
  });
  assert(opened.ok);
  return opened.value;
}

function pair(number: number, value: number = number): KvChange {
  const key = Buffer.alloc(5);
  key.writeUInt32BE(number, 1);
  key[0] = number % 2 === 0 ? 0x64 : 0x70;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return { key, value: bytes };
}

const numberAt = (kv: SpareKv, number: number): number | undefined => {
  const value = kv.get(pair(number).key);
  return value === undefined ? undefined : Buffer.from(value).readUInt32BE();
};

describe("spare kv", { timeout: 60_000 }, () => {
  it("is on the disk from the start where that has room", async () => {
    const kv = await openSpare(memoryKvStores());

    assert.equal(kv.isInMemory, false);
  });

  it("moves all of many pairs, with the batches that came meanwhile behind them, in order", async () => {
    const stores = memoryKvStores();
    stores.refuseNew(true);
    const kv = await openSpare(stores);
    const pairs = Array.from({ length: 20_000 }, (_, number) => pair(number));
    await kv.batch([...pairs, { key: LAST, value: LAST }]);
    assert.deepEqual([kv.isInMemory, await kv.moveToDisk(), kv.isInMemory], [true, false, true]);

    stores.refuseNew(false);
    const moving = kv.moveToDisk();
    const during = kv.batch([pair(7, 1), { key: pair(9).key, value: undefined }]);
    assert.equal(numberAt(kv, 7), 7);
    assert.equal(await moving, true);
    const after = kv.batch([pair(7, 2)]);
    await Promise.all([during, after]);

    assert.deepEqual([kv.isInMemory, kv.count()], [false, 20_000]);
    assert.deepEqual(
      [7, 8, 9, 19_999].map((number) => numberAt(kv, number)),
      [2, 8, undefined, 19_999],
    );
    await kv.close();
    const again = await openSpare(stores);
    assert.deepEqual([again.isInMemory, again.count(), numberAt(again, 7)], [false, 20_000, 2]);
  });

  it("stays as it is where the disk is full again in the middle, and nothing there passes for whole", async () => {
    const stores = memoryKvStores();
    stores.refuseNew(true);
    const kv = await openSpare(stores, 100_000);
    await kv.batch([...Array.from({ length: 15_000 }, (_, number) => pair(number)), { key: LAST, value: LAST }]);
    stores.refuseNew(false);

    const moved = await kv.moveToDisk();

    assert.deepEqual([moved, kv.isInMemory, kv.count(), numberAt(kv, 14_999)], [false, true, 15_001, 14_999]);
    await kv.close();
    const fresh = await stores.open(DIRECTORY, { mapBytesMax: 1e6 });
    assert(fresh.ok);
    assert.equal(fresh.value.get(LAST), undefined);
  });

  it("goes on in memory where a batch of the move does not end, removes what that writes, and is closed behind it", async () => {
    const stores = memoryKvStores();
    const ended = Promise.withResolvers<void>();
    const late: KvStores = {
      open: async (...of) => {
        const opened = await stores.open(...of);
        if (!opened.ok) return opened;
        const batch = (): Promise<never> => Promise.reject(new Defect("kv: a commit has not ended for 60 s"));
        return ok({ ...opened.value, batch, close: () => ended.promise.then(() => opened.value.close()) });
      },
    };
    stores.refuseNew(true);
    const kv = await openSpare(stores, 1e9, late);
    await kv.batch([pair(1)]);
    stores.refuseNew(false);

    assert.equal(await kv.moveToDisk(), false);
    await kv.batch([pair(2)]);
    let isClosed = false;
    const closing = kv.close().then(() => {
      isClosed = true;
    });
    await nextTurn();

    assert.deepEqual([kv.isInMemory, isClosed], [true, false]);
    ended.resolve();
    await closing;
    const fresh = await stores.open(DIRECTORY, { mapBytesMax: 1e6 });
    assert(fresh.ok);
    assert.equal(fresh.value.count(), 0);
  });
});

describe("memory kv", () => {
  it("takes what fits its bound to the byte, refuses one more, whole, and takes removals", async () => {
    const kv = memoryKv(18);
    await kv.batch([pair(1), pair(2)]);

    await assert.rejects(kv.batch([{ key: Uint8Array.of(1), value: new Uint8Array(0) }]), /bound/);

    assert.equal(kv.count(), 2);
    await kv.batch([{ key: pair(1).key, value: undefined }]);
    await kv.batch([pair(3)]);
    const all = kv.range(Uint8Array.of(0), Uint8Array.of(255), 10);
    assert.deepEqual(
      all.map(({ key }) => Buffer.from(key).toString("hex")),
      ["6400000002", "7000000003"],
    );
  });
});

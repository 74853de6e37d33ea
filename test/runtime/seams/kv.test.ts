/** Both kinds of key-value stores under one suite, then what only the one in memory does. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createLmdbStores } from "#runtime/real/kv.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { b, kvSuite, mapBytesMax, put } from "#test/runtime/seams/kv-suite.ts";

kvSuite("lmdb", async (context) => ({
  stores: createLmdbStores(realClock),
  directory: `${await tempDirectory(context)}/made/index`,
}));
kvSuite("memory", async () => ({ stores: memoryKvStores(), directory: "/index" }));

describe("kv (memory): faults", () => {
  test("a crash loses whole batches after the last flush, the newest first", async () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 50; seed += 1) {
      const stores = memoryKvStores();
      const kv = must(await stores.open("/index", { mapBytesMax }), "opening");
      await kv.batch([put(b(0), b(0))]);
      await kv.flush();
      for (const index of [1, 2, 3]) await kv.batch([put(b(index), b(index)), put(b(index, 0), b(index))]);

      stores.crash(seededRandom(seed));

      const after = must(await stores.open("/index", { mapBytesMax }), "opening again");
      const keys = after.range(b(0), b(9), 9).map(({ key }) => key);
      const all = [b(0), b(1), b(1, 0), b(2), b(2, 0), b(3), b(3, 0)];
      assert.deepEqual(keys, all.slice(0, keys.length));
      assert.equal(keys.length % 2, 1, "a batch is kept or lost whole");
      seen.add(keys.length);
    }
    assert.deepEqual([...seen].sort(), [1, 3, 5, 7]);
  });

  test("a damaged store does not open until it is removed, and is empty then", async () => {
    const stores = memoryKvStores();
    const kv = must(await stores.open("/index", { mapBytesMax }), "opening");
    await kv.batch([put(b(1), b(1))]);
    await kv.close();

    stores.damage("/index");
    assert.deepEqual(await stores.open("/index", { mapBytesMax }), {
      ok: false,
      failure: { code: "kv.broken", path: "/index", cause: "the file is damaged" },
    });

    stores.remove("/index");
    assert.equal(must(await stores.open("/index", { mapBytesMax }), "opening").count(), 0);
  });

  test("a store whose directory is removed on its disk is gone, with its damage", async () => {
    const disk = new MemoryDisk();
    const stores = memoryKvStores({ disk });
    const kv = must(await stores.open("/node/index", { mapBytesMax }), "opening");
    await kv.batch([put(b(1), b(1))]);
    await kv.close();
    stores.damage("/node/index");
    assert.equal((await stores.open("/node/index", { mapBytesMax })).ok, false);

    must(await disk.removeTree("/node/index"), "removing");

    assert.equal(must(await stores.open("/node/index", { mapBytesMax }), "opening again").count(), 0);
  });

  test("while batches are refused nothing of them is there, and afterwards they work", async () => {
    const stores = memoryKvStores();
    const kv = must(await stores.open("/index", { mapBytesMax }), "opening");

    stores.refuseBatches("the disk is full");
    await assert.rejects(kv.batch([put(b(1), b(1))]), /the disk is full/);
    assert.equal(kv.count(), 0);

    stores.refuseBatches(undefined);
    await kv.batch([put(b(1), b(1))]);
    assert.equal(kv.count(), 1);
  });
});

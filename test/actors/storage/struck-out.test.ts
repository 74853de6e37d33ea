/**
 * A batch that reached the disk but for a sector, with a power cut: its commits that do not hold are rejected, and stay so,
 * also for a rebuild that finds them among records that were synced since.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { exitOf, life, mustHold, sizes, stored, turns, type World } from "#test/actors/storage/refused-reads.ts";
import { put, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

/** Sectors that the batch covers, give or take. */
const SECTORS = 16;
const torn = randomBytes(5000, 1);
const kept = randomBytes(1000, 99);

/** Two objects in one batch whose sync never ends; the power goes, and of all that was written `lostSector` is not there. */
async function tornBatch(lostSector: number): Promise<World & { readonly first: StoredObject }> {
  const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
  const mortals = mortal(world.disk, world.kv);
  const kit = await startStorage({ disk: mortals.disk, kv: mortals.kv });
  const first = await stored(kit, kept);
  const gate = Promise.withResolvers<void>();
  const { sync } = world.disk;
  let syncCount = 0;
  world.disk.sync = async (descriptor) => {
    syncCount += 1;
    if (syncCount > 1) return await new Promise<never>(() => undefined);
    await gate.promise;
    return await sync.call(world.disk, descriptor);
  };
  // What comes while this one is being synced is the batch.
  void put(kit, randomBytes(10, 98));
  await turns();
  void put(kit, torn);
  void put(kit, randomBytes(100, 2));
  await turns();
  gate.resolve();
  await turns();
  assert.equal(syncCount, 2);
  mortals.kill();
  world.disk.sync = sync;
  let asked = 0;
  world.disk.crash({ ...seededRandom(1), below: (max) => (++asked === lostSector ? 0 : max - 1) });
  world.kv.crash(seededRandom(lostSector));
  return { ...world, first };
}

describe("storage: a commit that recovery has rejected", () => {
  it("does not come back when the catalog is lost (STO-10)", async () => {
    let rejectedCount = 0;
    for (let lostSector = 1; lostSector <= SECTORS; lostSector += 1) {
      const world = await tornBatch(lostSector);
      const before = await life(world, async (kit) => {
        await stored(kit, randomBytes(200, 3));
        const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
        assert(page.ok);
        return page.value;
      });
      // Two from before the cut, two of the batch, one from after it.
      if (before.entries.length < 5) rejectedCount += 1;
      world.kv.remove("/data/catalog");

      await life(world, async (kit) => {
        const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
        assert(page.ok);
        assert.deepEqual(page.value.entries, before.entries, `sector ${lostSector}`);
        const again = await stored(kit, torn);
        await mustHold(kit, [world.first, again], [kept, torn]);
      });
    }
    assert(rejectedCount >= SECTORS / 2, `the cut is in the batch: ${rejectedCount}`);
  });

  for (const isCatalogLost of [true, false]) {
    const after = isCatalogLost ? "the catalog is lost" : "the same power cut takes it from the catalog";
    it(`does not come back either where the first sync of the rejection failed, when ${after} (STO-3)`, async () => {
      let rejectedCount = 0;
      let failedCount = 0;
      for (let lostSector = 1; lostSector <= SECTORS; lostSector += 1) {
        const world = await tornBatch(lostSector);
        const failing = mortal(world.disk, world.kv);
        world.disk.failNext("sync", "EIO");
        const kit = await startStorage({ disk: failing.disk, kv: failing.kv }).catch(() => undefined);
        // Of a pack that ends where the catalog says nothing is rejected, and nothing synced.
        if (kit === undefined || (await exitOf(kit))?.kind === "crashed") failedCount += 1;
        failing.kill();
        world.disk.crash(seededRandom(1), { keepUnsynced: true });
        world.kv.crash({ ...seededRandom(1), below: (count) => count - 1 });
        const before = await life(world, async (well) => {
          await stored(well, randomBytes(200, 3));
          const page = await well.ref.call("listManifests", { after: undefined, limit: 100 }, within);
          assert(page.ok);
          return page.value.entries;
        });
        if (before.length < 5) rejectedCount += 1;
        // Nothing survives that no sync has brought to the disk.
        world.disk.crash({ ...seededRandom(1), below: () => 0 });
        if (isCatalogLost) world.kv.remove("/data/catalog");
        else world.kv.crash({ ...seededRandom(1), below: () => 0 });

        await life(world, async (last) => {
          const page = await last.ref.call("listManifests", { after: undefined, limit: 100 }, within);
          assert(page.ok);
          assert.deepEqual(page.value.entries, before, `sector ${lostSector}`);
          for (const { manifest } of before) await mustRead(last.ref, manifest, `sector ${lostSector}`);
        });
      }
      assert(rejectedCount >= SECTORS / 2, `the cut is in the batch: ${rejectedCount}`);
      assert(failedCount >= SECTORS - 2, `the sync fails: ${failedCount}`);
    });
  }

  it("leaves nothing behind the end of its pack, where all that is new is rejected", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    const kit = await startStorage(world);
    await stored(kit, kept);
    await kit.actor.stop();
    const end = (await sizes(world.disk)).get("00000001.pack");
    const objects = [1, 2, 3].map((seed) => randomBytes(3000, seed));
    await life(world, async (next) => void (await Promise.all(objects.map((bytes) => stored(next, bytes)))));
    const pack = await world.disk.readFile(firstPack);
    assert(pack.ok);
    for (const bytes of objects) {
      world.disk.flipByte(firstPack, Buffer.from(pack.value).indexOf(bytes.subarray(0, 64)) + 70);
    }

    await life(world, async () => undefined);

    assert.equal((await sizes(world.disk)).get("00000001.pack"), end);
  });

  it("is not there by its own address either, when a rebuild keeps what nobody refers to (STO-3)", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores(), config: { packSealBytes: 1 * MiB } };
    const objects = [1, 2, 3].map((seed) => randomBytes(3000, seed));
    const [, second] = await life(world, async (kit) => await Promise.all(objects.map((bytes) => stored(kit, bytes))));
    assert(second !== undefined);
    const pack = await world.disk.readFile(firstPack);
    assert(pack.ok);
    world.disk.flipByte(firstPack, Buffer.from(pack.value).indexOf(objects[1]?.subarray(0, 64) ?? "") + 70);
    await life(world, async (kit) => {
      assert.equal((await kit.ref.call("getManifest", { root: second.manifest }, within)).ok, false);
      for (let seed = 30; seed < 60; seed += 1) await stored(kit, randomBytes(60 * KiB, seed));
      await turns();
    });
    // The pack is read, because its seal is lost too; others are sealed, and may refer to anything in it.
    const size = (await sizes(world.disk)).get("00000001.pack") ?? 0;
    world.disk.flipByte(firstPack, size - 30);
    world.kv.remove("/data/catalog");

    await life(world, async (kit) => {
      const got = await kit.ref.call("getManifest", { root: second.manifest }, within);
      assert(!got.ok && got.failure.code === "storage.manifest-not-found");
    });
  });
});

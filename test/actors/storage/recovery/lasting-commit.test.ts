/**
 * An object that was put without an end, and for a time while the pack of its commit could not be read and the catalog was new
 * (STO-125): found together, the two are held as the first has asked.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { life, mustHold, refuseReads, turns, type World } from "#test/actors/storage/refused-reads.ts";
import { type StorageKit, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const bytes = randomBytes(5000, 1);

/** So that its pack is sealed, where packs are as small as that. */
async function fillUp(kit: StorageKit): Promise<void> {
  for (let seed = 0; seed < 20; seed += 1) await mustPut(kit, randomBytes(60 * KiB, 100 + seed));
  await turns();
}

async function putTwice(
  world: World,
  before: (kit: StorageKit, first: StoredObject) => Promise<void>,
): Promise<StoredObject> {
  const first = await life(world, async (kit) => {
    const stored = await mustPut(kit, bytes);
    await fillUp(kit);
    await before(kit, stored);
    return stored;
  });
  world.kv.remove("/data/catalog");
  const readAgain = refuseReads(world.disk, (path) => path === firstPack);
  await life(world, async (kit) => {
    const { known, manifest } = await mustPut(kit, bytes, { keepMs: 1000 });
    assert.deepEqual({ known, manifest }, { known: false, manifest: first.manifest });
    await fillUp(kit);
  });
  readAgain();
  return first;
}

async function isCollected({ ref }: StorageKit, { manifest: root }: StoredObject): Promise<boolean> {
  return !(await ref.call("getManifest", { root }, within)).ok;
}

describe("storage: a commit that is found with one that was made without it (STO-125)", () => {
  for (const [what, config] of [
    ["sealed", { packSealBytes: 1 * MiB, compactBelowPercent: 100 }],
    ["not sealed", { compactBelowPercent: 100 }],
  ] as const) {
    for (const isLost of [false, true]) {
      it(`is held as it was, in packs that are ${what}, by a catalog that is ${isLost ? "new again" : "there"}`, async () => {
        const world = { disk: new MemoryDisk(), kv: memoryKvStores(), config };
        const first = await putTwice(world, () => Promise.resolve());
        if (isLost) world.kv.remove("/data/catalog");

        for (const isNew of [false, false, true, true]) {
          if (isNew) world.kv.remove("/data/catalog");
          await life(world, async (kit) => {
            await kit.clock.advance(2000);
            for (const emptyTrash of [false, true]) assert.equal((await collect(kit, emptyTrash)).blocked, undefined);
            await mustHold(kit, [first], [bytes]);
            await fillUp(kit);
          });
        }
      });
    }
  }

  it("is not, where it was removed before", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores(), config: { packSealBytes: 1 * MiB } };
    const first = await putTwice(world, remove);

    await life(world, async (kit) => {
      await mustHold(kit, [first], [bytes]);
      await kit.clock.advance(2000);
      await collect(kit, false);
      assert(await isCollected(kit, first));
    });
  });
});

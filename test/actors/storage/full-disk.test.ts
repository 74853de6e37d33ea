/** Storage that starts, or starts again, on a disk without a byte to spare: what it has is read all the same. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CATALOG_FLUSH_INTERVAL_MS } from "#actors/storage/actor.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";

const CATALOG = "/data/catalog";

interface Full {
  readonly kit: StorageKit;
  readonly kv: MemoryKvStores;
}

/** Two objects are in the packs, their commits not yet in the catalog's store, which takes nothing any more. */
async function fullDisk(): Promise<Full> {
  const disk = new MemoryDisk({ capacityBytes: 1 * GiB });
  const kv = memoryKvStores({ disk });
  const kit = await startStorage({ disk, kv });
  for (const seed of [0, 1]) assert((await put(kit, objectOf(seed))).ok);
  disk.capacityBytes = 0;
  kv.refuseBatches("the disk is full");
  return { kit, kv };
}

function objectOf(seed: number): Uint8Array {
  return randomBytes(seed === 0 ? 2000 : 1500 * KiB, seed);
}

async function mustHoldAll(kit: StorageKit): Promise<void> {
  const listed = await kit.ref.call("listManifests", { after: undefined, limit: 10 }, within);
  assert(listed.ok);
  const contents = [];
  for (const { manifest } of listed.value.entries) contents.push(await mustRead(kit.ref, manifest, manifest));
  assert.deepEqual(contents.slice(0, 2), [objectOf(0), objectOf(1)]);
}

async function refusesPuts(kit: StorageKit): Promise<void> {
  const refused = await put(kit, randomBytes(100, 9));
  assert(!refused.ok && refused.failure.code === "storage.full", JSON.stringify(refused));
}

async function makeRoom({ kit, kv }: Full): Promise<void> {
  kit.disk.capacityBytes = 1 * GiB;
  kv.refuseBatches(undefined);
  kv.refuseNew(false);
  // One flush to see that there is room, and one that was under way before.
  for (const _ of [1, 2]) await kit.clock.advance(CATALOG_FLUSH_INTERVAL_MS);
}

describe("storage: a start on a full disk", () => {
  it("reads everything, lists it, refuses puts, and writes its catalog when there is room (STO-7)", async () => {
    const full = await fullDisk();
    const { kit, kv } = full;

    for (let life = 0; life < 3; life += 1) {
      await kit.crash();
      await mustHoldAll(kit);
      await refusesPuts(kit);
    }

    assert.deepEqual(kit.actor.health, { state: "degraded", reason: "catalog not written: kv: the disk is full" });
    await makeRoom(full);
    assert.equal(kit.actor.health.state, "ready");
    await mustHoldAll(kit);
    assert((await put(kit, randomBytes(100, 9))).ok);
    kit.actor.kill("test");
    await kit.clock.settle();
    const opened = await kv.open(CATALOG, { mapBytesMax: 1 * MiB });
    assert(opened.ok && opened.value.count() > 0, "the catalog is in its store");
  });

  for (const name of ["is gone", "is damaged"]) {
    it(`keeps the catalog in memory where the store ${name} and a new one has no room, and moves it later`, async () => {
      const full = await fullDisk();
      const { kit, kv } = full;
      kit.actor.kill("test");
      await kit.clock.settle();
      if (name === "is gone") {
        kv.remove(CATALOG);
        await kit.disk.removeTree(CATALOG);
      } else kv.damage(CATALOG);
      kv.refuseNew(true);

      await kit.restart();
      await whole(kit);

      await mustHoldAll(kit);
      await refusesPuts(kit);
      assert.deepEqual(kit.actor.health, { state: "degraded", reason: "catalog in memory, the disk is full" });
      await makeRoom(full);
      assert.equal(kit.actor.health.state, "ready");
      await mustHoldAll(kit);
      assert((await put(kit, randomBytes(100, 9))).ok);
      await kit.clock.advance(1000);
      kit.actor.kill("test");
      await kit.clock.settle();
      const opened = await kv.open(CATALOG, { mapBytesMax: 1 * MiB });
      assert(opened.ok && opened.value.count() >= 9, "all of it is in a store on the disk");
    });
  }
});

describe("storage: a start that fails", () => {
  it("leaves nothing open, so that the next one can succeed", async () => {
    const kit = await startStorage();
    assert((await put(kit, objectOf(0))).ok);
    kit.actor.kill("test");
    await kit.clock.settle();
    // Found out after the catalog was opened.
    kit.disk.failNext("list", "EIO");
    await assert.rejects(kit.restart());

    await kit.restart();

    const again = await put(kit, objectOf(0));
    assert(again.ok && again.value.known, JSON.stringify(again));
  });
});

/** A volume that is left out of the configuration, and holds commits of which the catalog does not know. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { deafStores } from "#test/actors/storage/altered-stores.ts";
import { collect, mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const config = { writeQuotaBytes: 64 * MiB, packSealBytes: 4 * MiB } as const;
const objects = Array.from({ length: 24 }, (_, seed) => randomBytes(300 * KiB, seed));

async function mustHoldAll({ ref }: StorageKit, stored: readonly StoredObject[]): Promise<void> {
  for (const { manifest } of stored) await mustRead(ref, manifest, "what was put");
}

/** Without any directory as where none is configured. */
function start(disk: MemoryDisk, kv: KvStores, ...directories: string[]): Promise<StorageKit> {
  const volumes = { directories, erasure: "none" } as const;
  return startStorage({ disk, kv, config, ...(directories.length === 0 ? {} : { volumes }) });
}

describe("storage: a volume that is left out, and holds commits that nobody knows", () => {
  for (const how of ["the catalog is new", "the catalog is of before the puts"] as const) {
    it(`keeps a collection from giving up what they need (${how}) (STO-79)`, async () => {
      const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
      const kv = memoryKvStores();
      let isDeaf = false;
      const first = await start(
        disk,
        deafStores(kv, () => isDeaf),
        "/v1",
        "/v2",
      );
      await looked(first);
      isDeaf = how === "the catalog is of before the puts";
      const stored: StoredObject[] = [];
      for (const bytes of objects) stored.push(await mustPut(first, bytes));
      await first.actor.stop();
      isDeaf = false;

      const later = how === "the catalog is new" ? memoryKvStores() : kv;
      const second = await start(disk, later, "/v1");
      await whole(second);
      await settled(second);
      assert.match((await collect(second, true)).blocked ?? "", /is left out/);
      await second.actor.stop();

      const third = await start(disk, later, "/v1", "/v2");
      await whole(third);
      await looked(third);
      await settled(third);
      await mustHoldAll(third, stored);
    });
  }

  for (const named of [["/v1"], []]) {
    it(`has no other commit get the number of one of them (${named.length} of two are named) (STO-134)`, async () => {
      const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
      const kv = memoryKvStores();
      let isDeaf = false;
      const first = await start(
        disk,
        deafStores(kv, () => isDeaf),
        "/v1",
        "/v2",
      );
      await looked(first);
      isDeaf = true;
      const stored: StoredObject[] = [];
      for (const bytes of objects) stored.push(await mustPut(first, bytes));
      await first.actor.stop();
      const second = await start(disk, kv, ...named);
      await whole(second);
      for (let seed = 100; seed < 124; seed += 1) stored.push(await mustPut(second, randomBytes(300 * KiB, seed)));
      await looked(second);
      assert.match((await collect(second, true)).blocked ?? "", /is left out/);
      await second.actor.stop();

      const third = await start(disk, kv, "/v1", "/v2");
      await whole(third);
      await looked(third);
      await settled(third);
      await collect(third, true);

      await mustHoldAll(third, stored);
    });
  }

  for (const hasPacks of [false, true]) {
    const found = hasPacks ? "packs of before there were volumes" : "no pack at all";
    it(`brings nothing back that was removed meanwhile, by a start with a new catalog and ${found} (STO-134)`, async () => {
      const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
      const kv = memoryKvStores();
      if (hasPacks) {
        const before = await start(disk, kv);
        await mustPut(before, randomBytes(300 * KiB, 1));
        await before.actor.stop();
      }
      // Each start leaves many numbers out: what is put then has a high one.
      for (let life = 0; life < 3; life += 1) {
        const one = await start(disk, kv, "/v1", "/v2");
        await looked(one);
        await mustPut(one, randomBytes(300 * KiB, 10 + life));
        if (life === 2) await mustPut(one, randomBytes(300 * KiB, 20));
        await one.actor.stop();
      }

      const later = memoryKvStores();
      const second = await start(disk, later);
      await whole(second);
      const { manifest } = await mustPut(second, randomBytes(300 * KiB, 20));
      assert((await second.ref.call("removeObject", { manifest }, within)).ok);
      await second.actor.stop();

      const third = await start(disk, later, "/v1", "/v2");
      await whole(third);
      await looked(third);
      await settled(third);
      const read = await third.ref.call("findHeld", { root: manifest }, within);
      assert(!read.ok && read.failure.code === "storage.removed", JSON.stringify(read));
    });
  }

  it("is told of, and given up, where no volume is named at all (STO-89)", async () => {
    const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
    const kv = memoryKvStores();
    const first = await start(disk, kv, "/v1", "/v2");
    await mustPut(first, randomBytes(300 * KiB, 1));
    await first.actor.stop();
    const kit = await start(disk, kv);
    await whole(kit);
    const kept = await mustPut(kit, randomBytes(300 * KiB, 2));
    const { volumes } = await settled(kit);
    assert.deepEqual(
      volumes.map(({ directory, state }) => [directory, state]),
      [
        ["/v1", "left-out"],
        ["/v2", "left-out"],
      ],
    );
    const giveUp = (volume: string, mayLose: boolean) => kit.ref.call("forgetVolume", { volume, mayLose }, within);
    for (const { id } of volumes) {
      const refused = await giveUp(id, false);
      assert(!refused.ok && refused.failure.code === "storage.volume-needed");
      assert((await giveUp(id, true)).ok);
    }
    await looked(kit);

    const report = await collect(kit, true);

    assert.deepEqual([report.blocked, (await facts(kit)).volumes], [undefined, []]);
    await mustRead(kit.ref, kept.manifest, "what was put");
    assert.deepEqual([(await facts(kit)).repair.state, (await facts(kit)).repair.backlogCount], ["idle", 0]);
  });
});

/** A pack on a volume that is worth nothing any more, and that nobody knows: it is named, and can be moved away. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { collect } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const config = { writeQuotaBytes: 64 * MiB };
const PACK = "/v6/packs/00600001.pack";

async function overwrite({ disk }: StorageKit): Promise<void> {
  const { length } = must(await disk.readFile(PACK), "the pack is read");
  const descriptor = must(await disk.open(PACK, "write"), "the pack is opened");
  assert((await disk.write(descriptor, [randomBytes(length, 99)], 0)).ok);
  await disk.close(descriptor);
}

/** What is said of the pack by the volume, and by a collection. */
async function said(kit: StorageKit): Promise<readonly unknown[]> {
  const { blocked } = await collect(kit, false);
  const { volumes: all } = await facts(kit);
  return [blocked, all.map(({ problem }) => problem).filter((problem) => problem !== undefined)];
}

describe("storage: a pack on a volume that cannot be read (STO-25)", () => {
  for (const isBack of [false, true]) {
    const when = isBack ? "when its volume comes back" : "at the start";
    it(`is named by its path, with what to do, and keeps no collection from giving up once that is done: found ${when}`, async () => {
      const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
      assert((await disk.makeDirectory("/pulled")).ok);
      const kv = memoryKvStores({ disk });
      const kit = await startStorage({ disk, kv, volumes, config });
      const stored = [];
      for (const seed of [1, 2, 3]) stored.push(must(await put(kit, randomBytes(900 * KiB, seed)), "put").manifest);
      await settled(kit);

      kit.actor.kill("killed by the test");
      await overwrite(kit);
      kv.remove("/data/catalog");
      if (isBack) await pull(kit, "/v6");
      await kit.restart();
      await whole(kit);
      if (isBack) await putBack(kit, "/v6");
      for (let look = 0; look < 2; look += 1) await looked(kit);
      await settled(kit);
      const sentence = `packs that cannot be read: ${PACK}; put back what they were, or move them away, and start the node again`;
      assert.deepEqual(await said(kit), [sentence, [sentence]]);

      kit.actor.kill("killed by the test");
      assert((await disk.rename(PACK, "/pulled/worthless")).ok);
      await kit.restart();
      await whole(kit);
      const { profile, repair } = await settled(kit);
      assert.deepEqual([profile, repair.state, repair.backlogCount, repair.lostCount], ["4+2", "idle", 0, 0]);
      assert.deepEqual(await said(kit), [undefined, []]);
      for (const directory of ["/v1", "/v2"]) await pull(kit, directory);
      await looked(kit);
      for (const manifest of stored) await mustRead(kit.ref, manifest, "without two other volumes");
    });
  }
});

/** What a volume that is looked through anew lacks may be put back later, and brings nothing back then (STO-131). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { randomBytes, type StorageKit, startStorage } from "#test/actors/storage/storage-kit.ts";
import { looked } from "#test/actors/storage/volumes/spread-kit.ts";

const config = { writeQuotaBytes: 64 * MiB, packSealBytes: 1 * MiB } as const;
const volumes = { directories: ["/v1"], erasure: "none" } as const;

const losses: Readonly<Record<string, (kit: StorageKit, path: string) => Promise<void>>> = {
  gone: async ({ disk }, path) => void must(await disk.remove(path), "away"),
  cut: async ({ disk }, path) => {
    const opened = must(await disk.open(path, "write"), "opened");
    must(await disk.truncate(opened, PACK_FRONT_BYTES), "cut");
    await disk.close(opened);
  },
};

async function settled(kit: StorageKit): Promise<StorageKit> {
  for (let look = 0; look < 3; look += 1) await looked(kit);
  return kit;
}

describe("storage: a pack that a volume lacks when it is looked through anew", () => {
  for (const [what, lose] of Object.entries(losses)) {
    it(`(${what}) brings nothing back that was removed for good, when it is put back`, async () => {
      const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
      const kv = memoryKvStores();
      const nextLife = async (): Promise<StorageKit> =>
        await settled(await startStorage({ disk, kv, volumes, config }));
      const kit = await nextLife();
      const removed = await mustPut(kit, randomBytes(100 * KiB, 1));
      await mustPut(kit, randomBytes(950 * KiB, 2));
      await looked(kit);
      const [path = ""] = must(await disk.list("/v1/packs"), "listed").map(({ name }) => `/v1/packs/${name}`);
      const file = must(await disk.readFile(path), "read");
      await remove(kit, removed);
      assert.equal((await collect(kit, true)).buriedCount, 1);
      await kit.actor.stop();
      await lose(kit, path);
      const without = await nextLife();
      // All packs of that time go, what was cut too, and a later collection finds none of them.
      const passing = [3, 4].map((seed) => mustPut(without, randomBytes(950 * KiB, seed)));
      for (const stored of passing) await remove(without, await stored);
      await looked(without);
      await collect(without, true);
      await mustPut(without, randomBytes(950 * KiB, 5));
      await collect(without, false);
      assert(!must(await disk.list("/v1/packs"), "listed").some(({ name }) => path.endsWith(name)));
      await without.actor.stop();
      must(await disk.replaceFile(path, file), "put back");

      const next = await nextLife();

      assert(!((await readObject(next.ref, removed.manifest)) instanceof Uint8Array));
    });
  }
});

/** Volumes that refuse a record, and too few others that could have it: no volume has two of one payload (STO-77). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { REPAIR_RETRY_MS } from "#actors/storage/repair/repairer.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const FIVE = ["/v1", "/v2", "/v3", "/v4", "/v5"];

interface World {
  readonly kit: StorageKit;
  /** The next write to any pack fails on as many volumes. */
  refuseOn: (volumeCount: number) => void;
}

async function start(volumeCount: number, parityShards: number): Promise<World> {
  let refusals = 0;
  const refused = new Set<string>();
  const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async ({ name, path }, begin) => {
    const volume = path.slice(0, 3);
    if (name !== "write" || !path.includes("/packs/") || refusals === 0 || refused.has(volume)) return await begin();
    refusals -= 1;
    refused.add(volume);
    return fail(diskFailure("EIO", path));
  });
  assert((await disk.makeDirectory("/pulled")).ok);
  const volumes = { directories: FIVE.slice(0, volumeCount), erasure: { dataShards: 2, parityShards } };
  const kit = await startStorage({ disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
  // Every volume has a pack by now.
  for (let seed = 100; seed < 120; seed += 1) await mustPut(kit, randomBytes(1 * KiB, seed));
  await settled(kit);
  const refuseOn = (count: number): void => {
    refusals = count;
    refused.clear();
  };
  return { kit, refuseOn };
}

describe("storage: records that volumes refuse (STO-77)", () => {
  it("refuses a put of which fewer volumes have a copy than it is acknowledged with", async () => {
    const { kit, refuseOn } = await start(3, 1);
    refuseOn(2);

    const refused = await put(kit, randomBytes(1 * KiB, 1));

    assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "EIO" } });
    assert((await put(kit, randomBytes(1 * KiB, 1))).ok);
  });

  for (const [what, sizeBytes, volumeCount] of [
    ["copies", 1 * KiB, 4],
    ["shards", 300 * KiB, 5],
  ] as const) {
    it(`tells repair of what has fewer ${what} than it should, for want of other volumes`, async () => {
      const { kit, refuseOn } = await start(volumeCount, 2);
      refuseOn(2);
      const bytes = randomBytes(sizeBytes, 1);

      const { manifest } = await mustPut(kit, bytes);
      const { repair } = await facts(kit);
      await kit.clock.advance(REPAIR_RETRY_MS);
      const { repair: later } = await settled(kit);

      assert.equal(repair.backlogCount, 1);
      assert.deepEqual([later.state, later.backlogCount, later.repairedCount], ["idle", 0, 1]);
      const directories = FIVE.slice(0, volumeCount);
      for (const one of directories) {
        for (const other of directories.filter((each) => each > one)) {
          await pull(kit, one);
          await pull(kit, other);
          await looked(kit);
          const read = await mustRead(kit.ref, manifest, `without ${one} and ${other}`);
          assert.equal(Buffer.compare(read, bytes), 0);
          await putBack(kit, one);
          await putBack(kit, other);
          await looked(kit);
        }
      }
    });
  }
});

/** How often all that is stored is looked at to count what lacks records (STO-83). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { order } from "#test/actors/storage/repair/repair-kit.ts";
import { randomBytes, startStorage } from "#test/actors/storage/storage-kit.ts";
import { settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const volumes = { directories: ["/v1", "/v2", "/v3"], erasure: { dataShards: 2, parityShards: 1 } } as const;
const options = { volumes, config: { writeQuotaBytes: 64 * MiB } };

describe("storage: repair looks at all that is stored (STO-83)", () => {
  it("once at a start after which nothing has changed", async () => {
    const reads: string[] = [];
    const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async ({ name, path, range }, begin) => {
      if (name === "read" && path.includes("/packs/")) reads.push(`${path} ${range?.from}`);
      return await begin();
    });
    const kv = memoryKvStores({ disk });
    const first = await startStorage({ ...options, disk, kv });
    for (let seed = 1; seed <= 5; seed += 1) await mustPut(first, randomBytes(40 * KiB, seed));
    await settled(first);
    await first.actor.stop();

    reads.length = 0;
    const kit = await startStorage({ ...options, disk, kv });
    await settled(kit);
    const atStart = reads.splice(0);
    await order(kit, "now");
    await settled(kit);

    const walk = new Set(reads);
    assert(walk.size >= 5, `every manifest is read: ${reads.join(", ")}`);
    assert.deepEqual(atStart.filter((read) => walk.has(read)).sort(), [...reads].sort());
  });
});

/** A disk that is long to say that it cannot read one of its sectors, as desktop disks are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VOLUME_STALL_MS } from "#actors/storage/volumes/disk-lane.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { put, randomBytes, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { facts, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const volumes = {
  directories: ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"],
  erasure: { dataShards: 4, parityShards: 2 },
} as const;
const config = { packSealBytes: 64 * MiB, writeQuotaBytes: 64 * MiB };
const OBJECTS = 8;
/** Of the first pack of a volume, in the payload of a shard. */
const SECTOR = 400_000;
const SECTOR_BYTES = 4096;
/** Of one among small records. */
const SECTOR_END = 50 * SECTOR_BYTES;
const SLOW_MS = 3 * VOLUME_STALL_MS;

async function turns(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("storage: a sector that is slow to be refused (STO-113)", () => {
  it("is read once, is repaired, and makes its volume failing once", async () => {
    let bad: string | undefined;
    let readCount = 0;
    const memory = new MemoryDisk({ capacityBytes: 4 * GiB });
    const disk = watchedDisk(memory, async ({ path, range }, begin) => {
      const isBad = path === bad && range !== undefined && range.from <= SECTOR && SECTOR < range.end;
      if (!isBad) return await begin();
      readCount += 1;
      await new Promise<void>((resolve) => void kit.clock.after(SLOW_MS, resolve));
      return fail(diskFailure("EIO", path));
    });
    const kit = await startStorage({ disk, volumes, config });
    for (let seed = 1; seed <= OBJECTS; seed += 1) must(await put(kit, randomBytes(900 * KiB, seed)), "it is stored");
    await settled(kit);
    const [pack] = must(await memory.list("/v3/packs"), "there are packs");
    bad = `/v3/packs/${pack?.name}`;

    const states: string[] = [];
    for (let scrub = 0; scrub < 3; scrub += 1) {
      await kit.ref.call("scrubNow", {}, within);
      for (let passed = 0; passed < 60; passed += 1) {
        await kit.clock.advance(1000);
        await turns();
        const state = (await facts(kit)).volumes[2]?.state ?? "";
        if (state !== states.at(-1)) states.push(state);
      }
    }

    const { scrub, damagedChunkCount } = must(await kit.ref.call("describe", {}, within), "it says how it is");
    const { repair } = await facts(kit);
    assert.deepEqual([readCount, states], [1, ["present", "failing", "present"]]);
    assert.deepEqual([repair.repairedCount, repair.backlogCount, damagedChunkCount, scrub.dueBytes], [1, 0, 0, 0]);
  });

  it("is met twice where its volume is looked through, whatever is small around it", async () => {
    let isBad = false;
    let readCount = 0;
    const memory = new MemoryDisk({ capacityBytes: 4 * GiB });
    must(await memory.makeDirectory("/pulled"), "a place for what is pulled");
    const disk = watchedDisk(memory, async ({ path, range }, begin) => {
      const isMet = isBad && path.startsWith("/v3/packs/") && range !== undefined;
      if (!isMet || range.from >= SECTOR_END || SECTOR_END - SECTOR_BYTES >= range.end) return await begin();
      readCount += 1;
      await new Promise<void>((resolve) => void kit.clock.after(SLOW_MS, resolve));
      return fail(diskFailure("EIO", path));
    });
    const first = await startStorage({ disk, volumes, config });
    for (let seed = 1; seed <= 300; seed += 1) must(await put(first, randomBytes(2 * KiB, seed)), "it is stored");
    await settled(first);
    first.actor.kill("test");
    await first.clock.settle();
    await memory.rename("/v3", "/pulled/v3");
    const kit = await startStorage({ disk, volumes, config });
    await whole(kit);
    await settled(kit);

    isBad = true;
    await memory.rename("/pulled/v3", "/v3");
    let problem: string | undefined;
    for (let passed = 0; passed < 120 && problem?.startsWith("packs that cannot be read") !== true; passed += 1) {
      await kit.clock.advance(1000);
      await turns();
      problem = (await facts(kit)).volumes[2]?.problem;
    }

    assert.match(problem ?? "", /^packs that cannot be read: /);
    assert.equal(readCount, 2);
  });
});

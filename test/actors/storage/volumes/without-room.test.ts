/** Repair while one of six volumes is full: with as much as the others have room for, and not to and fro. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { REPAIR_RETRY_MS } from "#actors/storage/repair/repairer.ts";
import { must, ok } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage } from "#test/actors/storage/storage-kit.ts";
import { looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const config = { writeQuotaBytes: 64 * MiB };
const NO_ROOM = { freeBytes: 0, totalBytes: 4 * GiB };

interface World {
  readonly kit: StorageKit;
  /** Volumes without room, from the next look on. */
  readonly full: Set<string>;
}

async function startSix(): Promise<World> {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  assert((await disk.makeDirectory("/pulled")).ok);
  const full = new Set<string>();
  const space = disk.space.bind(disk);
  disk.space = async (directory) => (full.has(directory) ? ok(NO_ROOM) : await space(directory));
  const kit = await startStorage({ disk, kv: memoryKvStores({ disk }), volumes, config });
  await settled(kit);
  return { kit, full };
}

async function putSome(kit: StorageKit, from: number): Promise<readonly Digest[]> {
  const stored: Digest[] = [];
  for (let seed = from; seed < from + 3; seed += 1) {
    stored.push(must(await put(kit, randomBytes(900 * KiB, seed)), "put").manifest);
  }
  return stored;
}

/** As a disk that was emptied while the node was down. */
async function removePacks(kit: StorageKit, directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    for (const { name } of must(await kit.disk.list(`${directory}/packs`), "listed")) {
      assert((await kit.disk.remove(`${directory}/packs/${name}`)).ok);
    }
  }
}

async function assertSurvives(kit: StorageKit, stored: readonly Digest[], lost: readonly string[]): Promise<void> {
  for (const directory of lost) await pull(kit, directory);
  await looked(kit);
  for (const manifest of stored) await mustRead(kit.ref, manifest, `without ${lost}`);
  for (const directory of lost) await putBack(kit, directory);
  await looked(kit);
  await settled(kit);
}

/** What `directories` held is lost over a restart, and made again as far as there is room. */
async function loseAndRepair(kit: StorageKit, directories: readonly string[]) {
  kit.actor.kill("killed by the test");
  await removePacks(kit, directories);
  await kit.restart();
  for (let look = 0; look < 3; look += 1) await looked(kit);
  return (await settled(kit)).repair;
}

describe("storage: repair while a volume is full (STO-101)", () => {
  it("gives what was written meanwhile as much as the others have room for, then rests, and all of it when there is room", async () => {
    const { kit, full } = await startSix();
    full.add("/v4");
    await looked(kit);
    const stored = await putSome(kit, 1);

    const repair = await loseAndRepair(kit, ["/v1", "/v2"]);
    assert.deepEqual([repair.state, repair.atRiskBytes, repair.lostCount], ["waiting", 0, 0]);
    for (let walk = 0; walk < 3; walk += 1) await kit.clock.advance(REPAIR_RETRY_MS);
    const { repair: later } = await settled(kit);
    assert.equal(later.repairedCount, repair.repairedCount, "nothing is written to and fro");
    await assertSurvives(kit, stored, ["/v3", "/v5"]);

    full.clear();
    await looked(kit);
    const { profile, repair: end } = await settled(kit);
    assert.deepEqual([profile, end.state, end.backlogCount], ["4+2", "idle", 0]);
    await assertSurvives(kit, stored, ["/v1", "/v6"]);
  });

  it("leaves as it is what has all its shards, one on the full volume, and takes that for what it is", async () => {
    const { kit, full } = await startSix();
    const stored = await putSome(kit, 1);
    full.add("/v4");
    await looked(kit);
    const { repair } = await settled(kit);
    assert.deepEqual([repair.state, repair.repairedCount], ["idle", 0]);
    await assertSurvives(kit, stored, ["/v3", "/v5"]);
  });

  it("makes anew over the others what the full volume has lost", async () => {
    const { kit, full } = await startSix();
    const stored = await putSome(kit, 1);
    full.add("/v4");
    await looked(kit);
    const repair = await loseAndRepair(kit, ["/v4"]);
    assert.deepEqual([repair.state, repair.atRiskBytes, repair.lostCount], ["waiting", 0, 0]);
    await assertSurvives(kit, stored, ["/v3", "/v5"]);
    await kit.clock.advance(REPAIR_RETRY_MS);
    assert.equal((await settled(kit)).repair.repairedCount, repair.repairedCount);
  });
});

/** Packs that somebody removes from volumes, their directory too, under a running node or while it is down. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const KILLED = "killed by the test";
const config = { writeQuotaBytes: 64 * MiB, packSealBytes: 1 * MiB };

async function startSix(): Promise<StorageKit> {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  for (const directory of ["/pulled"]) assert((await disk.makeDirectory(directory)).ok);
  return await startStorage({ disk, kv: memoryKvStores({ disk }), volumes, config });
}

async function putSome(kit: StorageKit, from: number = 1): Promise<Digest[]> {
  const stored: Digest[] = [];
  for (let seed = from; seed < from + 8; seed += 1) {
    stored.push(must(await put(kit, randomBytes(seed % 2 === 0 ? 900 * KiB : 20 * KiB, seed)), "put").manifest);
  }
  await settled(kit);
  return stored;
}

async function damagedCount(kit: StorageKit): Promise<number> {
  const described = await kit.ref.call("describe", {}, within);
  assert(described.ok);
  return described.value.damagedChunkCount;
}

/** Nothing is left to repair, and all of it survives the loss of two volumes. */
async function assertWhole(kit: StorageKit, stored: readonly Digest[]): Promise<void> {
  const { profile, repair } = await settled(kit);
  const crashes = kit.exits.filter((reason) => reason.kind !== "crashed" || reason.defect !== KILLED);
  assert.deepEqual(
    [profile, repair.state, repair.backlogCount, repair.lostCount, await damagedCount(kit), crashes],
    ["4+2", "idle", 0, 0, 0, []],
  );
  for (const directory of ["/v3", "/v5"]) await pull(kit, directory);
  await looked(kit);
  for (const manifest of stored) await mustRead(kit.ref, manifest, "without /v3 and /v5");
  for (const directory of ["/v3", "/v5"]) await putBack(kit, directory);
  await looked(kit);
  await settled(kit);
}

describe("storage: a volume without its directory of packs (STO-103)", () => {
  it("gets it again at the start, and what was in it is made again", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    kit.actor.kill(KILLED);
    assert((await kit.disk.removeTree("/v1/packs")).ok);
    await kit.restart();
    for (let look = 0; look < 2; look += 1) await looked(kit);
    assert((await settled(kit)).repair.repairedCount > 0);
    await assertWhole(kit, stored);
  });

  it("gets none where its disk is not mounted (STO-72)", async () => {
    const kit = await startSix();
    await putSome(kit);
    await pull(kit, "/v1");
    assert((await kit.disk.makeDirectory("/v1")).ok);
    for (let look = 0; look < 3; look += 1) await looked(kit);
    assert.deepEqual(must(await kit.disk.list("/v1"), "listed"), []);
  });
});

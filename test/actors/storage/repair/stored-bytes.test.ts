/** Repair adds no more than the store may hold (STO-27). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { REPAIR_RETRY_MS } from "#actors/storage/repair/repairer.ts";
import { must } from "#runtime/errors.ts";
import { KiB, MiB, second } from "#runtime/units.ts";
import {
  lose,
  OBJECT_BYTES,
  order,
  type RepairKit,
  repaired,
  repairOf,
  startSix,
  volumes,
} from "#test/actors/storage/repair/repair-kit.ts";
import { put, randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { looked } from "#test/actors/storage/volumes/spread-kit.ts";

const OBJECTS = 8;

async function usedBy(kit: StorageKit): Promise<{ packBytes: number; packCount: number }> {
  return must(await kit.ref.call("describe", {}, within), "it says what it holds");
}

/** Every object by two manifests: what cannot be repaired is met twice. */
async function putAll(kit: RepairKit): Promise<void> {
  for (let seed = 1; seed <= OBJECTS; seed += 1) {
    for (const key of ["one", "other"]) {
      must(await put(kit, randomBytes(OBJECT_BYTES, seed), { enc: { key } }), "it is stored");
    }
  }
}

/** The same store with no bound: what was left is repaired. */
async function assertUnbounded(kit: RepairKit): Promise<StorageKit> {
  await kit.actor.stop();
  const config = { packSealBytes: 64 * MiB, writeQuotaBytes: 64 * MiB };
  const next = await startStorage({ disk: kit.disk, volumes, config });
  await whole(next);
  await order(next, "now");
  await looked(next);
  await repaired(next, 60 * second);
  const { state, backlogCount } = await repairOf(next);
  assert.deepEqual([state, backlogCount], ["idle", 0]);
  return next;
}

describe("storage: repair of a store that may hold no more (STO-27)", () => {
  it("uses all of storedBytesMax, and leaves what does not fit until there is room", async () => {
    const storedBytesMax = 7 * MiB;
    const kit = await startSix({ storedBytesMax });
    await putAll(kit);
    await lose(kit, "/v1");
    await repaired(kit, 60 * second);

    const first = await repairOf(kit);
    const { packBytes } = await usedBy(kit);
    assert(packBytes <= storedBytesMax && packBytes > 0.9 * storedBytesMax, `${packBytes} of ${storedBytesMax}`);
    assert(first.state === "waiting" && first.repairedCount > 0 && first.backlogCount > 2, JSON.stringify(first));
    assert.equal(first.lostCount, 0);

    await kit.clock.advance(REPAIR_RETRY_MS);
    await repaired(kit, 60 * second);
    const later = await repairOf(kit);
    assert.equal(later.backlogCount, first.backlogCount);
    assert.equal(later.failedCount - first.failedCount, first.backlogCount, "each was tried once");
    const next = await assertUnbounded(kit);
    assert((await usedBy(next)).packBytes > storedBytesMax);
  });

  it("begins no packs beyond packsMax", async () => {
    const packsMax = 32;
    const kit = await startSix({ packsMax, packSealBytes: 256 * KiB });
    await putAll(kit);
    const { packCount: before } = await usedBy(kit);
    await lose(kit, "/v1");
    await repaired(kit, 60 * second);

    const { packCount } = await usedBy(kit);
    const { state, backlogCount, failedCount } = await repairOf(kit);
    assert(packCount <= packsMax && packCount > before, `${before}, then ${packCount} of ${packsMax}`);
    assert.deepEqual([state, backlogCount > 0, failedCount > 0], ["waiting", true, true]);
    await assertUnbounded(kit);
  });
});

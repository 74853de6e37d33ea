/** How fast repair goes: as fast as its budgets let it, and no faster (STO-83). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KiB, MiB, second } from "#runtime/units.ts";
import {
  lose,
  type Moved,
  OBJECT_BYTES,
  order,
  passed,
  putObjects,
  repaired,
  repairOf,
  startSix,
} from "#test/actors/storage/repair/repair-kit.ts";

/** Of what headers, tables and descriptors take beside the payloads, and of manifests that are read to count. */
const BESIDE = 1.04;

const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** At no moment more than the budget, which is saved up for a second at most. */
function assertNoFaster(moved: readonly Moved[], amountOf: (one: Moved) => number, perSecond: number): number {
  // What is smaller was read to count.
  const first = moved.findIndex(({ bytes }) => bytes >= 32 * KiB);
  const fromMs = moved[first]?.atMs ?? 0;
  let amount = 0;
  for (const one of moved.slice(first)) {
    amount += amountOf(one);
    const elapsedMs = one.atMs - fromMs;
    const allowed = (perSecond * (elapsedMs + 1 * second)) / second;
    assert(amount <= allowed * BESIDE, `${amount} of ${allowed} after ${elapsedMs} ms`);
  }
  return amount;
}

describe("storage: the budgets of repair (STO-83)", () => {
  it("reads and writes as many bytes a second as it may, what is read back included", async () => {
    const repairBytesPerSecondMax = 1 * MiB;
    const kit = await startSix({ repairBytesPerSecondMax });
    await putObjects(kit, OBJECT_BYTES, seeds(8));
    await lose(kit, "/v1");

    const tookMs = await repaired(kit, 300 * second);

    const bytes = assertNoFaster(kit.moved, (one) => one.bytes, repairBytesPerSecondMax);
    const { state, repairedCount } = await repairOf(kit);
    assert(state === "idle" && repairedCount >= 8, `${state} ${repairedCount}`);
    // Read, written with two thirds more, read back, and once more what is kept before the rest is let go of.
    assert(bytes > 6 * 8 * OBJECT_BYTES, `${bytes}`);
    const predictedMs = (bytes / repairBytesPerSecondMax) * second;
    assert(tookMs < 1.1 * predictedMs + 1 * second, `${tookMs} of ${predictedMs} ms`);
  });

  it("reads and writes as many records a second as it may", async () => {
    const repairOpsPerSecondMax = 5;
    const kit = await startSix({ repairOpsPerSecondMax });
    // Three copies each, of which one is lost where it was on that volume: one is read, one written, and read back.
    await putObjects(kit, 40 * KiB, seeds(20));
    await lose(kit, "/v1");

    const tookMs = await repaired(kit, 120 * second);

    const writes = kit.moved.filter(({ written }) => written !== undefined);
    // The last one is not read back yet.
    assertNoFaster(writes, (one) => (one === writes[0] ? 2 : 3), repairOpsPerSecondMax);
    const { state, repairedCount } = await repairOf(kit);
    assert(state === "idle" && repairedCount === writes.length && repairedCount > 10, `${state} ${repairedCount}`);
    const predictedMs = ((3 * repairedCount) / repairOpsPerSecondMax) * second;
    assert(tookMs < 1.1 * predictedMs + 1 * second, `${tookMs} of ${predictedMs} ms`);
  });
});

describe("storage: a pause of a repair that goes on (STO-83)", () => {
  it("writes nothing as long as it lasts, tells no rate, and goes on at the one that it had", async () => {
    const kit = await startSix({ repairBytesPerSecondMax: 1 * MiB });
    await putObjects(kit, OBJECT_BYTES, seeds(8));
    await lose(kit, "/v1");
    await passed(kit, 6 * second);
    const before = await repairOf(kit);

    await order(kit, "pause");
    // What it had in hand is brought to its end.
    await passed(kit, 5 * second);
    kit.moved.length = 0;
    await passed(kit, 30 * second);
    const during = await repairOf(kit);
    const { length } = kit.moved;
    await order(kit, "resume");
    await passed(kit, 4 * second);
    const after = await repairOf(kit);
    await repaired(kit, 60 * second);
    const end = await repairOf(kit);

    assert(before.state === "running" && before.repairedCount > 0 && before.backlogCount > 3, JSON.stringify(before));
    assert(during.backlogCount > 1, JSON.stringify(during));
    assert.deepEqual([length, during.state, during.bytesPerSecond, during.etaMs], [0, "paused", 0, undefined]);
    assert(after.repairedCount > during.repairedCount && after.state === "running", JSON.stringify(after));
    const change = after.bytesPerSecond / before.bytesPerSecond;
    assert(change > 0.7 && change < 1.4, `${before.bytesPerSecond}, then ${after.bytesPerSecond} bytes a second`);
    assert.deepEqual([end.state, end.backlogCount, end.bytesPerSecond, end.etaMs], ["idle", 0, 0, 0]);
  });
});

/** What repair does first, and what does not hold the others up. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { must } from "#runtime/errors.ts";
import { MiB, second } from "#runtime/units.ts";
import {
  lose,
  OBJECT_BYTES,
  order,
  passed,
  putObjects,
  type RepairKit,
  repaired,
  repairOf,
  shardAt,
  startSix,
  writesOf,
} from "#test/actors/storage/repair/repair-kit.ts";
import { looked, pull, putBack, scrubbed } from "#test/actors/storage/volumes/spread-kit.ts";

const SLOW = { repairBytesPerSecondMax: 1 * MiB, repairDelayMs: 0 };

/** Over six volumes some of them, and some over five, before those and after. Repair is paused, and the first volume away. */
async function putOverSixAndFive(kit: RepairKit): Promise<{ six: readonly Digest[]; five: readonly Digest[] }> {
  await order(kit, "pause");
  await pull(kit, "/v1");
  await looked(kit);
  const before = await putObjects(kit, OBJECT_BYTES, [1, 2]);
  await putBack(kit, "/v1");
  await looked(kit);
  const six = await putObjects(kit, OBJECT_BYTES, [3, 4, 5]);
  await pull(kit, "/v1");
  await looked(kit);
  const after = await putObjects(kit, OBJECT_BYTES, [6, 7]);
  return { six, five: [...before, ...after] };
}

function assertFirst(kit: RepairKit, six: readonly Digest[], five: readonly Digest[]): void {
  const [first, then] = [writesOf(kit.moved, six), writesOf(kit.moved, five)];
  // Two data shards and two of parity over the four volumes that are left.
  assert.deepEqual([first.length, then.length], [4 * six.length, 4 * five.length]);
  assert((first.at(-1) ?? 0) < (then[0] ?? 0), `${first} before ${then}`);
}

/** A byte of each of three shards is another one now: the chunk cannot be read any more. */
async function spoil(kit: RepairKit, chunk: Digest): Promise<void> {
  for (const directory of ["/v2", "/v3", "/v4"]) {
    let count = 0;
    for (const { name } of must(await kit.disk.list(`${directory}/packs`), "packs")) {
      const path = `${directory}/packs/${name}`;
      const at = shardAt(Buffer.from(must(await kit.disk.readFile(path), "a pack is read")), chunk);
      if (at < 0) continue;
      kit.disk.flipByte(path, at);
      count += 1;
    }
    assert.equal(count, 1, `a shard on ${directory}`);
  }
}

describe("storage: the order of repair (STO-81)", () => {
  it("makes again what may lose no volume more, before anything that may", async () => {
    const kit = await startSix({ repairDelayMs: 0 });
    const { six, five } = await putOverSixAndFive(kit);
    await pull(kit, "/v2");
    await looked(kit);
    kit.moved.length = 0;

    await order(kit, "resume");
    await repaired(kit, 30 * second);

    assertFirst(kit, six, five);
    const { state, backlogCount } = await repairOf(kit);
    assert.deepEqual([state, backlogCount], ["idle", 0]);
  });

  it("does not put off what loses another volume meanwhile until the next count", async () => {
    const kit = await startSix(SLOW);
    await order(kit, "pause");
    const six = await putObjects(kit, OBJECT_BYTES, [3, 4, 5]);
    await pull(kit, "/v1");
    await looked(kit);
    const five = await putObjects(kit, OBJECT_BYTES, [6, 7]);
    kit.moved.length = 0;
    await order(kit, "resume");
    await passed(kit, 1 * second);
    const { state, repairedCount } = await repairOf(kit);
    assert.deepEqual([state, repairedCount <= 4], ["running", true]);

    await pull(kit, "/v2");
    await repaired(kit, 120 * second);

    const [last] = six.slice(-1);
    assert(last !== undefined);
    const [first, then] = [writesOf(kit.moved, [last]), writesOf(kit.moved, five)];
    assert(first.length >= 4 && then.length >= 4 * five.length, `${first}, ${then}`);
    assert((first[0] ?? 0) < (then[0] ?? 0), `${first} before ${then}`);
  });
});

describe("storage: what cannot be repaired (STO-83)", () => {
  it("is told of, and holds up nothing behind it", async () => {
    const kit = await startSix();
    const [bad, ...others] = await putObjects(kit, OBJECT_BYTES, [1, 2, 3, 4, 5]);
    assert(bad !== undefined);
    await spoil(kit, bad);
    await lose(kit, "/v1");
    await repaired(kit, 30 * second);

    const { state, lostCount, failedCount, backlogCount, atRiskBytes, etaMs } = await repairOf(kit);
    assert.deepEqual([state, lostCount, failedCount, backlogCount], ["waiting", 1, 1, 1]);
    assert.deepEqual([atRiskBytes, etaMs], [OBJECT_BYTES, 0]);
    // Over the five volumes that are left.
    for (const chunk of others) assert.equal(writesOf(kit.moved, [chunk]).length, 5);
    assert.equal(writesOf(kit.moved, [bad]).length, 0);
  });

  it("is not in the time that is left, known to be lost or found to be", async () => {
    const kit = await startSix(SLOW);
    const [lost, bad, ...others] = await putObjects(kit, OBJECT_BYTES, [1, 2, 3, 4, 5, 6]);
    assert(lost !== undefined && bad !== undefined);
    await spoil(kit, lost);
    await scrubbed(kit);
    const before = await repairOf(kit);
    await spoil(kit, bad);
    await lose(kit, "/v1");
    await passed(kit, 6 * second);

    const { state, backlogBytes, failedCount, lostCount, bytesPerSecond, etaMs = 0 } = await repairOf(kit);
    assert.deepEqual([before.lostCount, before.etaMs], [1, 0]);
    assert.deepEqual([state, lostCount, failedCount - before.failedCount], ["running", 1, 1]);
    const leftBytes = backlogBytes - 2 * OBJECT_BYTES;
    assert(leftBytes > OBJECT_BYTES && leftBytes < others.length * OBJECT_BYTES, `${leftBytes}`);
    const predictedMs = (leftBytes / bytesPerSecond) * second;
    assert(Math.abs(etaMs - predictedMs) < 2, `${etaMs} and ${predictedMs} ms`);
  });
});

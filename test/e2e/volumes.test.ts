/**
 * A node on six volumes, four shards and two of parity: two are taken away while objects are put and read, and put back.
 *
 * `CEPA_POINTS=all` takes every pair, `=N` every Nth; otherwise two.
 */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import type { VolumesFacts } from "#actors/domain/volumes-facts.ts";
import { KiB, minute, second } from "#runtime/units.ts";
import { eventually, startNode, type TestNode, temporaryDataDirectory } from "#test/kit/node.ts";
import { mustHold, putObject, randomBytes } from "#test/kit/objects.ts";
import { pointsOf } from "#test/kit/points.ts";

/** From one pair to the next, where not all of them are taken. */
const STEP = 14;
/** Copies on volumes, one chunk in shards, and several. */
const SIZES = [5 * KiB, 1300 * KiB, 300 * KiB, 4300 * KiB];
/** Between two puts, so that tens of MiB are stored, and not all that the disk takes. */
const PAUSE_MS = 300;

const numbers = [1, 2, 3, 4, 5, 6];
const pairs = numbers.flatMap((one) => numbers.filter((other) => other > one).map((other) => [one, other] as const));

function objectOf(seed: number): Buffer {
  return randomBytes(SIZES[seed % SIZES.length] ?? 0, seed);
}

async function mustHoldAll(url: string, count: number): Promise<void> {
  for (let seed = 0; seed < count; seed += 1) await mustHold(url, objectOf(seed));
}

describe("a node on six volumes, 4+2 (STO-77, STO-79)", () => {
  const parent = temporaryDataDirectory();
  const directories = numbers.map((number) => join(parent, `v${number}`));
  let node: TestNode;
  /** Every seed below it was acknowledged. */
  let storedCount = 1;

  before(async () => {
    const dataDirectory = join(parent, "data");
    for (const directory of [dataDirectory, ...directories]) mkdirSync(directory);
    const settings = `[storage]\nvolumes = ${JSON.stringify(directories)}\nerasure = "4+2"\n`;
    writeFileSync(join(dataDirectory, "cepa.toml"), settings);
    node = await startNode({ dataDirectory });
    await putObject(node.url, objectOf(0));
  });
  after(async () => {
    await node.dispose();
    rmSync(parent, { recursive: true });
  });

  async function volumes(): Promise<VolumesFacts> {
    return (await (await fetch(`${node.url}/volumes`)).json()) as VolumesFacts;
  }

  /** Until it does, or it fails with what it said last. */
  async function mustBecome(expected: readonly unknown[], of: (facts: VolumesFacts) => readonly unknown[]) {
    await eventually(1 * minute, `volumes are ${expected.join(" ")}`, async () => {
      assert.deepEqual(of(await volumes()), expected);
      return true;
    });
  }

  for (const pair of pointsOf(pairs, STEP)) {
    it(`puts and reads without ${pair.join(" and ")}, and repairs what was put meanwhile`, async (context) => {
      const away = pair.map((number) => join(parent, `v${number}`));
      let isOver = false;
      const putting = async (): Promise<void> => {
        for (; !isOver; await sleep(PAUSE_MS)) {
          await putObject(node.url, objectOf(storedCount));
          storedCount += 1;
        }
      };
      const reading = async (): Promise<void> => {
        for (let turn = 0; !isOver; turn += 1) await mustHold(node.url, objectOf((turn * 7) % storedCount));
      };
      const load = Promise.all([putting(), reading()]);
      load.catch(() => undefined); // It is awaited in the end.
      await sleep(1 * second);

      for (const directory of away) renameSync(directory, `${directory}.pulled`);
      await mustBecome(["2+2", ...away], (facts) => [
        facts.profile,
        ...facts.volumes.filter(({ state }) => state === "absent").map(({ directory }) => directory),
      ]);
      await sleep(1 * second);
      const withoutCount = storedCount;
      await mustHoldAll(node.url, withoutCount);
      for (const directory of away) renameSync(`${directory}.pulled`, directory);
      await mustBecome(["4+2", 6], (facts) => [
        facts.profile,
        facts.volumes.filter(({ state }) => state === "present").length,
      ]);

      isOver = true;
      await load;
      await mustBecome(["idle", 0, 0, 0], ({ repair }) => [
        repair.state,
        repair.backlogCount,
        repair.lostCount,
        repair.failedCount,
      ]);
      const { repair } = await volumes();
      context.diagnostic(
        `${withoutCount} objects without them, ${storedCount} in the end, ${repair.repairedCount} repaired`,
      );
      assert(repair.repairedCount > 0, "what was written without them was written again");
      await mustHoldAll(node.url, storedCount);
    });
  }

  it("has every object whole in the end", async () => {
    const scrub = async (): Promise<ScrubFacts> => (await (await fetch(`${node.url}/scrub`)).json()) as ScrubFacts;
    assert.equal((await fetch(`${node.url}/scrub`, { method: "POST" })).status, 202);

    await eventually(3 * minute, "everything was read again", async () => (await scrub()).dueBytes === 0);

    const { damaged, totalBytes } = await scrub();
    assert.deepEqual([damaged, totalBytes > 0], [[], true]);
  });
});

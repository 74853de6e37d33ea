/** Scenarios under seeds: how many there may be. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runSeeds } from "#runtime/simulated/seeds.ts";

describe("runSeeds: options", () => {
  const nothing = async (): Promise<void> => undefined;

  const never = async (): Promise<void> => assert.fail("it ran");

  for (const count of [0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
    it(`refuses a count of ${count}`, async () => {
      await assert.rejects(runSeeds({ count }, never), {
        message: `invariant broken: count, the seeds to run, is a whole number from 1 on, not ${count}`,
      });
    });
  }

  for (const repeatEvery of [0, -1, Number.NaN]) {
    it(`refuses to repeat every ${repeatEvery}-th seed`, async () => {
      await assert.rejects(runSeeds({ count: 1, repeatEvery }, never), {
        message: `invariant broken: repeatEvery is at least 1, not ${repeatEvery}`,
      });
    });
  }

  it("runs one seed, twice", async () => {
    assert.deepEqual(await runSeeds({ count: 1 }, nothing), { runs: 1, repeated: 1, events: 0 });
  });
});

/** Scenarios under seeds: which options are none, and what a run leaves behind when its scenario returns. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Defect } from "#runtime/errors.ts";
import { SimulatedCell } from "#runtime/simulated/cell.ts";
import { runSeed, runSeeds } from "#runtime/simulated/seeds.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { counter } from "#test/runtime/simulated/counter.ts";

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

describe("runSeeds: the end of a run", () => {
  /** Returns before its actor has had a turn. */
  const underWay = async (simulation: Simulation): Promise<void> => {
    const cell = new SimulatedCell(simulation);
    const actor = await simulation.until(cell.start(counter, {}));
    void actor.ref.call("add", { by: 1 }, { timeoutMs: 50 });
    actor.ref.cast("poison", {});
  };

  it("is when its scenario returns: what is still under way is no part of it (SIM-1)", async () => {
    const done = await runSeeds({ count: 3, repeatEvery: 1 }, underWay);

    assert.deepEqual([done.runs, done.repeated], [3, 3]);
  });

  it("ends its lives, so that nothing of it goes on beside the next one (SIM-2)", async () => {
    let simulation: Simulation | undefined;
    await runSeed(1, async (given) => {
      simulation = given;
      await underWay(given);
    });
    assert(simulation !== undefined);

    const { count } = simulation.events;
    await simulation.advance(1000);
    simulation.tell("late");
    assert.equal(simulation.events.count, count);
    assert.equal(simulation.clock.armedCount, 0);
  });

  it("ends them too where the scenario fails", async () => {
    let cell: SimulatedCell | undefined;
    const failing = async (simulation: Simulation): Promise<void> => {
      cell = new SimulatedCell(simulation);
      throw new Defect("its own");
    };

    await assert.rejects(runSeeds({ count: 1 }, failing), /seed 1: .*its own/);

    assert.equal(cell?.life.isOver, true);
  });
});

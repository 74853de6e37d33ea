/** A supervised system of the library in a simulation: its supervisor's pauses are simulated time, and all is by the seed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ok } from "#runtime/errors.ts";
import { runSeeds } from "#runtime/simulated/seeds.ts";
import { startSystem } from "#supervisor/system/start-system.ts";
import { worker } from "#supervisor/system/worker.ts";
import { counter } from "#test/runtime/simulated/counter.ts";

const within = { timeoutMs: 1000 };

describe("simulated system", () => {
  it("is restarted, quarantined and resumed in simulated time, the same by seed (SIM-1, SUP-5)", async () => {
    const done = await runSeeds({ count: 40, repeatEvery: 4 }, async (simulation) => {
      const life = simulation.begin();
      const children = [worker({ name: "counter", behavior: counter, deps: () => ({}) })];
      const options = { name: "system", seams: life.base, log: life.log({}), children };
      const system = await simulation.until(startSystem(options));
      const ref = system.ref(counter);
      const state = () => system.status()[0]?.state;

      for (let crash = 1; crash <= 6; crash += 1) {
        assert.equal(state(), "running");
        ref.cast("poison", {});
        await simulation.advance(crash < 6 ? 5000 + simulation.random.below(2000) : 100);
      }
      assert.equal(state(), "quarantined");
      assert.deepEqual(system.resume("counter"), ok());
      assert.deepEqual(await simulation.until(ref.call("add", { by: 2 }, within)), ok(2));

      const end = await simulation.until(system.stop());
      assert.equal(end.reason, "stopped");
      // The wheel of deadlines wakes once more for a call that was answered.
      await simulation.advance(within.timeoutMs + 100);
      assert.equal(simulation.clock.armedCount, 0);
    });

    assert.equal(done.repeated, 10);
  });
});

/** The scheduler seam: one suite for both, then what only the seeded one promises. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as macrotasks } from "node:timers/promises";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";

function schedulerSuite(name: string, make: () => { scheduler: Scheduler; settle: () => Promise<void> }): void {
  describe(`scheduler (${name})`, () => {
    test("nothing runs synchronously, everything runs once", async () => {
      const { scheduler, settle } = make();
      const ran: string[] = [];
      for (const turn of ["a", "b", "c"]) {
        scheduler.microtask(() => ran.push(`micro ${turn}`));
        scheduler.macrotask(() => ran.push(`macro ${turn}`));
      }
      assert.deepEqual(ran, []);

      await settle();

      assert.deepEqual(ran.toSorted(), ["macro a", "macro b", "macro c", "micro a", "micro b", "micro c"]);
    });

    test("microtasks, and those that they queue, run before macrotasks", async () => {
      const { scheduler, settle } = make();
      const ran: string[] = [];
      scheduler.macrotask(() => ran.push("macro"));
      const nest = (depth: number): void => {
        ran.push("micro");
        if (depth > 0) scheduler.microtask(() => nest(depth - 1));
      };
      scheduler.microtask(() => nest(20));

      await settle();

      assert.equal(ran.indexOf("macro"), 21);
      assert.equal(ran.length, 22);
    });

    test("awaits of a microtask go on before a macrotask runs", async () => {
      const { scheduler, settle } = make();
      const ran: string[] = [];
      scheduler.macrotask(() => ran.push("macro"));
      scheduler.microtask(async () => {
        await undefined;
        await undefined;
        ran.push("after two awaits");
      });

      await settle();

      assert.deepEqual(ran, ["after two awaits", "macro"]);
    });
  });
}

// Behind the macrotasks that were queued before it, and those that they queued.
const settleReal = async (): Promise<void> => {
  for (let round = 0; round < 4; round += 1) await macrotasks();
};
schedulerSuite("real", () => ({ scheduler: realScheduler, settle: settleReal }));
schedulerSuite("seeded", () => {
  const clock = new ManualClock();
  return { scheduler: seededScheduler(seededRandom(3)), settle: () => clock.settle() };
});

describe("scheduler (seeded)", () => {
  async function orderOf(seed: number): Promise<string> {
    const scheduler = seededScheduler(seededRandom(seed));
    const ran: string[] = [];
    for (const turn of "abcde") scheduler.microtask(() => ran.push(turn));
    for (const turn of "vwxyz") scheduler.macrotask(() => ran.push(turn));
    await new ManualClock().settle();
    return ran.join("");
  }

  test("the order is a function of the seed", async () => {
    assert.equal(await orderOf(5), await orderOf(5));
  });

  test("different seeds try different orders, of both kinds", async () => {
    const orders = await Promise.all(Array.from({ length: 40 }, (_, seed) => orderOf(seed)));

    assert.ok(new Set(orders.map((order) => order.slice(0, 5))).size > 20, "orders of microtasks");
    assert.ok(new Set(orders.map((order) => order.slice(5))).size > 20, "orders of macrotasks");
  });
});

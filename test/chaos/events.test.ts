/**
 * Scenarios of events hold on nodes as they run, with their own Postgres and Redis (ING-1, ING-20, ING-21, ING-23, ING-25, ING-32).
 * `cepa chaos` as it is used has one run of the kind (`command.test.ts`).
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runPlan } from "#chaos/runner.ts";
import { planOf } from "#chaos/scenario.ts";
import { SCENARIOS } from "#chaos/scenarios.ts";
import { second } from "#runtime/units.ts";
import { workMissing } from "#test/kit/work-node.ts";

const { CEPA_SEED, CEPA_SEEDS } = process.env;
/** Each takes more than half a minute, most of it waiting. */
const tooLong = CEPA_SEEDS === undefined ? "./cepa verify runs it, and whoever sets CEPA_SEEDS" : undefined;
const skip = workMissing ?? tooLong ?? false;

describe("chaos: scenarios of events, on nodes that run", { skip }, () => {
  for (const scenario of SCENARIOS.filter(({ producers = 0 }) => producers > 0)) {
    it(`${scenario.name} passes`, async (context) => {
      const plan = planOf(scenario, { seed: Number(CEPA_SEED ?? 1), durationMs: 20 * second });

      const { verdict, checks, faults, tally } = await runPlan({ plan, executor: "process" });

      context.diagnostic(JSON.stringify({ faults, tally }));
      assert.equal(verdict, "pass", JSON.stringify(checks, undefined, 2));
      assert((tally["publish"] ?? 0) > 50, "producers were at work");
    });
  }
});

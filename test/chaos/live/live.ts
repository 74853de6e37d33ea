/** Every scenario that an executor of real nodes can bring about, for a while, as a file of tests runs them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ExecutorName } from "#chaos/outcome.ts";
import { runPlan } from "#chaos/runner.ts";
import { planOf } from "#chaos/scenario.ts";
import { SCENARIOS } from "#chaos/scenarios.ts";
import { second } from "#runtime/units.ts";

const WORK_MS: number = 20 * second;
/** A quarter of an hour for each executor, most of it waiting. */
const skip =
  process.env["CEPA_CHAOS_SECONDS"] === undefined
    ? "./cepa verify runs it, and whoever sets CEPA_CHAOS_SECONDS"
    : false;
const seed = Number(process.env["CEPA_SEED"] ?? 1);

export function liveThroughAll(executor: ExecutorName): void {
  describe(`chaos: scenarios by ${executor}, seed ${seed}`, { skip }, () => {
    for (const scenario of SCENARIOS.filter(({ executors }) => executors.includes(executor))) {
      it(`${scenario.name} passes`, async (context) => {
        const plan = planOf(scenario, { seed, durationMs: WORK_MS });

        const { verdict, reason, checks, faults, tally } = await runPlan({ plan, executor });

        if (verdict === "not-run") return context.skip(reason);
        context.diagnostic(JSON.stringify({ faults, put: tally["put"], get: tally["get"] }));
        assert.equal(verdict, "pass", JSON.stringify(checks, undefined, 2));
        assert((tally["put"] ?? 0) > 0 && (tally["get"] ?? 0) > 0, "clients were at work");
      });
    }
  });
}

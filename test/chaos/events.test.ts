/**
 * Scenarios of events hold, in simulation and on nodes as they run (ING-1, ING-20, ING-21, ING-23, ING-25, ING-32), and every bug of
 * ingest that can be planted is seen by the check that is there for it.
 *
 * By default one scenario is simulated, and one of the bugs is planted; `CEPA_SEEDS`, as `./cepa verify` sets it, has all of
 * both, and nodes that run. `cepa chaos` as it is used has one run of such a node in any case (`command.test.ts`).
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EVENT_BUGS } from "#chaos/event-plants.ts";
import type { ExecutorName } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { runPlan } from "#chaos/runner.ts";
import { planOf, type Scenario } from "#chaos/scenario.ts";
import { SCENARIOS, scenarioNamed } from "#chaos/scenarios.ts";
import { second } from "#runtime/units.ts";
import { workMissing } from "#test/kit/work-node.ts";

const { CEPA_SEED, CEPA_SEEDS } = process.env;
const isLong = CEPA_SEEDS !== undefined;
const from = Number(CEPA_SEED ?? 1);
/** Seeds of each scenario: a run is some seconds. */
const count = isLong ? Math.ceil(Number(CEPA_SEEDS) / 30) : 1;
/** A bug may need the right moment. */
const SEEDS_OF_A_PLANT_MAX = 12;
const SHORT_MS: number = 5 * second;
const LONG_MS: number = 20 * second;
/** Each takes more than half a minute, most of it waiting. */
const tooLong = isLong ? undefined : "./cepa verify runs it, and whoever sets CEPA_SEEDS";

const scenarios = SCENARIOS.filter(({ producers = 0 }) => producers > 0);

/** What is looked at here are events: whoever reads and writes objects beside them is alone. */
function briefPlan(scenario: Scenario, seed: number): Plan {
  return { ...planOf(scenario, { seed, durationMs: SHORT_MS }), clients: 1 };
}

async function passes(plan: Plan, executor: ExecutorName): Promise<object> {
  const { verdict, checks, faults, tally } = await runPlan({ plan, executor });

  assert.equal(verdict, "pass", `seed ${plan.seed}: ${JSON.stringify(checks, undefined, 2)}`);
  assert((tally["publish"] ?? 0) > 50, "producers were at work");
  return { seed: plan.seed, faults, publish: tally["publish"] };
}

describe("chaos: scenarios of events, simulated", () => {
  for (const scenario of scenarios) {
    if (!isLong && scenario.name !== "events-through-everything") continue;
    it(`${scenario.name} passes under ${count} seeds from ${from} on`, async (context) => {
      for (let seed = from; seed < from + count; seed += 1) {
        const plan = isLong ? planOf(scenario, { seed, durationMs: LONG_MS }) : briefPlan(scenario, seed);
        context.diagnostic(JSON.stringify(await passes(plan, "sim")));
      }
    });
  }
});

describe("chaos: scenarios of events, on nodes that run", { skip: workMissing ?? tooLong ?? false }, () => {
  for (const scenario of scenarios.filter(({ executors }) => executors.includes("process"))) {
    it(`${scenario.name} passes`, async (context) => {
      const plan = planOf(scenario, { seed: from, durationMs: LONG_MS });
      context.diagnostic(JSON.stringify(await passes(plan, "process")));
    });
  }
});

describe("chaos: bugs that are planted in ingest", () => {
  for (const [at, bug] of EVENT_BUGS.entries()) {
    if (!isLong && at !== from % EVENT_BUGS.length) continue;
    it(`${bug.name} is seen by ${bug.seenBy}`, async (context) => {
      const scenario = scenarioNamed(bug.scenario);
      assert(scenario !== undefined);
      for (let seed = 1; seed <= SEEDS_OF_A_PLANT_MAX; seed += 1) {
        const { checks } = await runPlan({ plan: briefPlan(scenario, seed), executor: "sim", plant: bug });
        if ((checks[bug.seenBy] ?? "pass") === "pass") continue;
        context.diagnostic(`seed ${seed}: ${checks[bug.seenBy]}`);
        return;
      }
      assert.fail(`${SEEDS_OF_A_PLANT_MAX} seeds do not see it`);
    });
  }
});

/**
 * Every scenario that a simulation can bring about holds (STO-1, STO-4, GW-20, SUP-3), and every bug that can be planted is
 * seen by the check that is there for it.
 *
 * `CEPA_CHAOS_SEEDS` says how many seeds of everything at once are run, and `CEPA_CHAOS_SEED` which is the first. With
 * `CEPA_SEED` every other scenario is run under that.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Outcome } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { PLANTED_BUGS } from "#chaos/plants.ts";
import { lookFor } from "#chaos/real/look-for.ts";
import { runPlan } from "#chaos/runner.ts";
import { planOf, WANTED } from "#chaos/scenario.ts";
import { SCENARIOS, scenarioNamed } from "#chaos/scenarios.ts";
import { second } from "#runtime/units.ts";

const from = Number(process.env["CEPA_SEED"] ?? 1);
const first = Number(process.env["CEPA_CHAOS_SEED"] ?? from);
const count = Number(process.env["CEPA_CHAOS_SEEDS"] ?? 2);
const SHORT_MS: number = 20 * second;

function shortPlan(name: string, seed: number): Plan {
  const scenario = scenarioNamed(name);
  assert(scenario !== undefined);
  return planOf(scenario, { seed, durationMs: SHORT_MS });
}

function run(plan: Plan): Promise<Outcome> {
  return runPlan({ plan, executor: "sim" });
}

describe("chaos: scenarios, simulated", () => {
  for (const { name, executors, producers } of SCENARIOS) {
    // Those of events have a file of their own.
    if (!executors.includes("sim") || producers !== undefined) continue;
    it(`${name} passes`, async (context) => {
      const { verdict, checks, faults, events, tally } = await run(shortPlan(name, from));

      context.diagnostic(JSON.stringify({ faults, events, put: tally["put"], get: tally["get"] }));
      assert.equal(verdict, "pass", JSON.stringify(checks, undefined, 2));
      assert((tally["put"] ?? 0) > 20 && (tally["get"] ?? 0) > 20, "clients were at work");
      for (const [kind, { planned, injected, effects }] of Object.entries(faults)) {
        assert.equal(injected, planned, kind);
        assert(effects > 0, `${kind} took effect`);
      }
    });
  }

  it(`everything-at-once passes under ${count} seeds from ${first} on`, async (context) => {
    const sum = { events: 0, faults: 0 };
    const startedMs = performance.now();
    for (let seed = first; seed < first + count; seed += 1) {
      const plan = shortPlan("everything-at-once", seed);
      const { verdict, checks, events } = await run(plan);

      assert.equal(verdict, "pass", `seed ${seed}: ${JSON.stringify(checks, undefined, 2)}`);
      sum.events += events;
      sum.faults += plan.faults.length;
    }
    const seconds = Math.round((performance.now() - startedMs) / second);
    context.diagnostic(
      JSON.stringify({ first, seeds: count, ...sum, simulatedSeconds: (count * SHORT_MS) / second, seconds }),
    );
    assert(sum.faults >= count, "faults came");
  });

  it("are the same again under the same seed, and not under another", async () => {
    const plan = shortPlan("everything-at-once", from);

    const [once, again, other] = [await run(plan), await run(plan), await run({ ...plan, seed: from + 1 })];

    assert.deepEqual(again, once);
    assert.notEqual(other.digest, once.digest);
  });
});

/** Those that take a node which runs take its time, too: `CEPA_CHAOS_SECONDS` says that there is some. */
const BUGS = PLANTED_BUGS.filter((bug) => {
  const isReal = "patch" in bug && bug.executor !== undefined && bug.executor !== "sim";
  return !isReal || process.env["CEPA_CHAOS_SECONDS"] !== undefined;
});

describe("chaos: bugs that are planted", () => {
  let caught = 0;
  // Those of events have a file of their own.
  const bugs = BUGS.filter(({ scenario }) => scenarioNamed(scenario)?.producers === undefined);
  for (const bug of bugs) {
    it(`${bug.name} is seen by ${bug.seenBy}`, async (context) => {
      const seen = await lookFor(bug);

      assert(seen !== undefined, "no seed sees it");
      caught += 1;
      context.diagnostic(`seed ${seen.seed}: ${seen.said}`);
    });
  }

  it("are caught, all of them", (context) => {
    context.diagnostic(`${caught} of ${bugs.length}`);
    assert.equal(caught, bugs.length);
  });

  it("have a name each", () => {
    const names = PLANTED_BUGS.map(({ name }) => name);

    assert.deepEqual([...new Set(names)], names);
  });

  it("stand for every check", () => {
    const seen = new Set(PLANTED_BUGS.map(({ seenBy }) => seenBy));
    // A plan with a fault that does nothing stands for it, below.
    const unseen = WANTED.filter((name) => !seen.has(name) && name !== "faults-took-effect");

    assert.deepEqual(unseen, []);
  });
});

describe("chaos: plans that do not try what they say", () => {
  it("fail where a fault had no effect", async () => {
    const plan = shortPlan("links-are-cut", from);
    const nobody = { kind: "cut-link", atMs: 5000, forMs: 1000, cell: "work" } as const;

    const { verdict, checks } = await run({ ...plan, faults: [nobody] });

    assert.equal(verdict, "fail");
    assert.equal(checks["faults-took-effect"], "without effect: cut-link work for 1000 ms");
  });

  it("are not run where the executor cannot bring a fault about", async () => {
    const plan = shortPlan("links-are-cut", from);

    const { verdict, reason } = await run({
      ...plan,
      faults: [{ kind: "stall-server", atMs: 5000, forMs: 1000, server: "redis" }],
    });

    assert.deepEqual([verdict, reason], ["not-run", "a simulated node without producers has no servers"]);
  });

  it("fail where storage is crashed once too often: it is quarantined, and that is seen", async () => {
    const plan = shortPlan("storage-crashes-while-putting", from);
    const crashes = Array.from({ length: 7 }, (_, index) => ({
      kind: "crash-actor" as const,
      atMs: 1000 + 2500 * index,
      actor: "storage",
    }));

    const { verdict, checks } = await run({ ...plan, faults: crashes });

    assert.equal(verdict, "fail");
    assert.match(checks["everything-runs-again"] ?? "", /storage is quarantined/);
    assert.match(checks["ready-again"] ?? "", /^not ready within 30000 ms/);
  });
});

/** Random scripts of crashes, stops, resumes and time, against what must hold whatever happens. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { ExitReason } from "#runtime/errors.ts";
import { minute, second } from "#runtime/units.ts";
import { type Stage, stage } from "#test/supervisor/kit.ts";

const NAMES = ["a", "b", "c", "d"];
const RUNGS = [["a"], ["b", "c"], ["d"]];
const EXITS: readonly ExitReason[] = [
  { kind: "crashed", defect: "broken" },
  { kind: "normal" },
  { kind: "killed", afterMs: 1 },
];

type Step =
  | { readonly do: "exit"; readonly name: string; readonly reason: ExitReason }
  | { readonly do: "kill" | "hold" | "resume" | "fail-next" | "degrade" | "stubborn"; readonly name: string }
  | { readonly do: "advance"; readonly ms: number };

const name = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("exit" as const), name, reason: fc.constantFrom(...EXITS) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "kill" as const,
        "hold" as const,
        "resume" as const,
        "fail-next" as const,
        "degrade" as const,
      ),
      name,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stubborn" as const), name }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(0, 50, 400, 5000, 61_000) }),
  },
);
const setting = fc.record({
  strategy: fc.constantFrom("one-for-one" as const, "one-for-all" as const, "rest-for-one" as const),
  restart: fc.constantFrom("permanent" as const, "transient" as const, "temporary" as const),
  childRestartsMax: fc.integer({ min: 0, max: 2 }),
  intensityMax: fc.integer({ min: 1, max: 6 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

async function play(on: Stage, step: Step): Promise<void> {
  switch (step.do) {
    case "exit":
      on.child(step.name).exit(step.reason);
      break;
    case "kill":
      on.supervisor.kill(step.name);
      break;
    case "hold":
      on.supervisor.hold(step.name);
      break;
    case "resume":
      on.supervisor.resume(step.name);
      break;
    case "fail-next":
      on.child(step.name).startPlan.push("fail");
      break;
    case "degrade":
      on.child(step.name).say("degraded", "busy");
      break;
    case "stubborn":
      on.child(step.name).stubborn = true;
      break;
    case "advance":
      await on.clock.advance(step.ms);
      break;
  }
}

/** More than `max` moments in any window of `periodMs`. */
function exceeds(momentsMs: readonly number[], max: number, periodMs: number): boolean {
  return momentsMs.some((fromMs) => momentsMs.filter((ms) => ms >= fromMs && ms < fromMs + periodMs).length > max);
}

describe("supervisor: any script", () => {
  it("keeps at most one life a child, keeps the budgets, and stops in reverse for good", async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.array(step, { maxLength: 40, size: "max" }), async (chosen, script) => {
        const on = stage({ ...chosen, rungs: RUNGS });
        void on.supervisor.start();
        const resumedAt = new Map<string, number>();
        for (const next of script) {
          await play(on, next);
          // An operator's word opens a new account.
          if (next.do === "resume") resumedAt.set(next.name, on.restarts.length);
          for (const child of NAMES) {
            assert(on.child(child).aliveMax <= 1, "one life at a time");
            const state = on.states()[child];
            if (state === "quarantined" || state === "backing-off" || state === "stopped") {
              assert.equal(on.child(child).alive, 0, `${child} is ${state}`);
            }
          }
        }
        for (const child of NAMES) {
          const since = on.restarts.slice(resumedAt.get(child) ?? 0).filter((restart) => restart.child === child);
          const momentsMs = since.map((restart) => restart.atMs);
          // One probe a minute may come on top of the restarts inside the budget.
          assert(!exceeds(momentsMs, chosen.childRestartsMax + 1, 1 * minute), `budget of ${child}: ${momentsMs}`);
        }

        on.trace.length = 0;
        const closed = on.supervisor.shutdown(10 * second);
        await on.clock.advance(11 * second);
        await closed;
        await on.clock.advance(60 * minute);

        const stops = on.trace.filter((line) => line.startsWith("stop ")).map((line) => line.slice(5));
        const rungs = stops.map((child) => RUNGS.findIndex((rung) => rung.includes(child)));
        assert.deepEqual(
          rungs,
          [...rungs].sort((left, right) => right - left),
        );
        assert.equal(
          on.trace.some((line) => line.startsWith("start ")),
          false,
        );
        assert.deepEqual(
          NAMES.map((child) => on.child(child).alive),
          [0, 0, 0, 0],
        );
        assert.equal(on.clock.armedCount, 0);
      }),
      { numRuns: 100 },
    );
  });

  it("brings everyone back who is neither held nor quarantined nor finished", async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.array(step, { maxLength: 30, size: "max" }), async (chosen, script) => {
        const on = stage({ ...chosen, restart: "permanent", intensityMax: 1000, rungs: RUNGS });
        void on.supervisor.start();
        const held = new Set<string>();
        for (const next of script) {
          if (next.do === "hold") held.add(next.name);
          // One that is still on its way down cannot be resumed yet, and is told so.
          if (next.do === "resume" && on.supervisor.resume(next.name).ok) held.delete(next.name);
          else await play(on, next);
        }
        // Longer than every back-off and every probe.
        for (const child of NAMES) on.child(child).startPlan.length = 0;
        await on.clock.advance(40 * minute);

        for (const child of NAMES) {
          const state = on.states()[child];
          if (held.has(child)) continue;
          assert(state === "running" || state === "degraded", `${child} is ${state}`);
        }
      }),
      { numRuns: 100 },
    );
  });
});

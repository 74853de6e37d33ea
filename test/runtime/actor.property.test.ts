/**
 * The actor under random scripts of calls, casts, crashes, restarts and time, against what must always hold:
 *
 * - every call is answered exactly once, and every attempt is accounted for as answered, refused or failed;
 * - messages of one sender are handled in the order they were sent;
 * - nothing is handled by an incarnation that has ended, and no state survives into the next one.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Behavior } from "#runtime/behavior.ts";
import { type Failure, ok, type Result } from "#runtime/errors.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import { startActor } from "#test/kit/actor.ts";

interface TallyProtocol {
  now: Call<{ readonly id: number }, number>;
  held: Call<{ readonly id: number; readonly forMs: number }, number>;
  task: Call<{ readonly id: number; readonly forMs: number }, number>;
  note: Cast<{ readonly id: number }>;
}

interface Handled {
  readonly id: number;
  readonly incarnation: number;
}

interface TallyDeps {
  readonly handled: Handled[];
  /** Incarnations that have ended, as the test saw it. */
  readonly ended: Set<number>;
  /** Ids that were handled or settled by an incarnation after its end. */
  readonly afterTheEnd: number[];
}

interface TallyState extends TallyDeps {
  readonly incarnation: number;
}

const tallyBehavior: Behavior<TallyProtocol, Record<never, never>, TallyDeps, TallyState> = {
  name: "tally",
  init: (deps, ctx) => ({ ...deps, incarnation: ctx.incarnation }),
  handlers: {
    now: (state, { id }) => ok(record(state, id)),
    held: async (state, { id, forMs }, ctx) => {
      record(state, id);
      await new Promise<void>((resolve) => ctx.clock.after(forMs, resolve));
      return ok(id);
    },
    task: (state, { id, forMs }, ctx) => {
      record(state, id);
      return ctx.later(
        () => new Promise<void>((resolve) => ctx.clock.after(forMs, resolve)),
        (settled) => {
          if (settled.ended.has(settled.incarnation)) settled.afterTheEnd.push(id);
          return ok(id);
        },
      );
    },
    note: (state, { id }) => {
      record(state, id);
    },
  },
};

function record({ handled, ended, afterTheEnd, incarnation }: TallyState, id: number): number {
  // Noted and not thrown: a throw would end an incarnation that has ended, which nobody would see.
  if (ended.has(incarnation)) afterTheEnd.push(id);
  handled.push({ id, incarnation });
  return id;
}

type Step =
  | { readonly kind: "now" | "note" | "crash" | "stop" }
  | { readonly kind: "held" | "task"; readonly forMs: number; readonly timeoutMs: number; readonly wait: boolean }
  | { readonly kind: "advance"; readonly ms: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("now" as const, "note" as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom("held" as const, "task" as const),
        forMs: fc.integer({ min: 0, max: 300 }),
        timeoutMs: fc.integer({ min: 10, max: 400 }),
        wait: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 250 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("crash" as const, "stop" as const) }) },
  ),
  { maxLength: 60, size: "max" },
);

describe("actor: any script", () => {
  it("answers each call once, in order, and never beyond the end of an incarnation", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const deps: TallyDeps = { handled: [], ended: new Set(), afterTheEnd: [] };
        const { actor, ref, clock, restart } = await startActor(tallyBehavior, deps, { capacity: 3, laterMax: 2 });
        const answers = new Map<number, Result<number, Failure>[]>();
        const accepted = new Set<number>();
        let id = 0;
        let calls = 0;
        const track = (call: Promise<Result<number, Failure>>): void => {
          const mine = id;
          calls += 1;
          answers.set(mine, []);
          void call.then((answer) => answers.get(mine)?.push(answer));
        };

        for (const step of script) {
          id += 1;
          if (step.kind === "advance") await clock.advance(step.ms);
          else if (step.kind === "note") {
            if (ref.cast("note", { id }) === "accepted") accepted.add(id);
          } else if (step.kind === "now") track(ref.call("now", { id }, { timeoutMs: 200 }));
          else if (step.kind === "held" || step.kind === "task") {
            const { forMs, timeoutMs, wait } = step;
            track(ref.call(step.kind, { id, forMs }, { timeoutMs, whenFull: wait ? "wait" : "reject" }));
          } else {
            deps.ended.add(actor.incarnation);
            if (step.kind === "crash") actor.kill("by the script");
            else void actor.stop();
            const started = restart();
            await clock.advance(1000); // A task of the last life may still sleep: the next one waits for it.
            await started;
          }
        }
        await clock.advance(5000);

        assert.deepEqual(deps.afterTheEnd, []);
        assert.equal(answers.size, calls);
        for (const [call, given] of answers) assert.equal(given.length, 1, `call ${call} is answered once`);
        const order = deps.handled.map((handled) => handled.id);
        assert.deepEqual(
          order,
          [...new Set(order)].sort((a, b) => a - b),
          "in order, and none twice",
        );
        for (const [call, [answer]] of answers) {
          const isHandled = order.includes(call);
          if (answer?.ok === true) assert(isHandled, "what was answered was handled");
          else if (answer?.ok === false && "executed" in answer.failure && answer.failure.executed === "no")
            assert(!isHandled, "no means no");
          else assert(isHandled, "maybe means that the handler had begun");
        }
      }),
      { numRuns: 150 },
    );
  });
});

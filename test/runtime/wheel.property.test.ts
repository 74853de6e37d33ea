/** The wheel against a list of due times. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Deadline, WHEEL_TICK_MS, Wheel } from "#runtime/wheel.ts";

class Recorded extends Deadline {
  readonly #onDue: () => void;

  constructor(onDue: () => void) {
    super();
    this.#onDue = onDue;
  }

  override onDue(): void {
    this.#onDue();
  }
}

type Step =
  | { readonly kind: "arm"; readonly delayMs: number }
  | { readonly kind: "disarm" | "extend"; readonly pick: number; readonly byMs: number }
  | { readonly kind: "advance"; readonly ms: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("arm" as const), delayMs: fc.integer({ min: 0, max: 12_000 }) }),
    fc.record({
      kind: fc.constantFrom("disarm" as const, "extend" as const),
      pick: fc.nat(20),
      byMs: fc.integer({ min: 0, max: 7000 }),
    }),
    fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 6000 }) }),
  ),
  { maxLength: 40, size: "max" },
);

describe("wheel: arm, extend, disarm", () => {
  it("fires every deadline once, never early and at most a tick late", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const clock = new ManualClock();
        const wheel = new Wheel(clock);
        const live = new Map<number, Recorded>();
        let armed = 0;
        const arm = (dueMs: number): void => {
          const id = armed;
          armed += 1;
          const deadline = new Recorded(() => {
            const lateMs = clock.nowMs() - deadline.dueMs;
            assert(lateMs >= 0, "never early");
            assert(lateMs <= WHEEL_TICK_MS, `at most a tick late, was ${lateMs}`);
            assert(live.delete(id), "once, and not after a disarm");
          });
          live.set(id, deadline);
          wheel.arm(deadline, dueMs);
        };
        for (const step of script) {
          const [id, deadline] = "pick" in step ? ([...live][step.pick % Math.max(1, live.size)] ?? []) : [];
          if (step.kind === "arm") arm(clock.nowMs() + step.delayMs);
          else if (step.kind === "advance") await clock.advance(step.ms);
          else if (id === undefined || deadline === undefined) continue;
          else if (step.kind === "extend") deadline.dueMs += step.byMs;
          else {
            wheel.disarm(deadline);
            live.delete(id);
          }
          assert.equal(wheel.armedCount, live.size);
        }

        await clock.advance(60_000 + 12_000);

        assert.equal(live.size, 0);
        assert.equal(clock.armedCount, 0);
      }),
      { numRuns: 60 },
    );
  });

  it("goes on when a deadline disarms its neighbour of the same tick", async () => {
    const clock = new ManualClock();
    const wheel = new Wheel(clock);
    const fired: string[] = [];
    const first = new Recorded(() => fired.push("first"));
    const second = new Recorded(() => {
      fired.push("second");
      wheel.disarm(first);
    });
    const third = new Recorded(() => fired.push("third"));
    for (const deadline of [third, first, second]) wheel.arm(deadline, 55);

    await clock.advance(100);

    assert.deepEqual(fired, ["second", "third"]);
  });
});

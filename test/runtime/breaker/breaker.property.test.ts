/** The breaker against the simplest thing that could be right: a list of all faults, and one caller at a time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { BreakerState } from "#runtime/breaker/breaker-chart.ts";
import { breakerStage, type CallUnderWay, LIMITS, type Outcome } from "#test/runtime/breaker/kit.ts";

type Step =
  | { readonly do: "call"; readonly timeoutMs: number | undefined }
  | { readonly do: "end"; readonly which: number; readonly outcome: Outcome }
  | { readonly do: "give-up"; readonly which: number }
  | { readonly do: "advance"; readonly ms: number };

const which = fc.nat({ max: 20 });
const outcome = fc.constantFrom<Outcome>("faulty", "faulty", "throws", "sound", "refused-by-system");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("call" as const), timeoutMs: fc.constantFrom(undefined, undefined, 150) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("end" as const), which, outcome }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("give-up" as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(1, 99, 100, 400, 999) }),
  },
);

/** A call that the model has seen begin. */
interface Known {
  readonly call: CallUnderWay;
  readonly beganIn: number;
  readonly deadlineMs: number;
  hasGivenUp: boolean;
}

class Model {
  state: BreakerState = "closed";
  /** Changes of state, and probes. */
  chapter = 0;
  nowMs = 0;
  #faultsMs: number[] = [];
  #openUntilMs = 0;
  #ceilingMs = LIMITS.openMsMin;
  #probe: { readonly sinceMs: number; readonly known: Known } | undefined;

  isOver({ deadlineMs, hasGivenUp }: Known): boolean {
    return hasGivenUp || this.nowMs >= deadlineMs;
  }

  /** Whether a call that is made now is let through. */
  admits(known: (chapter: number) => Known): Known | undefined {
    if (this.state === "open" && this.nowMs >= this.#openUntilMs) this.#enter("half-open");
    if (this.state === "closed") return known(this.chapter);
    if (this.state === "open") return undefined;
    if (this.#probe !== undefined && !this.isOver(this.#probe.known)) {
      if (this.nowMs - this.#probe.sinceMs >= LIMITS.probeMsMax) this.#open();
      return undefined;
    }
    this.chapter += 1;
    const made = known(this.chapter);
    this.#probe = { sinceMs: this.nowMs, known: made };
    return made;
  }

  ended(known: Known, outcome: Outcome): void {
    if (known.beganIn !== this.chapter) return;
    const answered = outcome === "sound" || (outcome === "refused-by-system" && !this.isOver(known));
    const isFault = !answered && !this.isOver(known);
    if (this.state === "half-open") {
      this.#probe = undefined;
      if (isFault) this.#open();
      if (answered) {
        this.#enter("closed");
        this.#faultsMs = [];
        this.#ceilingMs = LIMITS.openMsMin;
      }
      return;
    }
    if (!isFault) return;
    this.#faultsMs.push(this.nowMs);
    const recent = this.#faultsMs.filter((ms) => this.nowMs - ms < LIMITS.periodMs).length;
    if (recent > LIMITS.failuresMax) this.#open();
  }

  #open(): void {
    this.#enter("open");
    this.#openUntilMs = this.nowMs + this.#ceilingMs;
    this.#ceilingMs = Math.min(LIMITS.openMsMax, this.#ceilingMs * 2);
  }

  #enter(state: BreakerState): void {
    this.state = state;
    this.chapter += 1;
    this.#probe = undefined;
  }
}

describe("breaker: any script", () => {
  it("lets through, refuses and changes state as the model does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (script) => {
        const on = breakerStage();
        const model = new Model();
        const underWay: Known[] = [];

        for (const next of script) {
          const chosen = "which" in next ? underWay[next.which % Math.max(1, underWay.length)] : undefined;
          switch (next.do) {
            case "call": {
              const call = await on.call(next.timeoutMs);
              const deadlineMs = model.nowMs + (next.timeoutMs ?? Number.POSITIVE_INFINITY);
              const known = model.admits((beganIn) => ({ call, beganIn, deadlineMs, hasGivenUp: false }));
              assert.equal(call.isAsked, known !== undefined);
              if (known !== undefined) underWay.push(known);
              break;
            }
            case "end":
              if (chosen === undefined) break;
              underWay.splice(underWay.indexOf(chosen), 1);
              await chosen.call.end(next.outcome);
              model.ended(chosen, next.outcome);
              break;
            case "give-up":
              if (chosen === undefined) break;
              chosen.hasGivenUp = true;
              chosen.call.giveUp();
              break;
            case "advance":
              await on.clock.advance(next.ms);
              model.nowMs += next.ms;
              break;
          }
          assert.equal(on.breaker.state, model.state);
        }
      }),
      { numRuns: 300 },
    );
  });
});

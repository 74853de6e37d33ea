/** A breaker on a clock that stands still, in front of a system that answers when the test says so. */

import { Breaker, type BreakerLimits, type CircuitOpen } from "#runtime/breaker/breaker.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { silentLog } from "#test/kit/actor.ts";

export type Outcome = "sound" | "faulty" | "refused-by-system" | "throws";

/** A call under way: how the test ends it, and what its caller sees. */
export interface CallUnderWay {
  /** The task has begun. */
  isAsked: boolean;
  end(outcome: Outcome): Promise<void>;
  giveUp(): void;
  /** Undefined while it is under way. */
  seen: Result<string, Failure | CircuitOpen> | "thrown" | undefined;
}

export const LIMITS: BreakerLimits = {
  failuresMax: 2,
  periodMs: 1000,
  openMsMin: 100,
  openMsMax: 400,
  probeMsMax: 500,
};

/** Always the largest answer that may come. */
export const highest: Random = { bytes: () => new Uint8Array(), below: (max) => max - 1, id: () => "0" };

export interface BreakerStage {
  readonly breaker: Breaker<Failure>;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
  /** `timeoutMs`: of the caller; it waits for ever without. */
  call(timeoutMs?: number): Promise<CallUnderWay>;
  /** Calls, and ends the call at once. Answers with what the caller saw. */
  once(outcome: Outcome): Promise<CallUnderWay["seen"]>;
}

export function breakerStage(random: Random = highest): BreakerStage {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const isFault = ({ code }: Failure): boolean => code === "test.broken";
  const breaker = new Breaker({ name: "bucket", clock, random, metrics, log: silentLog, isFault, limits: LIMITS });

  const call = async (timeoutMs = Number.POSITIVE_INFINITY): Promise<CallUnderWay> => {
    const caller = new AbortController();
    const within: Within = { deadlineMs: clock.nowMs() + timeoutMs, signal: caller.signal };
    const answer = Promise.withResolvers<Result<string, Failure>>();
    const made: CallUnderWay = {
      isAsked: false,
      seen: undefined,
      end: async (outcome) => {
        if (outcome === "throws") answer.reject(new TypeError("a defect"));
        else if (outcome === "sound") answer.resolve(ok("value"));
        else answer.resolve(fail({ code: outcome === "faulty" ? "test.broken" : "test.no-such-key" }));
        await clock.settle();
      },
      giveUp: () => caller.abort(),
    };
    const task = (): Promise<Result<string, Failure>> => {
      made.isAsked = true;
      return answer.promise;
    };
    breaker.run(within, task).then(
      (result) => {
        made.seen = result;
      },
      () => {
        made.seen = "thrown";
      },
    );
    await clock.settle();
    return made;
  };
  const once = async (outcome: Outcome): Promise<CallUnderWay["seen"]> => {
    const made = await call();
    await made.end(outcome);
    return made.seen;
  };
  return { breaker, clock, metrics, call, once };
}

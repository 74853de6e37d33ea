/** An attempt again and again, with pauses that grow, by somebody who can do nothing without it. */
import type { Clock } from "#runtime/clock.ts";
import { doubled } from "#runtime/doubled.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import type { Random } from "#runtime/random.ts";

export interface Patience {
  readonly clock: Clock;
  readonly random: Random;
  /** Ceiling of the first pause, and of the longest; full jitter. */
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
  /** Nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** What came of it when it succeeded; undefined where nobody waits for it any more. */
export async function patiently<Value>(
  attempt: () => Promise<Result<Value, Failure>>,
  { clock, random, pauseMsMin, pauseMsMax, signal }: Patience,
): Promise<Value | undefined> {
  for (let failedCount = 0; !signal.aborted; failedCount += 1) {
    const result = await attempt();
    if (result.ok) return result.value;
    await pause(clock, 1 + random.below(doubled(pauseMsMin, failedCount, pauseMsMax)), signal);
  }
  return undefined;
}

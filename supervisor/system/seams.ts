/** What a system runs on, and the real halves of it. Tests hand in simulated ones. */
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";
import { realClock } from "#runtime/real/clock.ts";
import { keepAlive } from "#runtime/real/keep-alive.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

/** Time, randomness and the order of turns, handed in. */
export interface SystemSeams {
  readonly clock: Clock;
  /** Draws the jitter of restarts; behaviors have it as `ctx.random`. */
  readonly random: Random;
  readonly scheduler: Scheduler;
  /** Called when the system begins, its answer when it has ended: keeps the process from ending in between. */
  readonly keepAlive?: () => () => void;
}

/** This machine's. */
export function realSeams(): SystemSeams {
  return { clock: realClock, random: createRealRandom(), scheduler: realScheduler, keepAlive };
}

/** Gives the loop back after `STRAIGHT_WORK_MS`, so that hashing does not hold up whoever else shares the thread. */
import type { Clock } from "#runtime/clock.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

export const STRAIGHT_WORK_MS = 2;

export class Pause {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  #sinceMs: number;

  constructor(clock: Clock, scheduler: Scheduler) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#sinceMs = clock.nowMs();
  }

  /** Waits for a turn of the loop if there was enough work since the last one; undefined if there is no need. */
  ifDue(): Promise<void> | undefined {
    if (this.#clock.nowMs() - this.#sinceMs < STRAIGHT_WORK_MS) return undefined;
    return new Promise((resolve) => {
      this.#scheduler.macrotask(() => {
        this.#sinceMs = this.#clock.nowMs();
        resolve();
      });
    });
  }
}

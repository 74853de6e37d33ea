/** What a turn of one actor takes lately, about: a call that would be too late when it is done is not begun. */
import type { Clock } from "#runtime/clock.ts";

/** Ahead of its deadline a call is worth a reading of the clock, ms: `recentMs` is that late at most, but for long turns. */
const NEAR_MS = 16;
/** Readings that the estimate goes back to, about. */
const WEIGHT = 8;

export class TurnTime {
  #ms = 0;

  isTooLate(dueMs: number, clock: Clock): boolean {
    return dueMs - NEAR_MS <= clock.recentMs() && dueMs <= clock.nowMs() + this.#ms;
  }

  /** What one turn took: one, or each of several. */
  note(tookMs: number): void {
    // A pause of the whole process is not what turns take: the estimate grows by a little at a time.
    this.#ms += (Math.min(tookMs, 1 + 2 * this.#ms) - this.#ms) / WEIGHT;
  }
}

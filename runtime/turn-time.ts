/**
 * What a turn of one actor takes lately, about: a call that would be too late when it is done is not begun.
 *
 * Reading the clock costs as much as a small turn, so a few turns are timed and stand for all.
 */
import type { Clock } from "#runtime/clock.ts";

/** Ahead of its deadline a call is worth a reading of the clock, ms: `recentMs` is that late at most, but for long turns. */
const NEAR_MS = 16;
/** Of so many turns one is timed. A power of two. */
const TIMED_TURNS = 64;
/** Timed turns that the estimate goes back to, about. */
const WEIGHT = 8;

export class TurnTime {
  #count = 0;
  #ms = 0;

  isTooLate(dueMs: number, clock: Clock): boolean {
    return dueMs - NEAR_MS <= clock.recentMs() && dueMs <= clock.nowMs() + this.#ms;
  }

  /** Whether the next turn is one to be timed. */
  isTimed(): boolean {
    this.#count += 1;
    return (this.#count & (TIMED_TURNS - 1)) === 1;
  }

  note(tookMs: number): void {
    this.#ms += (tookMs - this.#ms) / WEIGHT;
  }
}

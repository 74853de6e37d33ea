/**
 * A clock whose timers run whenever an exploration lets them: each is an event of the program, in line from the moment when it
 * is set.
 *
 * - It is at least as late as the timer that runs, so none is early. One that runs behind a later one is late, as after a stall
 *   of the process: the seam promises no order among those that are due (`runtime/clock.ts`).
 * - Nobody moves it. A program with a timer in line is not over, so time passes as far as the last timer needs.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { assert } from "#runtime/errors.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";

/** Wall time at the beginning of a run. */
const BEGINS_MS: number = Date.UTC(2026, 0, 1);

/** Time that passes in every way it may: each timer has a slot of its own. A program begins at 0 ms. */
export class ExploredClock implements Clock {
  readonly #play: Play;
  #nowMs = 0;
  #armedCount = 0;

  constructor(play: Play) {
    this.#play = play;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  recentMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return BEGINS_MS + this.#nowMs;
  }

  /** Timers that are set and neither ran nor were cancelled. */
  get armedCount(): number {
    return this.#armedCount;
  }

  after(delayMs: number, run: () => void): Timer {
    assert(delayMs >= 0 && Number.isFinite(delayMs), "a timer has a delay");
    const dueMs = this.#nowMs + delayMs;
    let isArmed = true;
    const disarm = (): void => {
      if (isArmed) this.#armedCount -= 1;
      isArmed = false;
    };
    this.#armedCount += 1;
    const undo = this.#play.event(`timer-${delayMs}`, () => {
      disarm();
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      run();
    });
    return {
      cancel: () => {
        disarm();
        undo();
      },
    };
  }
}

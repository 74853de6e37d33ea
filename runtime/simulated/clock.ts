/**
 * A clock that stands still until a test moves it.
 *
 * Invariants:
 * - timers run in order of their due time, equal ones in the order they were set;
 * - while a timer runs, `nowMs` is exactly its due time;
 * - before the first timer, between two and after the last, pending promise turns settle, so that code which awaits
 *   between timers makes the progress that it would make on a real clock.
 *
 * Settling waits for promise turns and for no real timer: code that waits for real input (a socket, a thread) does not make
 * progress here.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { assert } from "#runtime/errors.ts";

/** Promise turns of one `settleTurns`. A chain of awaits longer than this continues in the next `advance`. */
export const settleTurnsMax = 512;
/** Timers that one `advance` runs before it says that the code under test re-arms itself without end. */
export const timersPerAdvanceMax = 1_000_000;
/** Longest delay a timer takes, ms: what the platform's timers take. */
const delayMsMax = 2 ** 31 - 1;

interface Armed {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Time that a test moves: `advance` runs what falls due in between, `settle` only what is due now. */
export class ManualClock implements Clock {
  readonly #armed: Armed[] = [];
  #nowMs = 0;
  #wallMs: number;
  /** What the wall clock gains in each second. */
  #gainMs = 0;
  #advancing = false;
  #ranCount = 0;
  readonly #settle: () => Promise<void>;

  /**
   * `wallMs` is the wall time at the start; it advances with the monotonic reading. `settle` is how pending turns are waited
   * for: `settleTurns`, or where chains of awaits may be of any length, `quiet`.
   */
  constructor(wallMs: number = Date.UTC(2026, 0, 1), settle: () => Promise<void> = settleTurns) {
    this.#wallMs = wallMs;
    this.#settle = settle;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  recentMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Math.floor(this.#wallMs);
  }

  /** Timers that are set and neither ran nor were cancelled. A test can assert that none leaked. */
  get armedCount(): number {
    return this.#armed.length;
  }

  /** Timers that ran so far. */
  get ranCount(): number {
    return this.#ranCount;
  }

  /** When the next timer falls due, monotonic ms; undefined when none is set. */
  get nextDueMs(): number | undefined {
    return this.#armed[0]?.dueMs;
  }

  after(delayMs: number, run: () => void): Timer {
    assert(delayMs >= 0 && delayMs <= delayMsMax, "a timer's delay is 0 … 2^31 - 1 ms");
    const armed: Armed = { dueMs: this.#nowMs + delayMs, run };
    // Behind all that are due no later: equal due times keep their order.
    const behind = this.#armed.findLastIndex((other) => other.dueMs <= armed.dueMs);
    this.#armed.splice(behind + 1, 0, armed);
    return {
      cancel: () => {
        const index = this.#armed.indexOf(armed);
        if (index >= 0) this.#armed.splice(index, 1);
      },
    };
  }

  /** Moves time forward by `ms` and runs what falls due. What a timer throws rejects the promise. */
  async advance(ms: number): Promise<void> {
    assert(ms >= 0 && Number.isFinite(ms), "time moves forward");
    assert(!this.#advancing, "one advance at a time: await the previous one");
    this.#advancing = true;
    try {
      await this.#runUntil(this.#nowMs + ms);
    } finally {
      this.#advancing = false;
    }
  }

  /** Lets pending promise turns run without moving time. */
  settle(): Promise<void> {
    return this.#settle();
  }

  /** Makes wall time jump, as an operator or a time server does. The monotonic reading does not move. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  /** From now on wall time gains so many ms in each second, or below 0 falls behind, as a bad oscillator has it; 0 ends that. */
  driftWall(gainMs: number): void {
    this.#gainMs = gainMs;
  }

  async #runUntil(untilMs: number): Promise<void> {
    await this.settle();
    for (let ran = 0; ; ran += 1) {
      const next = this.#armed[0];
      if (next === undefined || next.dueMs > untilMs) break;
      assert(ran < timersPerAdvanceMax, "timers end: something re-arms itself without time passing");
      this.#armed.shift();
      this.#moveTo(next.dueMs);
      this.#ranCount += 1;
      next.run();
      await this.settle();
    }
    this.#moveTo(untilMs);
    await this.settle();
  }

  #moveTo(nowMs: number): void {
    const passedMs = nowMs - this.#nowMs;
    this.#wallMs += passedMs + (passedMs * this.#gainMs) / 1000;
    this.#nowMs = nowMs;
  }
}

/** Waits for a fixed count of promise turns. */
async function settleTurns(): Promise<void> {
  for (let turn = 0; turn < settleTurnsMax; turn += 1) await undefined;
}

/**
 * The clock of one life of a simulated process.
 *
 * Its monotonic reading begins at zero with the life, as that of a process does; a timer is up to 1 ms late, by the seed, so
 * that timers of one due time run in any order; and all timers end with the life. While the life is stalled none runs: what
 * fell due runs afterwards, in its order.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";

/** Parts of a millisecond by which a timer may be late. */
const LATENESS_STEPS = 1024;

export class LifeClock implements Clock {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #beganMs: number;
  readonly #armed = new Set<Timer>();
  #isOver = false;
  /** By the clock that it stands on. */
  #stalledUntilMs = 0;
  /** What fell due meanwhile, in its order. */
  readonly #putOff = new Map<Timer, () => void>();
  #putOffCount = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#beganMs = clock.nowMs();
  }

  /** Timers that are set and neither ran nor were cancelled. */
  get armedCount(): number {
    return this.#armed.size;
  }

  nowMs(): number {
    return this.#clock.nowMs() - this.#beganMs;
  }

  recentMs(): number {
    return this.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  after(delayMs: number, run: () => void): Timer {
    if (this.#isOver) return { cancel: () => undefined };
    const lateMs = this.#random.below(LATENESS_STEPS) / LATENESS_STEPS;
    const timer = this.#clock.after(delayMs + lateMs, () => {
      const due = (): void => {
        this.#armed.delete(timer);
        run();
      };
      if (this.stalledMs === 0) return due();
      this.#putOffCount += 1;
      this.#putOff.set(timer, due);
    });
    this.#armed.add(timer);
    return {
      cancel: () => {
        this.#armed.delete(timer);
        this.#putOff.delete(timer);
        timer.cancel();
      },
    };
  }

  /** No timer runs for so long. */
  stall(forMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#clock.nowMs() + forMs);
    this.#wakeAfter(forMs);
  }

  /** How long it stands still yet; 0 while it does not. */
  get stalledMs(): number {
    return Math.max(0, this.#stalledUntilMs - this.#clock.nowMs());
  }

  /** Timers that fell due while it stood still, so far. */
  get putOffCount(): number {
    return this.#putOffCount;
  }

  /** No timer of this life runs any more. */
  end(): void {
    this.#isOver = true;
    for (const timer of this.#armed) timer.cancel();
    this.#armed.clear();
    this.#putOff.clear();
  }

  #wakeAfter(delayMs: number): void {
    this.#clock.after(delayMs, () => {
      if (this.stalledMs > 0) return;
      for (const [timer, due] of this.#putOff) {
        this.#putOff.delete(timer);
        due();
      }
    });
  }
}

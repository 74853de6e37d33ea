/**
 * Does something soon after it was asked for, and not more often than every `intervalMs`.
 *
 * What comes after a quiet time is done at once; of what comes faster the last is never left out.
 */
import type { Clock, Timer } from "#runtime/clock.ts";

export class Throttle {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #run: () => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, intervalMs: number, run: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#run = run;
  }

  /** Now, or when the interval is over. */
  request(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const waitMs = this.#lastMs + this.#intervalMs - this.#clock.nowMs();
    if (waitMs <= 0) this.now();
    else this.#timer = this.#clock.after(waitMs, () => this.now());
  }

  /** Now, whenever the last time was. */
  now(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#lastMs = this.#clock.nowMs();
    this.#run();
  }

  /** Nothing is done afterwards. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}

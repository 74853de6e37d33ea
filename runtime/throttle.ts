/**
 * Bytes a second for work in the background: whoever takes more waits until its time has come. What was not used is not
 * saved up for longer than a second, so that after a pause nothing bursts.
 */
import type { Clock } from "#runtime/clock.ts";
import { second } from "#runtime/units.ts";

/** Shorter waits are saved up: a timer has the grain of a millisecond. */
const WAIT_MS_MIN = 10;

export class Throttle {
  readonly #clock: Clock;
  readonly #bytesPerSecond: () => number;
  readonly #signal: AbortSignal;
  /** When everything that was taken is paid for. */
  #paidMs: number;

  /** `bytesPerSecond` is read with every take: it may change with the configuration. Nobody waits once `signal` is aborted. */
  constructor(clock: Clock, bytesPerSecond: () => number, signal: AbortSignal) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#signal = signal;
    this.#paidMs = clock.nowMs() - second;
  }

  /** Settles when the work may go on. */
  async take(bytes: number): Promise<void> {
    const nowMs = this.#clock.nowMs();
    this.#paidMs = Math.max(this.#paidMs, nowMs - second) + (bytes * second) / this.#bytesPerSecond();
    const waitMs = this.#paidMs - nowMs;
    if (waitMs < WAIT_MS_MIN || this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.#clock.after(waitMs, end);
      this.#signal.addEventListener("abort", end);
    });
  }
}

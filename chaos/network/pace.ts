/** A line that takes so many bytes a second: whoever sends waits for those who sent before. */
import type { Clock, Timer } from "#runtime/clock.ts";
import { second } from "#runtime/units.ts";

export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  readonly #waiting = new Map<() => void, Timer>();
  #freeAtMs = 0;
  #isOpen = false;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Settles when so many bytes have passed, or when the line is wide again. */
  async pass(bytes: number): Promise<void> {
    if (this.#isOpen || bytes === 0) return;
    const nowMs = this.#clock.nowMs();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (bytes * second) / this.#bytesPerSecond;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(Math.ceil(this.#freeAtMs - nowMs), () => {
      this.#waiting.delete(resolve);
      resolve();
    });
    this.#waiting.set(resolve, timer);
    await promise;
  }

  /** Nobody waits any more. */
  open(): void {
    this.#isOpen = true;
    for (const [resolve, timer] of this.#waiting) {
      timer.cancel();
      resolve();
    }
    this.#waiting.clear();
  }
}

/** How fast repair goes through what it has to do, by the last minute of work. What it waits for because it was told to is no work. */
import type { Clock } from "#runtime/clock.ts";
import { minute, second } from "#runtime/units.ts";

export class Pace {
  readonly #clock: Clock;
  #bytes = 0;
  #sinceMs = 0;
  #bytesPerSecond = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0 before anything was done, and when the work is over. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  begin(): void {
    this.end();
    this.#startWindow();
  }

  end(): void {
    this.#bytesPerSecond = 0;
  }

  /** So much of the time was no work. */
  leaveOut(restedMs: number): void {
    this.#sinceMs += restedMs;
  }

  did(bytes: number): void {
    this.#bytes += bytes;
    const elapsedMs = this.#clock.nowMs() - this.#sinceMs;
    if (elapsedMs > 0) this.#bytesPerSecond = Math.round((this.#bytes * second) / elapsedMs);
    if (elapsedMs > minute) this.#startWindow();
  }

  #startWindow(): void {
    this.#bytes = 0;
    this.#sinceMs = this.#clock.nowMs();
  }
}

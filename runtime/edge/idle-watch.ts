/**
 * Notices that a wait lasts too long, with one timer for many short waits.
 *
 * Arming a timer for each of a thousand reads a second would cost more than the reads; this one is armed at the first
 * wait and looks, when it fires, whether the wait of that moment began long enough ago.
 */
import type { Clock, Timer } from "#runtime/clock.ts";

export class IdleWatch {
  readonly #clock: Clock;
  readonly #idleMs: () => number;
  readonly #onIdle: () => void;
  #timer: Timer | undefined;
  /** When the wait of now began; undefined outside a wait. */
  #sinceMs: number | undefined;

  /** `onIdle` runs for a wait of `idleMs`, at most once each. */
  constructor(clock: Clock, idleMs: () => number, onIdle: () => void) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
  }

  /** A wait begins. */
  start(): void {
    this.#sinceMs = this.#clock.nowMs();
    if (this.#timer === undefined) this.#arm(this.#idleMs());
  }

  /** It ended. The timer stays, for the next one. */
  stop(): void {
    this.#sinceMs = undefined;
  }

  /** No further wait will come. */
  close(): void {
    this.#sinceMs = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      if (this.#sinceMs === undefined) return;
      const leftMs = this.#sinceMs + this.#idleMs() - this.#clock.nowMs();
      if (leftMs > 0) return this.#arm(leftMs);
      this.#sinceMs = undefined;
      this.#onIdle();
    });
  }
}

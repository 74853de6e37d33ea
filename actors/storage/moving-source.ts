/** A body that is known to move, or not: since when nothing has come of it. */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Failure } from "#runtime/errors.ts";

export class MovingSource implements ByteSource {
  readonly #inner: ByteSource;
  readonly #clock: Clock;
  #movedMs: number;

  constructor(inner: ByteSource, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
    this.#movedMs = clock.nowMs();
  }

  /** So long nothing has come, ms. */
  get silentMs(): number {
    return this.#clock.nowMs() - this.#movedMs;
  }

  get failure(): Failure | undefined {
    return this.#inner.failure;
  }

  async read(into: Uint8Array): Promise<number> {
    // The time that storage takes is not the sender's.
    this.#movedMs = this.#clock.nowMs();
    const count = await this.#inner.read(into);
    this.#movedMs = this.#clock.nowMs();
    return count;
  }

  cancel(reason: Failure): void {
    this.#inner.cancel(reason);
  }
}

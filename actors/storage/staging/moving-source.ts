/**
 * A body that is known to move, or not: for how long it is waited for. The time that storage takes, to write what came or before it
 * has memory for it, is not the sender's.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Failure } from "#runtime/errors.ts";

export class MovingSource implements ByteSource {
  readonly #inner: ByteSource;
  readonly #clock: Clock;
  /** Since when it is read from; undefined while nobody waits for it. */
  #askedMs: number | undefined;

  constructor(inner: ByteSource, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  /** So long nothing has come that is waited for, ms. */
  get silentMs(): number {
    return this.#askedMs === undefined ? 0 : this.#clock.nowMs() - this.#askedMs;
  }

  get failure(): Failure | undefined {
    return this.#inner.failure;
  }

  async read(into: Uint8Array): Promise<number> {
    this.#askedMs = this.#clock.nowMs();
    const count = await this.#inner.read(into);
    this.#askedMs = undefined;
    return count;
  }

  cancel(reason: Failure): void {
    this.#inner.cancel(reason);
  }
}

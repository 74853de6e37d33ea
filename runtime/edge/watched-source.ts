/**
 * A source that is cancelled when it brings nothing for too long.
 *
 * The read in hand still ends when the inner source lets go of the buffer, not before: a hung disk read may yet write
 * into it.
 */
import { type ByteSource, FAILED } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import { IdleWatch } from "#runtime/edge/idle-watch.ts";
import type { Failure } from "#runtime/errors.ts";

/** No byte came for `idleMs`. Whoever reads disks or links behind it hangs. */
export interface SourceStalled extends Failure<"edge.source-stalled"> {
  readonly idleMs: number;
}

export class WatchedSource implements ByteSource {
  readonly #inner: ByteSource;
  readonly #watch: IdleWatch;
  #failure: Failure | undefined;

  constructor(inner: ByteSource, clock: Clock, idleMs: number) {
    this.#inner = inner;
    this.#watch = new IdleWatch(
      clock,
      () => idleMs,
      () => this.#stall({ code: "edge.source-stalled", idleMs }),
    );
  }

  get failure(): Failure | undefined {
    return this.#failure ?? this.#inner.failure;
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return FAILED;
    this.#watch.start();
    const count = await this.#inner.read(into);
    this.#watch.stop();
    if (count <= 0) this.#watch.close();
    return this.#failure === undefined ? count : FAILED;
  }

  cancel(reason: Failure): void {
    if (this.#failure !== undefined) return;
    this.#watch.close();
    if (this.#inner.failure === undefined) this.#failure = reason;
    this.#inner.cancel(reason);
  }

  #stall(failure: SourceStalled): void {
    this.cancel(failure);
  }
}

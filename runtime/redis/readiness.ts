/** Those who wait for a connection, each for as long as it may. */
import type { Clock } from "#runtime/clock.ts";
import type { Result } from "#runtime/errors.ts";
import type { RedisFailure } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";

const TIMER_MS_MAX = 2 ** 31 - 1;

export class Readiness {
  readonly #clock: Clock;
  readonly #tells = new Set<(readiness: Result<void, RedisFailure>) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `whyNot` is asked when it may wait no longer. */
  async wait(
    { deadlineMs, signal }: Within,
    whyNot: () => Result<never, RedisFailure>,
  ): Promise<Result<void, RedisFailure>> {
    const leftMs = deadlineMs - this.#clock.nowMs();
    if (signal.aborted || leftMs <= 0) return whyNot();
    const { promise, resolve } = Promise.withResolvers<Result<void, RedisFailure>>();
    const giveUp = (): void => resolve(whyNot());
    const timer = leftMs <= TIMER_MS_MAX ? this.#clock.after(leftMs, giveUp) : undefined;
    this.#tells.add(resolve);
    signal.addEventListener("abort", giveUp);
    try {
      return await promise;
    } finally {
      timer?.cancel();
      this.#tells.delete(resolve);
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** All of them. */
  tell(readiness: Result<void, RedisFailure>): void {
    for (const tell of this.#tells) tell(readiness);
  }
}

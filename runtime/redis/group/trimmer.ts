/**
 * Keeps a stream short, and at its time, for as long as somebody reads it: what all of its groups have acknowledged goes, about
 * once a second, and ids that have run ahead of the clock are set back.
 * `Redis.trim` says why nothing else does. Every reader of a stream may have one: what is gone is gone.
 */
import type { Clock } from "#runtime/clock.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import { causeOf } from "#runtime/redis/failures.ts";
import type { Redis, RedisFailure } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";
import { withinMs } from "#runtime/within-ms.ts";

/** Between two looks for what may go. */
export const TRIM_MS: number = 1 * second;
/** Longest wait for one of them. */
export const TRIM_MS_MAX: number = 10 * second;

export interface TrimmerOptions {
  /** For what is answered at once. */
  readonly redis: Redis;
  readonly stream: string;
  readonly clock: Clock;
  /** Its ids had run ahead of the clock, and it was set back: who may add to it has done that. */
  readonly onSetBack: () => void;
  /** Why nothing goes; undefined when it does again. */
  readonly onTrouble: (cause: string | undefined) => void;
}

export class Trimmer {
  readonly #options: TrimmerOptions;

  constructor(options: TrimmerOptions) {
    this.#options = options;
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    const { clock, onTrouble } = this.#options;
    while (!within.signal.aborted) {
      await pause(clock, TRIM_MS, within.signal);
      const trimmed = await this.trim(within);
      if (!within.signal.aborted) onTrouble(trimmed.ok ? undefined : causeOf(trimmed.failure));
    }
  }

  /** All that may go now; a part of it, where the failure came later. */
  async trim(within: Within): Promise<Result<void, RedisFailure>> {
    const { redis, stream, clock, onSetBack } = this.#options;
    // Others are served in between. What comes meanwhile is not waited for without an end: there is less of it each time.
    while (!within.signal.aborted) {
      const trimmed = await redis.trim(stream, withinMs(within, TRIM_MS_MAX, clock));
      if (!trimmed.ok) return trimmed;
      if (trimmed.value === 0) break;
    }
    const set = await redis.setBack(stream, withinMs(within, TRIM_MS_MAX, clock));
    if (!set.ok) return set;
    if (set.value) onSetBack();
    return ok();
  }
}

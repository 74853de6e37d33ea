/**
 * What is told to producers: entries of streams of their own, which are short and gone soon after the last one.
 *
 * Who cannot be known by a signature is told as well that it does not hold, so that a mistake is found; but not as often as one
 * likes: each answer takes memory of Redis.
 */
import type { Clock } from "#runtime/clock.ts";
import { type Failure, ok, type Result } from "#runtime/errors.ts";
import { type Rate, takeOne } from "#runtime/redis/rate.ts";
import type { Redis, RedisCommand, RedisFailure } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { millisecond, second } from "#runtime/units.ts";

/** A stream of answers is gone so long after the last one. */
export const ANSWERS_KEPT_MS: number = 300 * second;
/** Answers in one stream; the oldest goes. */
export const ANSWERS_MAX = 64;
/** One more answer of this node to nobody in particular after so long. */
export const ANSWER_UNVERIFIED_PERIOD_MS: number = 100 * millisecond;
/** Answers of this node to nobody in particular at once. */
export const ANSWER_UNVERIFIED_BURST_MAX = 100;

export interface Answer {
  readonly stream: string;
  /** Undefined: the field is left out. */
  readonly fields: Readonly<Record<string, string | undefined>>;
  /** Answers in the stream, where that is not `ANSWERS_MAX`. */
  readonly lengthMax?: number;
  /** Nobody's signature held. */
  readonly isToAnybody?: boolean;
}

const UNVERIFIED: Rate = { periodMs: ANSWER_UNVERIFIED_PERIOD_MS, burst: ANSWER_UNVERIFIED_BURST_MAX };

/** How Redis is asked, and for how long. */
export type AskRedis<F extends Failure> = (
  within: Within,
  task: (redis: Redis, bounded: Within) => Promise<Result<boolean, RedisFailure>>,
) => Promise<Result<boolean, F>>;

export class Answers<F extends Failure> {
  readonly #ask: AskRedis<F>;
  readonly #clock: Pick<Clock, "nowMs">;
  #fullUs: number | undefined;

  constructor(ask: AskRedis<F>, clock: Pick<Clock, "nowMs">) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Whether it was written. */
  async write(
    { stream, fields, lengthMax = ANSWERS_MAX, isToAnybody = false }: Answer,
    within: Within,
  ): Promise<Result<boolean, F>> {
    if (isToAnybody && !this.#mayAnswer()) return ok(false);
    const words = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
    const add: RedisCommand = ["XADD", stream, "MAXLEN", lengthMax, "*", ...words];
    return await this.#ask(within, async (redis, bounded) => {
      const done = await redis.insist([add, ["PEXPIRE", stream, ANSWERS_KEPT_MS]], bounded);
      if (!done.ok) return done;
      const refused = done.value.find((one) => !one.ok);
      if (refused === undefined || refused.ok) return ok(true);
      // Something else has that name, where only somebody else can have put it: there is no place for an answer.
      return refused.failure.kind === "WRONGTYPE" ? ok(false) : refused;
    });
  }

  #mayAnswer(): boolean {
    const nowUs = Math.floor(this.#clock.nowMs() * 1000);
    const { verdict, keep } = takeOne(UNVERIFIED, this.#fullUs, nowUs);
    if (keep !== undefined) this.#fullUs = keep.fullUs;
    return verdict.isAllowed;
  }
}

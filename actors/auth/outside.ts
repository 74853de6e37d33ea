/**
 * Postgres and Redis, as auth asks them: for so long and no longer, through a circuit breaker, and with one word for whatever
 * keeps them from answering.
 */
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import { Breaker } from "#runtime/breaker/breaker.ts";
import type { Clock } from "#runtime/clock.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { RedisFailure } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import type { SchemaUnknown } from "#runtime/sql/migrations.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { troubleOf } from "#runtime/trouble-of.ts";
import { second } from "#runtime/units.ts";
import { withinMs } from "#runtime/within-ms.ts";

/** Faults of a server within `OUTSIDE_PERIOD_MS` that are borne; one more, and it is left alone for a while. */
export const OUTSIDE_FAULTS_MAX = 3;
/** Long enough for one that hangs to be found out, each time for as long as is waited. */
export const OUTSIDE_PERIOD_MS: number = 30 * second;
/** Longest period in which a server that was away is not asked: who waits for it waits that much longer. */
export const OUTSIDE_OPEN_MS_MAX: number = 4 * second;

type ServerFailure = SqlFailure | SchemaUnknown | RedisFailure;

export interface OutsideSeams {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly timeoutMs: () => number;
  /** Why it cannot be asked; undefined: it can be again. */
  readonly onTrouble: (cause: string | undefined) => void;
}

export class Outside<Target> {
  readonly #server: AuthUnavailable["server"];
  readonly #target: Target;
  readonly #seams: OutsideSeams;
  readonly #breaker: Breaker<Failure>;
  #trouble: string | undefined;

  constructor(server: AuthUnavailable["server"], target: Target, seams: OutsideSeams) {
    this.#server = server;
    this.#target = target;
    this.#seams = seams;
    this.#breaker = new Breaker({
      ...seams,
      name: `auth-${server}`,
      isFault: ({ code }) => code === "sql.unreachable" || code === "redis.unreachable",
      limits: { failuresMax: OUTSIDE_FAULTS_MAX, periodMs: OUTSIDE_PERIOD_MS, openMsMax: OUTSIDE_OPEN_MS_MAX },
    });
  }

  /** Its own failures pass through as they are. */
  async ask<Value, F extends Failure>(
    within: Within,
    task: (target: Target, within: Within) => Promise<Result<Value, F>>,
  ): Promise<Result<Value, Exclude<F, ServerFailure> | AuthUnavailable>> {
    const { clock, timeoutMs } = this.#seams;
    const bounded = withinMs(within, timeoutMs(), clock);
    const asked: { result?: Result<Value, F> } = {};
    // The breaker is told of the caller's time: that ours is over speaks against the server.
    const ran = await this.#breaker.run(within, async () => {
      asked.result = await task(this.#target, bounded);
      return asked.result;
    });
    const { result } = asked;
    if (result === undefined) return this.#away(ran.ok ? "nothing was said" : ran.failure.code);
    if (result.ok) {
      this.#note(undefined);
      return result;
    }
    const { failure } = result;
    return isOwn(failure) ? { ok: false, failure } : this.#away(troubleOf(failure));
  }

  #away(cause: string): Result<never, AuthUnavailable> {
    // That nobody asks is no news about why.
    const why = this.#trouble ?? cause;
    this.#note(why);
    return fail({ code: "auth.unavailable", server: this.#server, cause: why });
  }

  #note(cause: string | undefined): void {
    if (cause === this.#trouble) return;
    this.#trouble = cause;
    this.#seams.onTrouble(cause);
  }
}

function isOwn<F extends Failure>(failure: F): failure is Exclude<F, ServerFailure> {
  return !/^(sql|redis)\./.test(failure.code);
}

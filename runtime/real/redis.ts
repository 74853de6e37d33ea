/**
 * Redis by `ioredis`: one connection after another (`redis-connection.ts`), with pauses that grow while none can be had.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { doubled } from "#runtime/doubled.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { type Answer, partOf, RedisConnection } from "#runtime/real/redis-connection.ts";
import type { RedisAddress } from "#runtime/redis/address.ts";
import { APPEND_SCRIPT, appendWords, type NewEntry, type StreamBounds } from "#runtime/redis/append.ts";
import { assertCommand, assertImmediate } from "#runtime/redis/commands.ts";
import { causeOf, isUndone, unreachable } from "#runtime/redis/failures.ts";
import { INSIST_SCRIPT, insistWords } from "#runtime/redis/insist.ts";
import { RATE_SCRIPT, type Rate, type RateVerdict, rateWords } from "#runtime/redis/rate.ts";
import { Readiness } from "#runtime/redis/readiness.ts";
import type { Redis, RedisCommand, RedisFailure, RedisRefused, RedisReply, RedisWord } from "#runtime/redis/redis.ts";
import { SET_BACK_SCRIPT, STREAM_AHEAD_MS_MAX } from "#runtime/redis/set-back.ts";
import { TRIM_ENTRIES_MAX, TRIM_SCRIPT } from "#runtime/redis/trim.ts";
import type { Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

/** Ceiling of the first pause before a new connection; it doubles with every one that cannot be had. */
export const REDIS_RETRY_MS_MIN = 50;
/** The ceiling never grows past it. A connection that lasted no longer than this counts as one that could not be had. */
export const REDIS_RETRY_MS_MAX: number = 2 * second;

export interface RedisPlace {
  readonly address: RedisAddress;
  /** A server that owes an answer and says nothing for so long is given up, and what it owes is `maybe`. */
  readonly silenceMs: number;
  /** PEM. Over TLS whoever it signed is believed, and not those whom the system believes. */
  readonly authority?: string | undefined;
}

/** Begins to connect at once, and goes on with it until `close`. */
export function openRedis(place: RedisPlace, clock: Clock, random: Random): Redis {
  return new RealRedis(place, clock, random);
}

class RealRedis implements Redis {
  readonly #place: RedisPlace;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #readiness: Readiness;
  /** The present one, which may not serve yet; none in the pause before the next. */
  #connection: RedisConnection | undefined;
  #isReady = false;
  #readySinceMs = 0;
  #pause: Timer | undefined;
  /** Connections in a row that could not be had, or did not last. */
  #failedCount = 0;
  #cause = "there is no connection yet";
  #isClosed = false;

  constructor(place: RedisPlace, clock: Clock, random: Random) {
    this.#place = place;
    this.#clock = clock;
    this.#random = random;
    this.#readiness = new Readiness(clock);
    this.#begin();
  }

  async ready(within: Within): Promise<Result<void, RedisFailure>> {
    if (this.#isClosed) return this.#isGone();
    if (this.#isReady) return ok();
    return await this.#readiness.wait(within, () => this.#isGone());
  }

  async call(command: RedisCommand, within: Within): Promise<Answer> {
    assertCommand(command);
    const [answer] = await this.#send([command], within);
    assert(answer !== undefined, "a command has an answer");
    return answer;
  }

  async batch(commands: readonly RedisCommand[], within: Within): Promise<readonly Answer[]> {
    assertImmediate(commands);
    return commands.length === 0 ? [] : await this.#send(commands, within);
  }

  async transaction(
    commands: readonly RedisCommand[],
    within: Within,
  ): Promise<Result<readonly Result<RedisReply, RedisRefused>[], RedisFailure>> {
    assertImmediate(commands);
    if (commands.length === 0) return ok([]);
    const answers = await this.#send([["MULTI"], ...commands, ["EXEC"]], within);
    const [begun, done] = [answers.at(0), answers.at(-1)];
    assert(begun !== undefined && done !== undefined, "a transaction has an answer");
    if (done.ok) {
      assert(Array.isArray(done.value), "a transaction that watches nothing is not called off");
      return ok(done.value.map(partOf));
    }
    const failures = answers.flatMap((answer) => (answer.ok ? [] : [answer.failure]));
    const [first = done.failure] = failures;
    const isUnsent = failures.length === answers.length && failures.every(isUndone);
    // Where it was refused before it had begun, each may have been done by itself.
    if (isUnsent || (begun.ok && isUndone(done.failure))) return fail(first);
    return unreachable("maybe", causeOf(first));
  }

  async insist(
    commands: readonly RedisCommand[],
    within: Within,
  ): Promise<Result<readonly Result<RedisReply, RedisRefused>[], RedisFailure>> {
    assertImmediate(commands);
    if (commands.length === 0) return ok([]);
    const [done] = await this.#send([["EVAL", INSIST_SCRIPT, 0, ...insistWords(commands)]], within);
    assert(done !== undefined, "a command has an answer");
    if (!done.ok) return done;
    assert(Array.isArray(done.value), "the script answers for each command");
    return ok(done.value.map(partOf));
  }

  async take(key: string, rate: Rate, within: Within): Promise<Result<RateVerdict, RedisFailure>> {
    const taken = await this.#run(RATE_SCRIPT, key, rateWords(rate), within);
    if (!taken.ok) return taken;
    return ok(taken.value === 0 ? { isAllowed: true } : { isAllowed: false, retryAfterMs: taken.value });
  }

  async append(
    stream: string,
    entries: readonly NewEntry[],
    bounds: StreamBounds,
    within: Within,
  ): Promise<Result<number, RedisFailure>> {
    return await this.#run(APPEND_SCRIPT, stream, appendWords(entries, bounds), within);
  }

  async trim(stream: string, within: Within): Promise<Result<number, RedisFailure>> {
    return await this.#run(TRIM_SCRIPT, stream, [TRIM_ENTRIES_MAX], within);
  }

  async setBack(stream: string, within: Within): Promise<Result<boolean, RedisFailure>> {
    const set = await this.#run(SET_BACK_SCRIPT, stream, [STREAM_AHEAD_MS_MAX], within);
    return set.ok ? ok(set.value === 1) : set;
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#cause = "it was closed";
      this.#pause?.cancel();
      connection?.end(this.#cause);
      this.#readiness.tell(this.#isGone());
    }
    await connection?.closed;
  }

  /** A script that answers with a number. */
  async #run(
    script: string,
    key: string,
    words: readonly RedisWord[],
    within: Within,
  ): Promise<Result<number, RedisFailure>> {
    const [answer] = await this.#send([["EVAL", script, 1, key, ...words]], within);
    assert(answer !== undefined, "a command has an answer");
    if (!answer.ok) return answer;
    assert(typeof answer.value === "number", "the script answers with a number");
    return ok(answer.value);
  }

  async #send(commands: readonly RedisCommand[], within: Within): Promise<readonly Answer[]> {
    const connection = this.#connection;
    if (connection === undefined || !this.#isReady) return commands.map(() => this.#isGone());
    return await connection.send(commands, within);
  }

  #begin(): void {
    const connection: RedisConnection = new RedisConnection({
      ...this.#place,
      clock: this.#clock,
      onEnd: (cause, isWanted) => this.#ended(cause, isWanted),
    });
    this.#connection = connection;
    void this.#open(connection);
  }

  async #open(connection: RedisConnection): Promise<void> {
    const opened = await connection.open();
    if (opened.ok) {
      this.#isReady = true;
      this.#readySinceMs = this.#clock.nowMs();
    }
    // Who waits is told of a refusal: it will be the same for as long as nobody does something.
    if (opened.ok || opened.failure.code === "redis.refused") this.#readiness.tell(opened);
  }

  #ended(cause: string, isWanted: boolean): void {
    const lastedMs = this.#isReady ? this.#clock.nowMs() - this.#readySinceMs : 0;
    const hasServed = (isWanted && this.#isReady) || lastedMs > REDIS_RETRY_MS_MAX;
    if (hasServed) this.#failedCount = 0;
    this.#isReady = false;
    if (this.#isClosed) return;
    this.#connection = undefined;
    this.#cause = cause;
    const ceilingMs = doubled(REDIS_RETRY_MS_MIN, this.#failedCount, REDIS_RETRY_MS_MAX);
    this.#failedCount += 1;
    // Full jitter: those that lost the same server together do not all come back to it together.
    this.#pause = this.#clock.after(this.#random.below(ceilingMs), () => this.#begin());
  }

  #isGone(): Result<never, RedisFailure> {
    return unreachable("no", this.#cause);
  }
}

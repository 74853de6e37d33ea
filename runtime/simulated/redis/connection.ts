/**
 * A connection to a simulated Redis. It fails as a real one does: what was under way when it broke is `maybe`, what comes
 * while there is none is `no`, and it is made anew by itself.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { NewEntry, StreamBounds } from "#runtime/redis/append.ts";
import { assertCommand, assertImmediate } from "#runtime/redis/commands.ts";
import { failureOf, refusalOf, unreachable } from "#runtime/redis/failures.ts";
import type { Rate, RateVerdict } from "#runtime/redis/rate.ts";
import { Readiness } from "#runtime/redis/readiness.ts";
import type {
  Redis,
  RedisCommand,
  RedisFailure,
  RedisRefused,
  RedisReply,
  RedisUnreachable,
} from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { Line } from "#runtime/simulated/redis/line.ts";
import { Refusal } from "#runtime/simulated/redis/refusal.ts";
import {
  appendWork,
  commandWork,
  setBackWork,
  takeWork,
  transactionWork,
  trimWork,
  type Work,
} from "#runtime/simulated/redis/work.ts";
import { second } from "#runtime/units.ts";

/** Pauses double while nobody is there. A real connection has others, by chance. */
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX: number = 2 * second;
const ABANDONED = "nobody waits for it";

/** The server, as connections see it. */
export interface ServerSide {
  /** Lets a connection in, unless nobody is there now. */
  accept(line: Line): boolean;
  /** In order. What comes over a line that is cut is lost. */
  receive(requests: readonly Request[], line: Line): void;
}

/** Work under way, and somebody who waits for what comes of it. */
export interface Request {
  readonly work: Work<unknown>;
  readonly tell: (value: unknown) => void;
}

export interface ConnectionOptions {
  /** Of the process that it belongs to. */
  readonly clock: Clock;
  readonly silenceMs: number;
  /** When that process is no more: the server is told, as by a system that closes what was open, and nothing settles. */
  readonly ended?: Promise<unknown>;
}

export class SimulatedConnection implements Redis {
  readonly #server: ServerSide;
  readonly #options: ConnectionOptions;
  readonly #readiness: Readiness;
  #line: Line | undefined;
  #pause: Timer | undefined;
  #pauseMs = RETRY_MS_MIN;
  #cause = "there is no connection yet";
  #isClosed = false;

  constructor(server: ServerSide, options: ConnectionOptions) {
    this.#server = server;
    this.#options = options;
    this.#readiness = new Readiness(options.clock);
    this.#pause = options.clock.after(0, () => this.#connect());
    void options.ended?.then(() => {
      this.#isClosed = true;
      this.#line?.drop();
    });
  }

  async ready(within: Within): Promise<Result<void, RedisFailure>> {
    if (this.#isClosed) return this.#isGone();
    if (this.#line !== undefined) return ok();
    return await this.#readiness.wait(within, () => this.#isGone());
  }

  async call(command: RedisCommand, within: Within): Promise<Result<RedisReply, RedisFailure>> {
    assertCommand(command);
    return await this.#run(commandWork(command), within);
  }

  async batch(commands: readonly RedisCommand[], within: Within): Promise<readonly Result<RedisReply, RedisFailure>[]> {
    assertImmediate(commands);
    return (await this.#ask(commands.map(commandWork), within)).map(answerOf);
  }

  async transaction(
    commands: readonly RedisCommand[],
    within: Within,
  ): Promise<Result<readonly Result<RedisReply, RedisRefused>[], RedisFailure>> {
    return await this.#transact(transactionWork(commands, "refusable"), commands, within);
  }

  async insist(
    commands: readonly RedisCommand[],
    within: Within,
  ): Promise<Result<readonly Result<RedisReply, RedisRefused>[], RedisFailure>> {
    return await this.#transact(transactionWork(commands, "insisted"), commands, within);
  }

  async take(key: string, rate: Rate, within: Within): Promise<Result<RateVerdict, RedisFailure>> {
    return await this.#run(takeWork(key, rate), within);
  }

  async append(
    stream: string,
    entries: readonly NewEntry[],
    bounds: StreamBounds,
    within: Within,
  ): Promise<Result<number, RedisFailure>> {
    return await this.#run(appendWork(stream, entries, bounds), within);
  }

  async trim(stream: string, within: Within): Promise<Result<number, RedisFailure>> {
    return await this.#run(trimWork(stream), within);
  }

  async setBack(stream: string, within: Within): Promise<Result<boolean, RedisFailure>> {
    return await this.#run(setBackWork(stream), within);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cause = "it was closed";
    this.#pause?.cancel();
    this.#line?.cut(this.#cause);
    this.#readiness.tell(this.#isGone());
  }

  async #transact(
    work: ReturnType<typeof transactionWork>,
    commands: readonly RedisCommand[],
    within: Within,
  ): Promise<Result<readonly Result<RedisReply, RedisRefused>[], RedisFailure>> {
    assertImmediate(commands);
    if (commands.length === 0) return ok([]);
    const done = await this.#run(work, within);
    if (!done.ok) return done;
    return ok(done.value.map((reply) => (reply instanceof Refusal ? fail(refusalOf(reply.line)) : ok(reply))));
  }

  async #run<Value>(work: Work<Value | Refusal>, within: Within): Promise<Result<Value, RedisFailure>> {
    const [answer] = await this.#ask([work], within);
    assert(answer !== undefined, "it has an answer");
    if (!answer.ok) return answer;
    return answer.value instanceof Refusal ? fail(failureOf(answer.value.line)) : ok(answer.value);
  }

  async #ask<Value>(
    works: readonly Work<Value>[],
    { signal }: Within,
  ): Promise<readonly Result<Value, RedisUnreachable>[]> {
    const line = this.#line;
    if (signal.aborted) return works.map(() => unreachable("no", ABANDONED));
    if (line === undefined) return works.map(() => this.#isGone());
    const { clock, silenceMs } = this.#options;
    const blockMs = works[0]?.blockMs;
    const asked = works.map((work) => ({ work, ...line.expect<Value>() }));
    const silence = clock.after(silenceMs + (blockMs ?? 0), () => line.cut(`it was silent for ${silenceMs} ms`));
    const onAbort = (): void => {
      if (blockMs !== undefined) line.cut(ABANDONED);
      for (const { settle } of asked) settle(unreachable("maybe", ABANDONED));
    };
    signal.addEventListener("abort", onAbort);
    try {
      // Both ways take their time, and the line may be cut on either.
      await undefined;
      this.#server.receive(asked.map(requestOf), line);
      return await Promise.all(asked.map(({ answer }) => answer));
    } finally {
      silence.cancel();
      signal.removeEventListener("abort", onAbort);
    }
  }

  #connect(): void {
    const line = new Line((cause) => this.#ended(cause));
    if (!this.#server.accept(line)) {
      this.#cause = "nobody is there";
      this.#retry();
      return;
    }
    this.#line = line;
    this.#pauseMs = RETRY_MS_MIN;
    this.#readiness.tell(ok());
  }

  #ended(cause: string): void {
    this.#line = undefined;
    if (this.#isClosed) return;
    this.#cause = cause;
    this.#retry();
  }

  #retry(): void {
    this.#pause = this.#options.clock.after(this.#pauseMs, () => this.#connect());
    this.#pauseMs = Math.min(RETRY_MS_MAX, this.#pauseMs * 2);
  }

  #isGone(): Result<never, RedisUnreachable> {
    return unreachable("no", this.#cause);
  }
}

function requestOf<Value>(asked: {
  readonly work: Work<Value>;
  readonly settle: (answer: Result<Value, RedisUnreachable>) => void;
}): Request {
  // The server gives back what the work itself came to.
  const tell = (value: unknown): void => void Promise.resolve().then(() => asked.settle(ok(value as Value)));
  return { work: asked.work, tell };
}

function answerOf(answer: Result<RedisReply | Refusal, RedisUnreachable>): Result<RedisReply, RedisFailure> {
  if (!answer.ok) return answer;
  return answer.value instanceof Refusal ? fail(failureOf(answer.value.line)) : ok(answer.value);
}

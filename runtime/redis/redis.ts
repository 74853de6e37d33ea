/**
 * A Redis, as a seam: commands, each answered with a reply or a failure.
 *
 * One value is one connection at a time. One that broke is made anew by itself, with pauses that grow, and nothing is
 * carried over: what was under way has failed, and is never sent again. While there is none, calls fail at once.
 *
 * - Words of an answer are bytes, never text: who verifies a signature needs what was received.
 * - Commands that leave something behind on the connection (`SUBSCRIBE`, `SELECT`, `WATCH`, …) and scripts are defects, and so
 *   is a wait without an end. `commands.ts` has the list.
 * - How large an answer is, is up to who asks: what `COUNT` entries hold is in memory at once.
 * - A command with `BLOCK` holds up all that come after it: it belongs on a connection of its own.
 */
import type { Failure, Result } from "#runtime/errors.ts";
import type { NewEntry, StreamBounds } from "#runtime/redis/append.ts";
import type { Rate, RateVerdict } from "#runtime/redis/rate.ts";
import type { Within } from "#runtime/ref.ts";

/** A number is a safe integer. Bytes may be changed again as soon as the call was made. */
export type RedisWord = string | number | Uint8Array;

/** Its name, in any case, and what follows it. */
export type RedisCommand = readonly [name: string, ...words: RedisWord[]];

/**
 * Bytes are views of all that came with them, some 64 KiB: copy what is kept for long. Integers past 2^53 are rounded.
 * `OK` and its like are bytes too.
 */
export type RedisReply = null | number | Uint8Array | readonly RedisReply[];

/**
 * Nobody answered, the answer did not come in time, or Redis says that it cannot serve now (it loads, it is a replica, it
 * cannot write its log). `maybe`: it may have been done, once. Retry after a pause.
 */
export interface RedisUnreachable extends Failure<"redis.unreachable"> {
  readonly executed: "no" | "maybe";
  /** The system's or the server's own words, without secrets. */
  readonly cause: string;
}

/**
 * Redis refused the command, and did nothing of it. `OOM` is here and not with what is unreachable: only what takes memory is
 * refused then, and reading, acknowledging and trimming have to go on, for that is what makes room.
 */
export interface RedisRefused extends Failure<"redis.refused"> {
  /** The first word, such as `NOGROUP`, `BUSYGROUP`, `WRONGTYPE`, `NOPERM`, `WRONGPASS`, `OOM`; `ERR` where it has no kind. */
  readonly kind: string;
  /** What follows it, without the words of the command. */
  readonly message: string;
}

export type RedisFailure = RedisUnreachable | RedisRefused;

export interface Redis {
  /**
   * Waits until there is a connection that serves, as long as `within` allows, its deadline included. `redis.refused` where
   * the server does not let us in (`WRONGPASS`, `NOPERM`): it is asked again, but somebody has to do something.
   */
  ready(within: Within): Promise<Result<void, RedisFailure>>;

  /**
   * One command. Where nobody wants the answer any more it is dropped when it comes; a command with `BLOCK` takes the
   * connection with it, so that it is not answered to nobody.
   */
  call(command: RedisCommand, within: Within): Promise<Result<RedisReply, RedisFailure>>;

  /** Several, in order and in one round trip, each answered or refused by itself. Others may come in between. */
  batch(commands: readonly RedisCommand[], within: Within): Promise<readonly Result<RedisReply, RedisFailure>[]>;

  /**
   * Several that nobody comes in between of. A failure is that of all of them: none was done, or with `maybe`, all or none.
   * Redis takes nothing back: what is refused while it runs (`WRONGTYPE`) leaves the others done, and is told in its place.
   */
  transaction(
    commands: readonly RedisCommand[],
    within: Within,
  ): Promise<Result<readonly Result<RedisReply, RedisRefused>[], RedisFailure>>;

  /** A transaction that `OOM` is no reason to refuse (`insist.ts`): of commands that leave little behind. */
  insist(
    commands: readonly RedisCommand[],
    within: Within,
  ): Promise<Result<readonly Result<RedisReply, RedisRefused>[], RedisFailure>>;

  /**
   * Takes one from what `rate` allows under `key`, by the clock of the server, or says when there will be one. `OOM` is no reason
   * to refuse it.
   */
  take(key: string, rate: Rate, within: Within): Promise<Result<RateVerdict, RedisFailure>>;

  /**
   * Adds to the end of a stream, with ids of the server's time, and lets go of the oldest past `bounds` (`append.ts`); answers
   * with how many went. Nobody comes in between, and `OOM` is no reason to refuse it.
   */
  append(
    stream: string,
    entries: readonly NewEntry[],
    bounds: StreamBounds,
    within: Within,
  ): Promise<Result<number, RedisFailure>>;

  /**
   * Lets go of the front of a stream what each of its groups was given and has acknowledged, and nothing else (`trim.ts`); a few
   * such entries may stay, and no more than `TRIM_ENTRIES_MAX` go at once. Answers with how many went: of a stream that nobody
   * reads, and of one that is not there, none.
   */
  trim(stream: string, within: Within): Promise<Result<number, RedisFailure>>;

  /**
   * Brings a stream back to the present whose ids have run ahead of the clock of its server, once all of its groups are done with
   * it (`set-back.ts`). Answers with whether it was: then its entries are gone, and new ones have ids before theirs.
   */
  setBack(stream: string, within: Within): Promise<Result<boolean, RedisFailure>>;

  /** Ends what is under way at once. Everything after it fails. */
  close(): Promise<void>;
}

/**
 * Reads one stream for as long as its actor lives: each entry is judged, answered, and only then acknowledged.
 *
 * - While Postgres or Redis is away the entry in hand is tried again, with pauses that grow, and nothing else is read: nothing is
 *   acknowledged that was not acted on, and nobody is told what is not so.
 * - An entry that has been delivered too often brought down whoever had it: it is acknowledged, counted and logged, and not
 *   looked at again.
 */
import type { Answers } from "#actors/domain/streams/answers.ts";
import type { Judge, Judged } from "#actors/domain/streams/judged.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import { patiently } from "#runtime/patiently.ts";
import type { Random } from "#runtime/random.ts";
import { causeOf } from "#runtime/redis/failures.ts";
import type { GroupReader } from "#runtime/redis/group/group-reader.ts";
import type { StreamEntry, StreamPage } from "#runtime/redis/group/stream-entry.ts";
import { type Rate, takeOne } from "#runtime/redis/rate.ts";
import type { RedisFailure } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Counter } from "#runtime/telemetry/metrics.ts";
import { millisecond, second } from "#runtime/units.ts";
import { withinMs } from "#runtime/within-ms.ts";

/** Ceiling of the first pause after a server was away; it doubles, with full jitter. */
export const LOOP_PAUSE_MS_MIN: number = 100 * millisecond;
/** The ceiling never grows past it. */
export const LOOP_PAUSE_MS_MAX: number = 5 * second;
/** How long a read waits for an entry. */
export const READ_WAIT_MS: number = 2 * second;
/** Deliveries of an entry after which it is not judged any more. */
export const DELIVERIES_MAX = 3;

/** One more line about a refused entry of the stream after so long; the others are for who looks at details. */
export const REFUSAL_LOGGED_PERIOD_MS: number = 1 * second;
/** Such lines at once. */
export const REFUSALS_LOGGED_BURST_MAX = 10;

const REFUSALS: Rate = { periodMs: REFUSAL_LOGGED_PERIOD_MS, burst: REFUSALS_LOGGED_BURST_MAX };

export type StreamReader = Pick<GroupReader, "read" | "ack" | "attend">;

export interface StreamLoopOptions {
  readonly stream: string;
  readonly reader: StreamReader;
  /** Longest wait for an answer of Redis, beside what a read waits for an entry. */
  readonly timeoutMs: () => number;
  /** Why the stream cannot be read; undefined: it can be again. */
  readonly onTrouble: (cause: string | undefined) => void;
  readonly judge: Judge;
  readonly answers: Answers<Failure>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of entries, by stream and outcome. */
  readonly entries: Counter;
  /** Of entries that were never read, by stream. */
  readonly lost: Counter;
}

export class StreamLoop {
  readonly #options: StreamLoopOptions;
  #fullUs: number | undefined;

  constructor(options: StreamLoopOptions) {
    this.#options = options;
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    await Promise.all([this.#loop(within), this.#options.reader.attend(within)]);
  }

  async #loop(within: Within): Promise<void> {
    while (!within.signal.aborted) {
      const page = await this.#patiently(within, () => this.#read(within));
      if (page === undefined) return;
      this.#noteLost(page.lostCount);
      for (const entry of page.entries) await this.#settle(entry, within);
    }
  }

  async #settle(entry: StreamEntry, within: Within): Promise<void> {
    const { reader, answers } = this.#options;
    const judged = await this.#judge(entry, within);
    if (judged === undefined) return;
    const { answer } = judged;
    if (answer !== undefined) {
      const written = await this.#patiently(within, () => answers.write(answer, within));
      if (written === undefined) return;
    }
    this.#note(entry, judged);
    await this.#patiently(within, () => reader.ack([entry.id], this.#within(within)));
  }

  /** Not through the breaker: a read that waits for an entry is no way to find out whether Redis is back. */
  async #read(within: Within): Promise<Result<StreamPage, RedisFailure>> {
    const { reader, onTrouble } = this.#options;
    const page = await reader.read(this.#within(within, READ_WAIT_MS));
    onTrouble(page.ok ? undefined : causeOf(page.failure));
    return page;
  }

  #within(within: Within, waitMs = 0): Within {
    const { clock, timeoutMs } = this.#options;
    return withinMs(within, waitMs + timeoutMs(), clock);
  }

  async #judge({ id, fields, deliveryCount }: StreamEntry, within: Within): Promise<Judged | undefined> {
    const { stream, judge } = this.#options;
    if (deliveryCount > DELIVERIES_MAX) return { outcome: "poison", problem: `delivered ${deliveryCount} times` };
    return await this.#patiently(within, () => judge(`${stream} ${id}`, fields, within));
  }

  #patiently<Value>({ signal }: Within, attempt: () => Promise<Result<Value, Failure>>): Promise<Value | undefined> {
    const { clock, random } = this.#options;
    return patiently(attempt, { clock, random, pauseMsMin: LOOP_PAUSE_MS_MIN, pauseMsMax: LOOP_PAUSE_MS_MAX, signal });
  }

  #note({ id }: StreamEntry, { outcome, problem, fingerprint }: Judged): void {
    const { stream, log, entries } = this.#options;
    entries.add(1, { stream, outcome });
    if (problem === undefined) return;
    const refused = { stream, id, outcome, problem, fingerprint };
    if (outcome === "poison") log.error("stream.entry-given-up", { stream, id, problem });
    else if (this.#mayTell()) log.info("stream.entry-refused", refused);
    else log.debug("stream.entry-refused", refused);
  }

  /** Anybody can have anything refused: the log is not theirs. */
  #mayTell(): boolean {
    const { verdict, keep } = takeOne(REFUSALS, this.#fullUs, Math.floor(this.#options.clock.nowMs() * 1000));
    if (keep !== undefined) this.#fullUs = keep.fullUs;
    return verdict.isAllowed;
  }

  #noteLost(count: number): void {
    if (count === 0) return;
    const { stream, log, lost } = this.#options;
    lost.add(count, { stream });
    log.warn("stream.entries-lost", { stream, count });
  }
}

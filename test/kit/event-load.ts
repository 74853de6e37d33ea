/**
 * Events at a steady rate, each sent again until Redis has taken it: what a careful producer does while its server comes and goes.
 *
 * Every hundredth is none that may become a row, so that some belong among the dead letters: it is no event, or one of a sender
 * that nobody lets in. Each text is there once, and each event has its id: what became of every one of them can be told
 * afterwards.
 */
import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Defect } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import type { Redis, RedisCommand } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

export interface LoadOptions {
  readonly redis: Redis;
  readonly token: string;
  readonly subjectId: string;
  readonly ratePerSecond: number;
  /** How many are sent at once. */
  readonly batchCount?: number;
  /** In the place of every hundredth. */
  readonly badEvery?: number;
  /** Those that nobody lets in, in turn with what is no event. */
  readonly strangers?: readonly Stranger[];
}

/** What differs from a sender that may publish. */
export interface Stranger {
  readonly token?: string;
  readonly subjectId?: string;
}

const BAD_EVERY = 100;
/** An event has some 600 bytes. */
const PAD = "x".repeat(400);

export class EventLoad {
  readonly #options: LoadOptions;
  readonly #eventIds = new Set<string>();
  readonly #badTexts = new Set<string>();
  #repeatedCount = 0;
  #made = 0;
  #isOver = false;
  readonly #over: Promise<void>;

  /** It begins at once. */
  constructor(options: LoadOptions) {
    this.#options = options;
    this.#over = this.#run();
  }

  /** Of the events that Redis has taken. */
  get eventIds(): ReadonlySet<string> {
    return this.#eventIds;
  }

  /** Taken too, and to become no rows. */
  get badTexts(): ReadonlySet<string> {
    return this.#badTexts;
  }

  /** Sendings that were not answered, so that they were made again. */
  get repeatedCount(): number {
    return this.#repeatedCount;
  }

  /** Settles when Redis has taken all that were begun. */
  stop(): Promise<void> {
    this.#isOver = true;
    return this.#over;
  }

  async #run(): Promise<void> {
    const { ratePerSecond, batchCount = 20 } = this.#options;
    const startMs = performance.now();
    for (let sent = 0; !this.#isOver; sent += batchCount) {
      const dueMs = startMs + (sent / ratePerSecond) * second;
      await sleep(Math.max(0, dueMs - performance.now()));
      await this.#send(Array.from({ length: batchCount }, () => this.#next()));
    }
  }

  #next(): Sent {
    this.#made += 1;
    const { token, subjectId, badEvery = BAD_EVERY, strangers = [] } = this.#options;
    if (this.#made % badEvery !== 0) {
      const id = randomUUIDv7();
      return { id, token, text: this.#eventText(id, subjectId) };
    }
    const stranger = strangers[(this.#made / badEvery) % (strangers.length + 1)];
    if (stranger === undefined) return { id: undefined, token, text: `no event, number ${this.#made}` };
    const text = this.#eventText(randomUUIDv7(), stranger.subjectId ?? subjectId);
    return { id: undefined, token: stranger.token ?? token, text };
  }

  #eventText(id: string, subjectId: string): string {
    const payload = { number: this.#made, pad: PAD };
    const tags = [{ key: "core.symbol", value: "BTCUSDT" }];
    return JSON.stringify({ event_id: id, ts: new Date().toISOString(), subject_id: subjectId, payload, tags });
  }

  async #send(batch: readonly Sent[]): Promise<void> {
    const { redis } = this.#options;
    for (let left = batch; left.length > 0; ) {
      const commands = left.map(
        ({ text, token }): RedisCommand => ["XADD", "events", "*", "payload", text, "token", token],
      );
      const answers = await redis.batch(commands, soon());
      for (const [at, { id, text }] of left.entries()) {
        const answer = answers[at];
        if (answer?.ok === true) (id === undefined ? this.#badTexts : this.#eventIds).add(id ?? text);
        // Anything else that is refused would be for ever.
        else if (answer?.failure.code === "redis.refused") throw new Defect(`refused: ${answer.failure.message}`);
      }
      left = left.filter((_, at) => answers[at]?.ok !== true);
      this.#repeatedCount += left.length;
      if (left.length > 0) await sleep(50);
    }
  }
}

interface Sent {
  /** Undefined of what becomes no row. */
  readonly id: string | undefined;
  readonly token: string;
  readonly text: string;
}

function soon(): Within {
  return { deadlineMs: realClock.nowMs() + 5 * second, signal: new AbortController().signal };
}

/**
 * The stream `events:dlq`: what could not become a row, one entry each, until somebody redrives or drops it.
 *
 * It is bounded: past `deadLettersMax`, or past `deadLetterBytesMax`, the oldest go, because a stranger's garbage must not keep out what others send. How many
 * went is counted and told, so nothing goes silently.
 */

import { formatRfc3339, parseRfc3339 } from "#actors/domain/time-ns.ts";
import { TOKEN_BYTES_MAX } from "#actors/domain/tokens/token-text.ts";
import { parseUuid } from "#actors/domain/uuid.ts";
import { EVENT_BYTES_MAX } from "#actors/ingest/config.ts";
import type { DeadLetter, DeadReason } from "#actors/ingest/dead-letter.ts";
import type { Meters } from "#actors/ingest/meters.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import type { StreamBounds } from "#runtime/redis/append.ts";
import type { Redis, RedisCommand, RedisFailure, RedisReply } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { MiB } from "#runtime/units.ts";

/** Name of the stream. */
export const DEAD_LETTERS_STREAM = "events:dlq";
/** Dead letters listed at once: each may hold an event of the largest size. */
export const DEAD_LETTERS_LISTED_MAX = 16;
/** Characters of `error` that are kept. */
export const DEAD_LETTER_ERROR_LENGTH_MAX = 500;
/** Of what came under `payload`, bytes that are kept: all of any event that may be one, of a larger entry its beginning. */
export const DEAD_LETTER_PAYLOAD_BYTES_MAX: number = EVENT_BYTES_MAX;

/** Of payloads and tokens added at once: what waits for an answer of Redis is bounded, and others are served in between. */
export const DEAD_LETTERS_ADDED_BYTES_MAX: number = 4 * MiB;

/** One that is kept. */
export interface KeptLetter extends DeadLetter {
  /** Its name in `events:dlq`. */
  readonly letterId: string;
  /** Of what came under `payload`: more than there is in it where only the beginning is kept. */
  readonly payloadBytes: number;
}

export class DeadLetters {
  readonly #redis: Redis;
  readonly #bounds: () => StreamBounds;
  readonly #meters: Pick<Meters, "dead" | "trimmed">;

  constructor(redis: Redis, bounds: () => StreamBounds, meters: Pick<Meters, "dead" | "trimmed">) {
    this.#redis = redis;
    this.#bounds = bounds;
    this.#meters = meters;
  }

  /**
   * Also where Redis has no memory for more: an entry that is given up must not keep those behind it. `onAdded` is told of those
   * that are there, also where the others failed; some of those may be there all the same: one that is added again is there
   * twice, with the same `id`.
   */
  async add(
    letters: readonly DeadLetter[],
    within: Within,
    onAdded: (letters: readonly DeadLetter[]) => void = () => undefined,
  ): Promise<Result<void, RedisFailure>> {
    for (const part of partsOf(letters)) {
      const added = await this.#redis.append(DEAD_LETTERS_STREAM, part.map(fieldsOf), this.#bounds(), within);
      if (!added.ok) return added;
      if (added.value > 0) this.#meters.trimmed.add(added.value);
      for (const { reason } of part) this.#meters.dead(reason);
      onAdded(part);
    }
    return ok();
  }

  /** From behind `after` on, the oldest first; at most `limit`, which is 1 … `DEAD_LETTERS_LISTED_MAX`. */
  async list(
    after: string | undefined,
    limit: number,
    within: Within,
  ): Promise<Result<readonly KeptLetter[], RedisFailure>> {
    assert(limit >= 1 && limit <= DEAD_LETTERS_LISTED_MAX, "a page has 1 … DEAD_LETTERS_LISTED_MAX dead letters");
    const first = after === undefined ? "-" : `(${after}`;
    return this.#read(["XRANGE", DEAD_LETTERS_STREAM, first, "+", "COUNT", limit], within);
  }

  async find(letterId: string, within: Within): Promise<Result<KeptLetter | undefined, RedisFailure>> {
    const found = await this.#read(["XRANGE", DEAD_LETTERS_STREAM, letterId, letterId], within);
    return found.ok ? ok(found.value[0]) : found;
  }

  async count(within: Within): Promise<Result<number, RedisFailure>> {
    const counted = await this.#redis.call(["XLEN", DEAD_LETTERS_STREAM], within);
    return counted.ok ? ok(Number(counted.value)) : counted;
  }

  /** Answers with whether there was one. */
  async drop(letterId: string, within: Within): Promise<Result<boolean, RedisFailure>> {
    const dropped = await this.#redis.call(["XDEL", DEAD_LETTERS_STREAM, letterId], within);
    return dropped.ok ? ok(dropped.value === 1) : dropped;
  }

  async #read(command: RedisCommand, within: Within): Promise<Result<readonly KeptLetter[], RedisFailure>> {
    const read = await this.#redis.call(command, within);
    if (!read.ok) return read;
    assert(Array.isArray(read.value), "a range is a list");
    return ok(read.value.map(letterOf));
  }
}

/** In order, each within `DEAD_LETTERS_ADDED_BYTES_MAX`, or of one. */
function partsOf(letters: readonly DeadLetter[]): readonly (readonly DeadLetter[])[] {
  const parts: DeadLetter[][] = [];
  let leftBytes = 0;
  for (const letter of letters) {
    const sizeBytes = letter.payload.length + letter.token.length;
    if (sizeBytes > leftBytes || parts.length === 0) {
      parts.push([]);
      leftBytes = DEAD_LETTERS_ADDED_BYTES_MAX;
    }
    parts.at(-1)?.push(letter);
    leftBytes -= sizeBytes;
  }
  return parts;
}

function fieldsOf(letter: DeadLetter): readonly (string | Uint8Array)[] {
  const { id, payload, error, reason, attempts, firstMs, lastMs, token, sender } = letter;
  const times = ["first_at", timeText(firstMs), "last_at", timeText(lastMs)];
  const kept = payload.subarray(0, DEAD_LETTER_PAYLOAD_BYTES_MAX);
  // One byte more than a token may have: what is cut is none either.
  const shown = token.subarray(0, TOKEN_BYTES_MAX + 1);
  const who = sender === undefined ? [] : ["producer_id", sender.producerId];
  const only = sender?.subjectId === undefined ? [] : ["token_subject_id", sender.subjectId];
  const words = ["error", error.slice(0, DEAD_LETTER_ERROR_LENGTH_MAX), "reason", reason, "attempts", String(attempts)];
  const cut = kept.length < payload.length ? ["payload_bytes", String(payload.length)] : [];
  return ["id", id, "payload", kept, ...cut, ...words, ...times, "token", shown, ...who, ...only];
}

/** What stands there was written by a node: whatever is missing is empty, so that it can be looked at all the same. */
function letterOf(reply: RedisReply): KeptLetter {
  assert(Array.isArray(reply), "an entry is a list");
  const [letterId, words] = reply as readonly RedisReply[];
  const fields = new Map<string, Uint8Array>();
  const list = Array.isArray(words) ? (words as readonly RedisReply[]) : [];
  for (let at = 0; at + 1 < list.length; at += 2) fields.set(textOf(list[at]), bytesOf(list[at + 1]));
  const text = (name: string): string => textOf(fields.get(name));
  const producerId = parseUuid(text("producer_id"));
  const payload = bytesOf(fields.get("payload"));
  return {
    letterId: textOf(letterId),
    id: text("id"),
    reason: text("reason") as DeadReason,
    error: text("error"),
    payload,
    payloadBytes: Math.max(payload.length, Number(text("payload_bytes")) || 0),
    token: bytesOf(fields.get("token")),
    attempts: Number(text("attempts")),
    firstMs: timeIn(text("first_at")),
    lastMs: timeIn(text("last_at")),
    sender: producerId && { producerId, subjectId: parseUuid(text("token_subject_id")) },
  };
}

function bytesOf(reply: RedisReply | undefined): Uint8Array {
  return reply instanceof Uint8Array ? reply : new Uint8Array(0);
}

function textOf(reply: RedisReply | undefined): string {
  return Buffer.from(bytesOf(reply)).toString("utf8");
}

function timeText(ms: number): string {
  return formatRfc3339(BigInt(ms) * 1_000_000n);
}

function timeIn(text: string): number {
  return Number((parseRfc3339(text) ?? 0n) / 1_000_000n);
}

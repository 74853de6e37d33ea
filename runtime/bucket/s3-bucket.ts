/**
 * A bucket behind the S3 protocol.
 *
 * Every request is one that may be repeated: a key goes with the same bytes for ever. What passes (no answer, 408, 429,
 * 5xx) is tried again with full jitter until `S3_DEADLINE_MS`, or until the server is known to be away; what does not is told
 * at once.
 */
import { createHash } from "node:crypto";
import type { Bucket, BucketFailure, ObjectPage } from "#runtime/bucket/bucket.ts";
import type { Exchange, ExchangeAnswer, ExchangeRequest } from "#runtime/bucket/exchange.ts";
import { Outage, S3_DOUBT_MS } from "#runtime/bucket/outage.ts";
import type { BucketPlace } from "#runtime/bucket/place.ts";
import { encodePath, encodeQuery, type S3Credentials, sign } from "#runtime/bucket/signature.ts";
import { parseErrorCode, parseObjectPage, removalBody } from "#runtime/bucket/xml.ts";
import type { Clock } from "#runtime/clock.ts";
import { doubled } from "#runtime/doubled.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { KiB, MiB, second } from "#runtime/units.ts";

/** How long a request is tried, all attempts and pauses together, ms: less than whoever waits for a put or a read does. */
export const S3_DEADLINE_MS: number = 25 * second;
/** How long one attempt may take, ms: 8 MiB in this time is what a link must carry. */
export const S3_ATTEMPT_MS: number = 20 * second;
/** The longest pause between two attempts, ms. */
export const S3_PAUSE_MS_MAX: number = 5 * second;
/** Keys of one removal: what the protocol allows. */
export const S3_REMOVED_KEYS_MAX = 1000;
/** A page of a list, as XML: a thousand long keys. */
export const S3_PAGE_BYTES_MAX: number = 4 * MiB;

/** The first pause is up to this, and each one up to twice the last. */
const PAUSE_MS = 50;
/** Of an object that is never put. */
const PROBE_KEY = "~probe";
/** What is read of an answer that has nothing to say but an error. */
const ERROR_BYTES_MAX: number = 64 * KiB;

export interface S3Options {
  readonly place: BucketPlace;
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly random: Pick<Random, "below">;
  /** Shorter in tests. */
  readonly deadlineMs?: number;
  readonly attemptMs?: number;
}

interface Request {
  readonly method: ExchangeRequest["method"];
  /** Names the object in failures. */
  readonly key: string;
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
  readonly answerBytesMax: number;
  readonly isApart?: boolean;
}

export class S3Bucket implements Bucket {
  /** Whether its server is away. */
  readonly outage: Outage;
  readonly #options: S3Options;

  constructor(options: S3Options) {
    this.#options = options;
    this.outage = new Outage({ clock: options.clock, probe: (timeoutMs) => this.#probe(timeoutMs) });
  }

  async put(key: string, parts: readonly Uint8Array[]): Promise<Result<void, BucketFailure>> {
    const asked = { method: "PUT", query: [], headers: {}, body: parts, answerBytesMax: ERROR_BYTES_MAX } as const;
    const answer = await this.#ask({ ...asked, key, path: this.#pathOf(key) });
    return answer.ok ? ok() : answer;
  }

  async read(key: string, into: Uint8Array, position: number): Promise<Result<void, BucketFailure>> {
    // Some servers take 0-0 for a range without an end, and send the whole object: the first byte is asked for with the next.
    const lengthMax = position === 0 ? Math.max(2, into.length) : into.length;
    const headers = { range: `bytes=${position}-${position + lengthMax - 1}` };
    const asked = {
      method: "GET",
      query: [],
      headers,
      body: [],
      answerBytesMax: into.length + ERROR_BYTES_MAX,
    } as const;
    const answer = await this.#ask({ ...asked, key, path: this.#pathOf(key) });
    if (!answer.ok) return answer;
    const { status, body } = answer.value;
    // 200 is the whole object: the server does not know ranges, or the range was all of it.
    const isRange = status === 206 || (status === 200 && position === 0);
    const isServed = isRange && body.length >= into.length && body.length <= lengthMax;
    if (!isServed) return refused(key, status, "RangeNotServed");
    into.set(body.subarray(0, into.length));
    return ok();
  }

  async list(prefix: string, next?: string): Promise<Result<ObjectPage, BucketFailure>> {
    const { place } = this.#options;
    const token: readonly (readonly [string, string])[] = next === undefined ? [] : [["continuation-token", next]];
    const answer = await this.#ask({
      method: "GET",
      key: prefix,
      path: place.root === "" ? "/" : encodePath(place.root),
      query: [["list-type", "2"], ["prefix", place.prefix + prefix], ...token],
      headers: {},
      body: [],
      answerBytesMax: S3_PAGE_BYTES_MAX,
    });
    if (!answer.ok) return answer;
    const page = parseObjectPage(Buffer.from(answer.value.body).toString(), place.prefix);
    return page === undefined ? refused(prefix, answer.value.status, "PageNotUnderstood") : ok(page);
  }

  async remove(keys: readonly string[]): Promise<Result<void, BucketFailure>> {
    for (let from = 0; from < keys.length; from += S3_REMOVED_KEYS_MAX) {
      const removed = await this.#removeSome(keys.slice(from, from + S3_REMOVED_KEYS_MAX));
      if (!removed.ok) return removed;
    }
    return ok();
  }

  async #removeSome(keys: readonly string[]): Promise<Result<void, BucketFailure>> {
    const { place } = this.#options;
    const body = removalBody(keys.map((key) => place.prefix + key));
    const [key = ""] = keys;
    const answer = await this.#ask({
      method: "POST",
      key,
      path: place.root === "" ? "/" : encodePath(place.root),
      query: [["delete", ""]],
      // The protocol wants a checksum here, and MD5 is the one that every server knows.
      headers: { "content-md5": createHash("md5").update(body).digest("base64"), "content-type": "application/xml" },
      body: [body],
      answerBytesMax: S3_PAGE_BYTES_MAX,
    });
    if (!answer.ok) return answer;
    const reason = parseErrorCode(Buffer.from(answer.value.body).toString());
    return reason === undefined ? ok() : refused(key, answer.value.status, reason);
  }

  /** What is cheap for every server, and has an answer whatever the rights: an object that is not there, asked for once. */
  async #probe(timeoutMs: number): Promise<string | undefined> {
    const asked = { method: "GET", query: [], headers: {}, body: [], answerBytesMax: ERROR_BYTES_MAX } as const;
    const request = { ...asked, key: PROBE_KEY, path: this.#pathOf(PROBE_KEY), isApart: true };
    const answer = await this.#send(request, timeoutMs);
    return answer.ok && !isPassing(answer.value.status) ? undefined : causeOf(answer);
  }

  #pathOf(key: string): string {
    const { place } = this.#options;
    return encodePath(`${place.root}/${place.prefix}${key}`);
  }

  async #ask(request: Request): Promise<Result<ExchangeAnswer, BucketFailure>> {
    const { outage } = this;
    const { clock, deadlineMs = S3_DEADLINE_MS, random } = this.#options;
    const endMs = clock.nowMs() + deadlineMs;
    for (let attempt = 1; ; attempt += 1) {
      if (outage.cause !== undefined) return unreachable(request.key, outage.cause, attempt - 1);
      const answer = await this.#askOnce(request, endMs - clock.nowMs());
      if (answer.ok && !isPassing(answer.value.status)) {
        outage.answered();
        const { status } = answer.value;
        return status >= 200 && status < 300 ? answer : explain(request.key, answer.value);
      }
      outage.doubt();
      const pauseMs = random.below(doubled(PAUSE_MS, attempt, S3_PAUSE_MS_MAX) + 1);
      if (clock.nowMs() + pauseMs >= endMs) return unreachable(request.key, causeOf(answer), attempt);
      if (outage.cause === undefined) await outage.pause(pauseMs);
    }
  }

  async #askOnce(request: Request, leftMs: number): ReturnType<Exchange["send"]> {
    const { attemptMs = S3_ATTEMPT_MS, clock } = this.#options;
    const doubting = clock.after(S3_DOUBT_MS, () => this.outage.doubt());
    const answer = await this.#send(request, Math.max(0, Math.min(attemptMs, leftMs)));
    doubting.cancel();
    return answer;
  }

  /** Signed anew each time: a signature is good for a quarter of an hour only, and a clock may have been set. */
  async #send(request: Request, timeoutMs: number): ReturnType<Exchange["send"]> {
    const { clock, credentials, exchange, place, region } = this.#options;
    const { method, path, query, body, answerBytesMax, isApart = false } = request;
    const headers = sign({ ...request, host: place.host, region, wallMs: clock.wallMs() }, credentials);
    const target = query.length === 0 ? path : `${path}?${encodeQuery(query)}`;
    const late = new AbortController();
    const timer = clock.after(timeoutMs, () => late.abort());
    const forget = isApart ? undefined : this.outage.watch(() => late.abort());
    const answer = await exchange.send({ method, target, headers, body, answerBytesMax, isApart }, late.signal);
    timer.cancel();
    forget?.();
    return answer;
  }
}

/** Why the answer is none to go by. */
function causeOf(answer: Awaited<ReturnType<Exchange["send"]>>): string {
  if (answer.ok) return String(answer.value.status);
  return answer.failure.cause === "aborted" ? "ETIMEDOUT" : answer.failure.cause;
}

/** Whether the same request may do better later. */
function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 507);
}

function explain(key: string, { status, body }: ExchangeAnswer): Result<never, BucketFailure> {
  if (status === 404) return fail({ code: "bucket.missing", key });
  return refused(key, status, parseErrorCode(Buffer.from(body).toString()) ?? "Unexplained");
}

function unreachable(key: string, cause: string, attemptCount: number): Result<never, BucketFailure> {
  return fail({ code: "bucket.unreachable", key, cause, attemptCount });
}

function refused(key: string, status: number, reason: string): Result<never, BucketFailure> {
  return fail({ code: "bucket.refused", key, status, reason });
}

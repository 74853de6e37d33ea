/** The S3 client before a server that is only told what to answer; time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Exchange, ExchangeAnswer, ExchangeBroken, ExchangeRequest } from "#runtime/bucket/exchange.ts";
import { S3_DOUBT_MS, S3_OUTAGE_MS, S3_PROBE_MS, S3_PROBE_PAUSE_MS } from "#runtime/bucket/outage.ts";
import { parseBucketUrl } from "#runtime/bucket/place.ts";
import {
  S3_ATTEMPT_MS,
  S3_DEADLINE_MS,
  S3_PAUSE_MS_MAX,
  S3_REMOVED_KEYS_MAX,
  S3Bucket,
} from "#runtime/bucket/s3-bucket.ts";
import { fail, must, ok, type Result } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { second } from "#runtime/units.ts";

type Outcome = Result<ExchangeAnswer, ExchangeBroken>;
const refusedConnection = fail({ code: "bucket.exchange-broken", cause: "ECONNREFUSED" });

class ToldExchange implements Exchange {
  readonly requests: { readonly request: ExchangeRequest; readonly atMs: number }[] = [];
  readonly #answers: readonly (Outcome | "never")[];
  readonly #clock: ManualClock;

  /** What probes are answered, which are not among the requests. */
  probed: Outcome | "never" = ok({ status: 200, body: new Uint8Array() });
  /** How long requests take to be answered, ms. */
  tookMs = 0;

  /** The last answer is given to all further requests. */
  constructor(clock: ManualClock, ...answers: readonly (Outcome | "never")[]) {
    this.#clock = clock;
    this.#answers = answers;
  }

  async send(request: ExchangeRequest, signal: AbortSignal): Promise<Outcome> {
    if (request.isApart === true) return await this.#answer(this.probed, 0, signal);
    this.requests.push({ request, atMs: this.#clock.nowMs() });
    const answer = this.#answers[Math.min(this.requests.length, this.#answers.length) - 1];
    return await this.#answer(answer ?? "never", this.tookMs, signal);
  }

  #answer(answer: Outcome | "never", tookMs: number, signal: AbortSignal): Promise<Outcome> {
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(fail({ code: "bucket.exchange-broken", cause: "aborted" })));
      if (answer === "never") return;
      if (tookMs === 0) resolve(answer);
      else this.#clock.after(tookMs, () => resolve(answer));
    });
  }

  close(): void {}
}

function answer(status: number, body: string = ""): Outcome {
  return ok({ status, body: Buffer.from(body) });
}

function bucketOn(...answers: readonly (Outcome | "never")[]): {
  readonly bucket: S3Bucket;
  readonly exchange: ToldExchange;
  readonly clock: ManualClock;
} {
  const clock = new ManualClock();
  const exchange = new ToldExchange(clock, ...answers);
  const place = must(parseBucketUrl("http://host/packs/node", "path"), "the URL is one");
  const credentials = { accessKeyId: "id", secretAccessKey: "the secret" };
  const random = seededRandom(1);
  return { bucket: new S3Bucket({ place, credentials, region: "r", exchange, clock, random }), exchange, clock };
}

/** Lets time pass until it settles. */
async function settled<Value>(clock: ManualClock, promise: Promise<Value>): Promise<Value> {
  let isDone = false;
  void promise.finally(() => {
    isDone = true;
  });
  for (let turn = 0; turn < 1000 && !isDone; turn += 1) await clock.advance(100);
  assert(isDone, "it settles within 100 s");
  return await promise;
}

const bytes = Buffer.from("bytes");

describe("bucket (S3): what passes", () => {
  for (const [what, first] of [
    ["503", answer(503)],
    ["429", answer(429)],
    ["500", answer(500)],
    ["a connection that is refused", refusedConnection],
  ] as const) {
    it(`is tried again: ${what}`, async () => {
      const { bucket, exchange, clock } = bucketOn(first, first, answer(200));

      assert.deepEqual(await settled(clock, bucket.put("key", [bytes])), ok());

      const targets = exchange.requests.map(({ request }) => `${request.method} ${request.target}`);
      assert.deepEqual(targets, new Array(3).fill("PUT /packs/node/key"));
    });
  }

  it("is given up at the deadline, with pauses that are random and bounded", async () => {
    const { bucket, exchange, clock } = bucketOn(answer(503));

    const put = await settled(clock, bucket.put("key", [bytes]));

    const attemptCount = exchange.requests.length;
    assert.deepEqual(put, {
      ok: false,
      failure: { code: "bucket.unreachable", key: "key", cause: "503", attemptCount },
    });
    const pauses = exchange.requests.slice(1).map(({ atMs }, index) => atMs - (exchange.requests[index]?.atMs ?? 0));
    assert(pauses.every((pauseMs) => pauseMs <= S3_PAUSE_MS_MAX + 100) && new Set(pauses).size > 5);
    assert(attemptCount > 10 && attemptCount < 60, `${attemptCount} attempts`);
    assert(clock.nowMs() <= S3_DEADLINE_MS + 100);
  });

  it("an attempt that is never answered is one of several, and the deadline holds for it too", async () => {
    const { bucket, exchange, clock } = bucketOn("never");

    const read = await settled(clock, bucket.read("key", new Uint8Array(1), 0));

    assert(!read.ok && read.failure.code === "bucket.unreachable");
    assert.equal(exchange.requests.length, Math.ceil(S3_DEADLINE_MS / S3_ATTEMPT_MS));
  });
});

describe("bucket (S3): a server that is away", () => {
  for (const [what, first] of [
    ["refuses connections", refusedConnection],
    ["is silent", "never"],
  ] as const) {
    it(`is told of by all requests together, and by further ones at once: it ${what}`, async () => {
      const { bucket, exchange, clock } = bucketOn(first);
      exchange.probed = refusedConnection;
      const causes: (string | undefined)[] = [];
      bucket.outage.watch(() => causes.push(bucket.outage.cause));

      const asked = Promise.all([bucket.put("key", [bytes]), bucket.read("key", new Uint8Array(1), 0)]);
      const failed = await settled(clock, asked);
      const waitedMs = clock.nowMs();
      const requestCount = exchange.requests.length;
      const next = await bucket.list("");

      const codes = [...failed, next].map((result) => (result.ok ? "ok" : result.failure.code));
      assert.deepEqual(codes, new Array(3).fill("bucket.unreachable"));
      const longestMs = S3_DOUBT_MS + S3_OUTAGE_MS + S3_PROBE_PAUSE_MS;
      assert(waitedMs >= S3_OUTAGE_MS && waitedMs <= longestMs, `${waitedMs} ms`);
      assert.deepEqual([exchange.requests.length, causes], [requestCount, ["ECONNREFUSED"]]);
    });
  }

  it("is not one that loses a probe while a put makes progress (STO-109)", async () => {
    const { bucket, exchange, clock } = bucketOn(answer(200));
    exchange.tookMs = 9 * second;
    exchange.probed = "never";

    const putting = bucket.put("key", [bytes]);
    await clock.advance(S3_DOUBT_MS + S3_PROBE_MS);
    exchange.probed = answer(404);

    assert.deepEqual([await settled(clock, putting), exchange.requests.length], [ok(), 1]);
  });

  it("is asked again and again, and is back with the first answer", async () => {
    const { bucket, exchange, clock } = bucketOn(refusedConnection, answer(200));
    exchange.probed = refusedConnection;
    const causes: (string | undefined)[] = [];
    bucket.outage.watch(() => causes.push(bucket.outage.cause));
    bucket.outage.doubt();
    await clock.advance(S3_OUTAGE_MS + S3_PROBE_PAUSE_MS);

    exchange.probed = ok({ status: 403, body: new Uint8Array() });
    await clock.advance(S3_PROBE_PAUSE_MS);

    assert.deepEqual(causes, ["ECONNREFUSED", undefined]);
    assert.deepEqual(await settled(clock, bucket.put("key", [bytes])), ok());
  });

  it("is not one that answers others while a request waits", async () => {
    const { bucket, exchange, clock } = bucketOn("never", answer(200));

    const put = await settled(clock, bucket.put("key", [bytes]));

    assert.deepEqual([put, exchange.requests.length], [ok(), 2]);
    assert.equal(bucket.outage.cause, undefined);
  });
});

describe("bucket (S3): what does not pass", () => {
  it("is told at once, with the server's own word for it", async () => {
    const error = "<Error><Code>AccessDenied</Code></Error>";
    const { bucket, exchange } = bucketOn(answer(403, error));

    assert.deepEqual(await bucket.put("key", [bytes]), {
      ok: false,
      failure: { code: "bucket.refused", key: "key", status: 403, reason: "AccessDenied" },
    });
    assert.equal(exchange.requests.length, 1);
  });

  it("an object that is not there is missing", async () => {
    const { bucket } = bucketOn(answer(404, "<Error><Code>NoSuchKey</Code></Error>"));

    const missing = { ok: false, failure: { code: "bucket.missing", key: "key" } };
    assert.deepEqual(await bucket.read("key", new Uint8Array(1), 0), missing);
  });

  for (const [what, status, body] of [
    ["fewer bytes than asked for", 206, "1234"],
    ["more bytes than asked for", 206, "123456"],
    ["all of the object instead of a range", 200, "12345"],
  ] as const) {
    it(`an answer with ${what} is refused`, async () => {
      const { bucket } = bucketOn(answer(status, body));

      const read = await bucket.read("key", new Uint8Array(5), 3);

      assert.deepEqual(read, {
        ok: false,
        failure: { code: "bucket.refused", key: "key", status, reason: "RangeNotServed" },
      });
    });
  }

  it("a removal that says 200 and means no is refused", async () => {
    const { bucket } = bucketOn(answer(200, "<DeleteResult><Error><Code>AccessDenied</Code></Error></DeleteResult>"));

    const removed = await bucket.remove(["key"]);

    assert(!removed.ok && removed.failure.code === "bucket.refused" && removed.failure.reason === "AccessDenied");
  });
});

describe("bucket (S3): requests", () => {
  for (const [what, body] of [
    ["of one byte", "1"],
    ["that goes on", "12"],
  ] as const) {
    it(`the first byte alone of an object ${what} is asked for with the next: 0-0 is no range to every server`, async () => {
      const { bucket, exchange } = bucketOn(answer(206, body));
      const into = new Uint8Array(1);

      must(await bucket.read("key", into, 0), "reading");

      assert.equal(exchange.requests[0]?.request.headers["range"], "bytes=0-1");
      assert.deepEqual([...into], ["1".charCodeAt(0)]);
    });
  }

  it("remove a thousand keys at once, and one more with the next", async () => {
    const { bucket, exchange } = bucketOn(answer(200, "<DeleteResult/>"));
    const keys = Array.from({ length: S3_REMOVED_KEYS_MAX + 1 }, (_, index) => `k${index}`);

    assert.deepEqual(await bucket.remove(keys), ok());

    const counts = exchange.requests.map(
      ({ request }) => Buffer.concat(request.body).toString().split("<Key>").length - 1,
    );
    assert.deepEqual(counts, [S3_REMOVED_KEYS_MAX, 1]);
    assert.deepEqual(await bucket.remove([]), ok());
    assert.equal(exchange.requests.length, 2);
  });

  it("are signed anew at every attempt, and hold no secret", async () => {
    const { bucket, exchange, clock } = bucketOn(answer(503), answer(200));
    const putting = bucket.put("key", [bytes]);
    await clock.advance(2 * second);
    await putting;

    const [first, again] = exchange.requests.map(({ request }) => request.headers);
    assert(first !== undefined && again !== undefined);
    assert.deepEqual(Object.keys(first), Object.keys(again));
    assert(!JSON.stringify(exchange.requests).includes("the secret"));
  });
});

/** The seam to Redis with a real one behind it that dies, hangs, loads and refuses: what is known then, and what comes after. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { must, ok, type Result } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { openRedis } from "#runtime/real/redis.ts";
import { REDIS_UNANSWERED_BYTES_MAX } from "#runtime/redis/commands.ts";
import type { Redis, RedisFailure, RedisUnreachable } from "#runtime/redis/redis.ts";
import { MiB } from "#runtime/units.ts";
import { eventually } from "#test/kit/node.ts";
import { patient } from "#test/kit/patient.ts";
import { addressOf, redisMissing, startRedis, type TestRedis } from "#test/kit/redis.ts";
import { ask, refusalOf, told } from "#test/runtime/redis/kit.ts";
import { startProxy } from "#test/runtime/redis/proxy.ts";

const skip = redisMissing ?? false;
const started = skip === false ? await startRedis() : undefined;
const SILENCE_MS = 80;

function server(): TestRedis {
  assert(started !== undefined, "where there is none these tests are passed over");
  return started;
}

/** Without waiting until it serves. */
function open(url: string, silenceMs = 5000): Redis {
  const redis = openRedis({ address: addressOf(url), silenceMs }, realClock, createRealRandom());
  after(() => redis.close());
  return redis;
}

function unreachableIn(answer: Result<unknown, RedisFailure> | undefined): RedisUnreachable {
  assert(answer !== undefined && !answer.ok && answer.failure.code === "redis.unreachable", inspect(answer));
  return answer.failure;
}

const block = (redis: Redis, blockMs = 10_000) =>
  redis.call(["XREAD", "BLOCK", blockMs, "STREAMS", "nothing", "$"], patient);

describe("redis (real): a server that is killed", { skip }, () => {
  it("leaves open what came of what was under way, and serves again without being opened anew", async () => {
    const redis = await server().open();
    await ask(redis, "CONFIG", "SET", "appendfsync", "always");
    await ask(redis, "SET", "kept", "1");
    const waiting = block(redis);
    await sleep(50);

    await server().kill();
    const broken = unreachableIn(await waiting);
    const refused = unreachableIn(await redis.call(["PING"], patient));
    await server().start();

    assert.equal(broken.executed, "maybe");
    assert.equal(refused.executed, "no");
    assert.deepEqual(await redis.ready(patient), ok());
    assert.equal(await ask(redis, "GET", "kept"), "1");
  });

  it("is waited for no longer than somebody may, and is told of as the system does", async () => {
    await server().kill();
    const redis = open(server().url);
    const controller = new AbortController();

    const late = await redis.ready({ ...patient, deadlineMs: realClock.nowMs() + 50 });
    const given = redis.ready({ ...patient, signal: controller.signal });
    controller.abort();
    const [call, batch] = [await redis.call(["PING"], patient), await redis.batch([["PING"], ["PING"]], patient)];
    const closing = open(server().url);
    const closed = closing.ready(patient);
    await closing.close();
    const waiting = redis.ready(patient);
    await server().start();

    assert.equal(unreachableIn(await closed).cause, "it was closed");
    for (const answer of [late, await given, call, ...batch]) {
      const { executed, cause } = unreachableIn(answer);
      assert.equal(executed, "no");
      assert.match(cause, /connect (ENOENT|ECONNREFUSED) /);
    }
    assert.deepEqual(await waiting, ok());
  });

  it("says that it loads for as long as it does", async () => {
    const redis = await server().open();
    const added = Array.from({ length: 3000 }, (_, at) => ["SET", `loaded:${at}`, "1"] as const);
    for (const answer of await redis.batch(added, patient)) must(answer, "a key");
    await server().kill();

    // Microseconds for each key; in between it answers now and then.
    const settings = { "key-load-delay": "250", "loading-process-events-interval-bytes": "1024" };
    let isStarting = true;
    const starting = server().start(settings);
    void starting.finally(() => {
      isStarting = false;
    });
    const causes = new Set<string>();
    while (isStarting) {
      const early = open(server().url);
      const ready = await early.ready({ ...patient, deadlineMs: realClock.nowMs() + 300 });
      if (!ready.ok) causes.add(unreachableIn(ready).cause);
      await early.close();
    }
    await starting;
    assert.deepEqual(await redis.ready(patient), ok());

    assert(
      [...causes].some((cause) => cause.startsWith("LOADING ")),
      [...causes].join("; "),
    );
    assert.equal(await ask(redis, "GET", "loaded:2999"), "1");
    assert.deepEqual(await redis.transaction([["DEL", "loaded:1"]], patient), ok([ok(1)]));
  });
});

describe("redis (real): a server that hangs", { skip }, () => {
  it("is given up after a time, and spoken to again when it goes on", async () => {
    const redis = await server().open({ silenceMs: SILENCE_MS });
    const begunMs = realClock.nowMs();
    process.kill(server().pid(), "SIGSTOP");

    const broken = unreachableIn(await redis.call(["INCR", "hung"], patient));
    const tookMs = realClock.nowMs() - begunMs;
    const refused = unreachableIn(await redis.call(["PING"], patient));
    process.kill(server().pid(), "SIGCONT");

    assert.deepEqual(broken, {
      code: "redis.unreachable",
      executed: "maybe",
      cause: `it was silent for ${SILENCE_MS} ms`,
    });
    assert(tookMs >= SILENCE_MS && tookMs < 10 * SILENCE_MS, `after ${tookMs} ms`);
    assert.equal(refused.executed, "no");
    assert.deepEqual(await redis.ready(patient), ok());
    assert.equal(await ask(redis, "GET", "hung"), "1");
  });

  it("is given up as well while it is waited for, by as much later as that may take", async () => {
    const redis = await server().open({ silenceMs: SILENCE_MS });

    assert.deepEqual(await block(redis, 3 * SILENCE_MS), ok(null));
    const waiting = block(redis, SILENCE_MS);
    await sleep(20);
    process.kill(server().pid(), "SIGSTOP");
    const broken = unreachableIn(await waiting);
    process.kill(server().pid(), "SIGCONT");

    assert.match(broken.cause, /^it was silent/);
  });

  it("owes nothing any more for what it answered", async () => {
    const redis = await server().open();
    const bytes = Buffer.alloc(MiB);

    for (let sent = 0; sent <= REDIS_UNANSWERED_BYTES_MAX; sent += MiB) {
      must(await redis.call(["SET", "large", bytes], patient), "it is taken");
    }
    await ask(redis, "DEL", "large");
  });

  it("is not taken for one that hangs by a process that was stopped itself", async () => {
    const redis = await server().open({ silenceMs: SILENCE_MS });

    const asked = redis.call(["PING"], patient);
    const untilMs = realClock.nowMs() + 3 * SILENCE_MS;
    while (realClock.nowMs() < untilMs);

    assert.equal(told(must(await asked, "the answer")), "PONG");
  });

  it("is left at once by whoever closes", async () => {
    const redis = await server().open();
    process.kill(server().pid(), "SIGSTOP");
    const asked = redis.call(["PING"], patient);

    await redis.close();
    process.kill(server().pid(), "SIGCONT");

    assert.deepEqual(unreachableIn(await asked), {
      code: "redis.unreachable",
      executed: "maybe",
      cause: "it was closed",
    });
  });
});

describe("redis (real): a network that breaks", { skip }, () => {
  const cutOff = async (answerBytes: number): Promise<{ readonly redis: Redis; readonly admin: Redis }> => {
    const url = server().url.replace(/@.*$/, `@127.0.0.1:${server().port}`).replace("redis+unix", "redis");
    const proxy = await startProxy(url);
    const redis = await server().open({ url: proxy.url });
    proxy.breakAfter(answerBytes);
    return { redis, admin: await server().open() };
  };

  it("loses an answer, and what was asked is not asked again", async () => {
    const { redis, admin } = await cutOff(0);
    await ask(admin, "DEL", "once");

    const answers = await Promise.all([
      redis.call(["INCR", "once"], patient),
      redis.batch([["INCR", "once"]], patient),
    ]);
    assert.deepEqual(await redis.ready(patient), ok());
    await ask(redis, "PING");

    for (const answer of answers.flat()) assert.equal(unreachableIn(answer).executed, "maybe");
    assert.equal(await ask(admin, "GET", "once"), "2");
  });

  it("leaves those that were answered their answers", async () => {
    // `:1`, and the half of the next.
    const { redis, admin } = await cutOff(5);
    await ask(admin, "DEL", "some");

    const [first, ...others] = await redis.batch(
      Array.from({ length: 3 }, () => ["INCR", "some"] as const),
      patient,
    );

    assert.deepEqual(first, ok(1));
    for (const answer of others) assert.equal(unreachableIn(answer).executed, "maybe");
    assert.equal(await ask(admin, "GET", "some"), "3");
  });

  it("gives all of an answer that comes in many pieces", async () => {
    const redis = await server().open();
    await ask(redis, "SET", "large", "x".repeat(2_000_000));

    const answers = await redis.batch(
      [
        ["GET", "large"],
        ["GET", "large"],
        ["DEL", "large"],
      ],
      patient,
    );

    const lengths = answers
      .map((answer) => must(answer, "all of it"))
      .map((reply) => reply instanceof Uint8Array && reply.length);
    assert.deepEqual(lengths, [2_000_000, 2_000_000, false]);
  });

  it("gives no part of an answer", async () => {
    const { redis, admin } = await cutOff(20);
    await ask(admin, "SET", "long", "x".repeat(100));

    const broken = unreachableIn(await redis.call(["GET", "long"], patient));

    assert.equal(broken.executed, "maybe");
    assert.deepEqual(await redis.ready(patient), ok());
    assert.equal(await ask(redis, "GET", "long"), "x".repeat(100));
  });

  it("leaves open whether a transaction was done, as a whole", async () => {
    const { redis, admin } = await cutOff(6);
    await ask(admin, "DEL", "whole");

    const broken = await redis.transaction(
      [
        ["INCR", "whole"],
        ["INCR", "whole"],
      ],
      patient,
    );

    assert.equal(unreachableIn(broken).executed, "maybe");
    assert.equal(await ask(admin, "GET", "whole"), "2");
  });

  it("swallows everything, and is noticed", async () => {
    const url = server().producerUrl;
    const proxy = await startProxy(url);
    const redis = await server().open({ url: proxy.url, silenceMs: SILENCE_MS });
    proxy.swallow(true);

    const broken = unreachableIn(await redis.call(["XADD", "events", "*", "a", "b"], patient));
    proxy.swallow(false);

    assert.equal(broken.executed, "maybe");
    assert.deepEqual(await redis.ready(patient), ok());
    assert.equal(proxy.connectionCount(), 2);
  });
});

describe("redis (real): a server that refuses", { skip }, () => {
  it("whoever has not the right secret, and no secret is told", async () => {
    const secret = "correct horse";
    const redis = open(server().url.replace(server().secret, encodeURIComponent(secret)));

    const ready = await redis.ready(patient);
    const call = await redis.call(["PING"], patient);

    assert(!ready.ok && ready.failure.code === "redis.refused");
    assert.equal(ready.failure.kind, "WRONGPASS");
    assert.match(unreachableIn(call).cause, /^WRONGPASS /);
    const shown = inspect([redis, ready, call], { depth: 20, showHidden: true, getters: true });
    assert(!shown.includes(secret) && !shown.includes(encodeURIComponent(secret)), shown);
  });

  it("what somebody may not, and serves on", async () => {
    const producer = await server().open({ url: server().producerUrl });

    assert.match(await refusalOf(producer, "GET", "kept"), /^NOPERM /);
    assert.match(await refusalOf(producer, "XADD", "others", "*", "a", "b"), /^NOPERM /);
    assert.match(String(await ask(producer, "XADD", "events", "*", "a", "b")), /^\d+-0$/);
  });

  it("what it does not know, without the words that came with it", async () => {
    const redis = await server().open();

    assert.equal(await refusalOf(redis, "XNOTHING", "the token"), "ERR unknown command 'XNOTHING'");
  });

  it("what takes memory when there is none, and lets those go on who make room", async () => {
    const redis = await server().open();
    await ask(redis, "XGROUP", "CREATE", "events", "full", "0", "MKSTREAM");
    await ask(redis, "XADD", "events", "*", "a", "b");
    await ask(redis, "CONFIG", "SET", "maxmemory", 1);

    const added = await refusalOf(redis, "XADD", "events", "*", "a", "b");
    const both = await redis.transaction(
      [
        ["XADD", "events", "*", "a", "b"],
        ["XLEN", "events"],
      ],
      patient,
    );
    const taken = await redis.take("full:rate", { periodMs: 1000, burst: 1 }, patient);
    const [[, [[id] = []] = []] = []] = (await ask(
      redis,
      ...(["XREADGROUP", "GROUP", "full", "c", "COUNT", 1, "STREAMS", "events", ">"] as const),
    )) as unknown as [[string, [[string]]]];
    const acknowledged = await ask(redis, "XACK", "events", "full", id ?? "");
    const insisted = await redis.insist([["XADD", "full:answers", "9-0", "a", "b"]], patient);
    const made = await redis.insist([["XGROUP", "CREATE", "full:new", "g", "0", "MKSTREAM"]], patient);
    const appended = await redis.append("full:kept", [["a", "b"]], { countMax: 1, sizeBytesMax: 1000 }, patient);
    await ask(redis, "CONFIG", "SET", "maxmemory", 0);

    assert.match(added, /^OOM /);
    assert(!both.ok && both.failure.code === "redis.refused", inspect(both));
    assert.equal(both.failure.kind, "OOM");
    assert.deepEqual(taken, ok({ isAllowed: true }));
    assert.deepEqual(insisted, ok([ok(Buffer.from("9-0"))]));
    assert.deepEqual(made, ok([ok(Buffer.from("OK"))]));
    assert.equal(acknowledged, 1);
    assert.deepEqual([appended, await ask(redis, "XLEN", "full:kept")], [ok(0), 1]);
  });

  it("what is written to a replica: that is nobody to write to, and another server is looked for", async () => {
    const [redis, admin] = [await server().open(), await server().open()];
    await ask(admin, "REPLICAOF", "127.0.0.1", 1);

    const refused = unreachableIn(await redis.call(["SET", "a", "1"], patient));
    const left = unreachableIn(await redis.call(["GET", "a"], patient));
    await ask(admin, "REPLICAOF", "NO", "ONE");

    assert.deepEqual(left, refused);
    assert.equal(refused.executed, "no");
    assert.match(refused.cause, /^READONLY /);
    assert.deepEqual(await redis.ready(patient), ok());
    await eventually(5000, "it is written to", async () => (await redis.call(["SET", "a", "1"], patient)).ok);
  });

  it("keeps what is in one database from another", async () => {
    const [redis, other] = [await server().open(), await server().open({ url: `${server().url}?db=3` })];

    await ask(redis, "SET", "apart", "1");

    assert.equal(await ask(other, "GET", "apart"), null);
    const none = await open(`${server().url}?db=999999`).ready(patient);
    assert(!none.ok && none.failure.code === "redis.refused", inspect(none));
  });
});

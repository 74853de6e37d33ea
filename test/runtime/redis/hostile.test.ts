/** The real half of the seam to Redis before servers that do what no Redis should: say nothing, nonsense, or what they heard. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { inspect } from "node:util";
import { fail, ok } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { openRedis } from "#runtime/real/redis.ts";
import { REDIS_UNANSWERED_BYTES_MAX } from "#runtime/redis/commands.ts";
import type { Redis, RedisCommand } from "#runtime/redis/redis.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { eventually } from "#test/kit/node.ts";
import { patient } from "#test/kit/patient.ts";
import { provide } from "#test/kit/provide.ts";
import { addressOf } from "#test/kit/redis.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { type FakeServer, type Say, startFakeServer } from "#test/runtime/redis/fake-server.ts";
import { sayFailure } from "#test/runtime/redis/kit.ts";

const skipTls = (await provide({ openssl: "openssl" })) ?? false;
const PONG = "+PONG\r\n";

interface As {
  readonly scheme?: string;
  readonly user?: string;
  readonly host?: string;
  readonly authority?: string;
}

function open({ port }: Pick<FakeServer, "port">, as: As = {}): Redis {
  const { scheme = "redis", user = "", host = "127.0.0.1", authority } = as;
  const address = addressOf(`${scheme}://${user}${host}:${port}`);
  const redis = openRedis({ address, silenceMs: 100, authority }, realClock, createRealRandom());
  after(() => redis.close());
  return redis;
}

/** Greets as a Redis does. */
const polite =
  (say: Say): Say =>
  (words) =>
    words[0] === "PING" ? PONG : say(words);

const soon = (): typeof patient => ({ ...patient, deadlineMs: realClock.nowMs() + 150 });

describe("redis (real): a server that says nonsense", () => {
  it("is none", async () => {
    const web = await startFakeServer(() => "HTTP/1.1 400 Bad Request\r\n\r\n");

    const ready = await open(web).ready(soon());

    assert(!ready.ok);
    assert.match(sayFailure(ready.failure), /^unreachable \(no\): Unknown RESP type/);
  });

  it("in the middle ends the connection, and nothing is taken for an answer", async () => {
    const server = await startFakeServer(polite(([name]) => (name === "GET" ? "$1\r\na\r\nnonsense\r\n" : undefined)));
    const redis = open(server);
    await redis.ready(patient);

    const answers = await redis.batch(
      [
        ["GET", "a"],
        ["EXISTS", "a"],
      ],
      patient,
    );

    for (const answer of answers) {
      assert(!answer.ok);
      assert.match(sayFailure(answer.failure), /^unreachable \(maybe\): Unknown RESP type/);
    }
    assert.deepEqual(await redis.ready(patient), ok());
  });

  it("that nobody asked for ends the connection: the next answer could be another's", async () => {
    const server = await startFakeServer(
      polite(([name]) => (name === "GET" ? "$1\r\na\r\n$6\r\nsecret\r\n" : undefined)),
    );
    const redis = open(server);
    await redis.ready(patient);

    const answer = await redis.call(["GET", "a"], patient);

    assert(!answer.ok);
    const said = sayFailure(answer.failure);
    assert.match(said, /^unreachable \(maybe\): Command queue state error/);
    assert(!said.includes("secret"), said);
    assert.deepEqual(await redis.ready(patient), ok());
    assert.equal(server.heard.filter((name) => name === "PING").length, 2);
  });
});

describe("redis (real): a transaction", () => {
  const transact = async (say: Say): Promise<string> => {
    const redis = open(await startFakeServer(polite(say)));
    await redis.ready(patient);
    const done = await redis.transaction([["INCR", "a"]], patient);
    assert(!done.ok);
    return sayFailure(done.failure);
  };

  it("that is refused as a whole is refused for the reason that it had", async () => {
    const aborted = await transact(([name]) =>
      name === "EXEC" ? "-EXECABORT Transaction discarded because of: OOM no memory\r\n" : "+OK\r\n",
    );
    const unable = await transact(([name]) => (name === "MULTI" ? "+OK\r\n" : "-LOADING wait\r\n"));

    assert.equal(aborted, "OOM no memory");
    assert.equal(unable, "unreachable (no): LOADING wait");
  });

  it("whose beginning is refused may have been done one by one", async () => {
    const said = await transact(([name]) => {
      if (name === "INCR") return ":1\r\n";
      return name === "MULTI" ? "-NOPERM no\r\n" : "-ERR EXEC without MULTI\r\n";
    });

    assert.equal(said, "unreachable (maybe): NOPERM no");
  });
});

describe("redis (real): a server that says nothing", () => {
  it("after it let somebody in is given up, and everybody is told", async () => {
    const silent = await startFakeServer(polite(() => undefined));
    const redis = open(silent);
    await redis.ready(patient);

    const answers = await Promise.all([redis.call(["GET", "a"], patient), redis.call(["GET", "b"], patient)]);

    for (const answer of answers) {
      assert.deepEqual(
        answer,
        fail({ code: "redis.unreachable", executed: "maybe", cause: "it was silent for 100 ms" }),
      );
    }
  });

  it("for long, but a little now and then, is heard to the end", async () => {
    const text = "x".repeat(12);
    const slow = await startFakeServer(polite(() => ["$12\r\n", ...text, "\r\n"]));
    const redis = open(slow);
    await redis.ready(patient);

    assert.deepEqual(await redis.call(["GET", "a"], patient), ok(Buffer.from(text)));
  });

  it("at all is given up after REDIS_CONNECT_MS", async () => {
    const silent = await startFakeServer(() => undefined);
    const clock = new ManualClock();
    const address = addressOf(`redis://127.0.0.1:${silent.port}`);
    const redis = openRedis({ address, silenceMs: 60_000 }, clock, seededRandom(1));
    after(() => redis.close());
    await eventually(2000, "it is greeted", () => silent.heard.length === 1);
    const waiting = redis.ready({ ...patient, deadlineMs: 5100 });

    await clock.advance(4999);
    const before = await redis.call(["PING"], patient);
    await clock.advance(1);
    const later = await redis.call(["PING"], patient);
    await clock.advance(100);

    const told = (cause: string) => fail({ code: "redis.unreachable" as const, executed: "no" as const, cause });
    assert.deepEqual(before, told("there is no connection yet"));
    assert.deepEqual(later, told("no answer for 5000 ms"));
    assert.deepEqual(await waiting, told("no answer for 5000 ms"));
  });

  it("does not fill memory: what it was told and has not answered is bounded", async () => {
    const silent = await startFakeServer(polite(() => undefined));
    const redis = open(silent);
    await redis.ready(patient);
    const large: RedisCommand = ["SET", "a", Buffer.alloc(REDIS_UNANSWERED_BYTES_MAX / 2 - MiB)];

    const asked = [redis.call(large, patient), redis.call(large, patient)];
    const [small, past] = [
      redis.call(["GET", "a"], patient),
      await redis.call(["SET", "a", Buffer.alloc(2 * MiB)], patient),
    ];
    await redis.close();

    assert.deepEqual(past, fail({ code: "redis.unreachable", executed: "no", cause: "too much waits for it" }));
    for (const answer of [...(await Promise.all(asked)), await small])
      assert(!answer.ok && answer.failure.code === "redis.unreachable" && answer.failure.executed === "maybe");
  });
});

describe("redis (real): a server that tells what it hears", () => {
  const secret = "hunter2hunter2";
  const errors = [
    `-ERR unknown command 'AUTH', with args beginning with: 'me' '${secret}' \r\n`,
    `-WRONGPASS no user has ${secret}\r\n`,
    `-LOADING ${secret}\r\n`,
    `${secret}\r\n`,
  ];

  for (const said of errors) {
    it(`is not repeated: ${said.slice(0, 12).trim()}`, async () => {
      const server = await startFakeServer(([name]) => (name === "AUTH" ? said : PONG));
      const redis = open(server, { user: `me:${secret}@` });

      const ready = await redis.ready(soon());
      const call = await redis.call(["PING"], patient);

      assert(!ready.ok && !call.ok);
      const shown = inspect([redis, ready, call], { depth: 20, showHidden: true });
      assert(!shown.includes(secret), shown);
    });
  }

  it("hears the secret before anything else, and never without need", async () => {
    const server = await startFakeServer(polite(() => "+OK\r\n"));

    await open(server, { user: `me:${secret}@`, host: "localhost" }).ready(patient);
    await open(server).ready(patient);

    assert.deepEqual(server.heard, ["AUTH", "PING", "PING"]);
  });

  it("and needs no secret where one is given is not taken for ours", async () => {
    const line = "-ERR AUTH <password> called without any password configured for the default user.\r\n";
    const server = await startFakeServer(polite(() => line));

    const ready = await open(server, { user: `:${secret}@` }).ready(patient);

    assert(!ready.ok && ready.failure.code === "redis.refused");
  });
});

describe("redis (real): over TLS", { skip: skipTls }, () => {
  it("serves whoever can show that he is who he is called, and nobody else", async (context) => {
    const directory = await tempDirectory(context);
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const args = [
      "req",
      "-x509",
      "-newkey",
      "ed25519",
      "-nodes",
      "-keyout",
      key,
      "-out",
      cert,
      "-days",
      "1",
      ...subject,
    ];
    execFileSync("openssl", args, { stdio: "ignore" });
    const server = await startFakeServer(
      polite(() => "+OK\r\n"),
      { key: readFileSync(key), cert: readFileSync(cert) },
    );
    const said: string[] = [];
    const tryOnce = async (host: string, authority?: string): Promise<void> => {
      const redis = open(server, { scheme: "rediss", host, user: "me:hunter2@", ...(authority && { authority }) });
      const ready = await redis.ready(soon());
      said.push(ready.ok ? "ready" : sayFailure(ready.failure));
      await redis.close();
    };

    await tryOnce("localhost");
    await tryOnce("localhost", readFileSync(cert, "utf8"));
    await tryOnce("127.0.0.1", readFileSync(cert, "utf8"));

    const [unknown, known, other] = said;
    assert.match(unknown ?? "", /^unreachable \(no\): (self-signed|unable to verify)/);
    assert.equal(known, "ready");
    assert.match(other ?? "", /^unreachable \(no\): Hostname\/IP does not match/);
    assert.deepEqual(server.heard, ["AUTH", "PING"], "nobody else was told the secret");
  });

  it("is not spoken to without it", async () => {
    const plain = await startFakeServer(polite(() => "+OK\r\n"));

    const ready = await open(plain, { scheme: "rediss", host: "localhost" }).ready(soon());

    assert.equal(ready.ok, false);
    assert.deepEqual(plain.heard, []);
  });
});

describe("redis (real): connections that cannot be had", () => {
  it("are those to a server that serves nobody now", async () => {
    const said = [
      "-BUSY a script runs\r\n",
      "-ERR max number of clients reached\r\n",
      "-LOADING wait\r\n",
      "-NOPERM no ping\r\n",
    ];
    const server = await startFakeServer(() => said.shift() ?? PONG);

    assert.deepEqual(await open(server).ready(patient), ok());
    assert.deepEqual(said, []);
    assert.equal(server.heard.length, 4);
  });

  it("are tried with pauses that grow, up to a limit, and begin small again after one that served", async () => {
    let isOpen = false;
    const server = await startFakeServer(([name]) => {
      if (name !== "PING") return "nonsense\r\n";
      return isOpen ? PONG : "-LOADING wait\r\n";
    });
    const clock = new ManualClock();
    const pausesMs: number[] = [];
    const random = {
      ...seededRandom(1),
      below: (exclusiveMax: number) => pausesMs.push(exclusiveMax) && exclusiveMax - 1,
    };
    const redis = openRedis(
      { address: addressOf(`redis://127.0.0.1:${server.port}`), silenceMs: 60_000 },
      clock,
      random,
    );
    after(() => redis.close());
    const untilPause = async (count: number): Promise<void> => {
      await eventually(3000, "it is tried", () => pausesMs.length === count);
      await clock.advance(pausesMs.at(-1) ?? 0);
    };

    const untilReady = (): Promise<void> =>
      eventually(3000, "it is let in", async () => {
        await clock.advance(2000);
        return (await redis.ready({ ...patient, deadlineMs: clock.nowMs() + 1 })).ok;
      });

    for (let count = 1; count <= 8; count += 1) await untilPause(count);
    isOpen = true;
    await untilReady();
    const { length: before } = pausesMs;
    await redis.call(["GET", "a"], patient);
    await untilReady();
    await clock.advance(2001);
    await redis.call(["GET", "a"], patient);

    assert.deepEqual(pausesMs.slice(before), [2000, 50], "one that did not last, and one that did");
    assert.deepEqual(pausesMs.slice(0, 8), [50, 100, 200, 400, 800, 1600, 2000, 2000]);
  });
});

/** Auth on a real Postgres, and on a real Redis too, in real time: both are killed under it. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type AuthDeps, authBehavior } from "#actors/auth/actor.ts";
import type { Directory } from "#actors/auth/directory/directory.ts";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { threadSigning } from "#actors/domain/tokens/token-signing.ts";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { second } from "#runtime/units.ts";
import { type Fields, newAuthority, newProducer } from "#test/actors/auth/producer.ts";
import { configWith } from "#test/actors/auth/start-auth.ts";
import { describeAuth } from "#test/actors/auth/suite.ts";
import { startActor, testMachine } from "#test/kit/actor.ts";
import { patient } from "#test/kit/patient.ts";
import { startPostgres } from "#test/kit/postgres.ts";
import { redisMissing, startRedis } from "#test/kit/redis.ts";

const asked = { timeoutMs: 10 * second };
/** How long anything may take, on a machine that is busy. */
const PATIENCE_MS = 30_000;

function text(reply: RedisReply | undefined): string {
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : String(reply);
}

const postgres = await startPostgres();
// Nothing of the suite is killed, so nobody waits for the disk.
const hasty = `${postgres.url}&options=${encodeURIComponent("-c synchronous_commit=off")}`;
const suiteSql = openSql({ url: hasty, connectionsMax: 4, statementTimeoutMs: 10_000 });
after(() => suiteSql.close());
let schemaCount = 0;

/** A deadline of the world's manual clock means nothing to a real server, which has its own. */
function patiently(directory: Directory): Directory {
  return new Proxy(directory, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: readonly unknown[]): unknown => Reflect.apply(member, target, [...given.slice(0, -1), patient]);
    },
  });
}

async function open(): Promise<Directory> {
  schemaCount += 1;
  return patiently(postgresDirectory(suiteSql, { schema: `auth_${schemaCount}` }));
}

describeAuth("postgres", open, { isWhole: false, stepMs: 1 });

describe("auth: on real servers", { skip: redisMissing ?? false }, async () => {
  if (redisMissing !== undefined) return;
  const redis = await startRedis();
  const machine = testMachine(undefined, undefined, () => realClock);
  const authority = await newAuthority();
  const disk = new MemoryDisk();
  must(await disk.replaceFile("/ca.pub", Buffer.from(authority.line)), "a file");
  const sql = openSql({ url: postgres.url, connectionsMax: 4, statementTimeoutMs: 5 * second });
  const deps: AuthDeps = {
    signing: threadSigning,
    config: { current: configWith({ producerAuthority: ["/ca.pub"] }) },
    disk,
    metrics: machine.metrics,
    directory: postgresDirectory(sql),
    redis: await redis.open(),
    connect: () => redis.open(),
    signingKeyPath: "/data/auth/signing-key.pem",
  };
  const auth = await startActor(authBehavior, deps, { machine, laterMax: 64, capacity: 64 });
  after(async () => {
    auth.actor.kill("the tests are over");
    await sql.close();
  });
  const mine = await redis.open();

  const send = async (stream: string, fields: Fields): Promise<void> => {
    must(await mine.call(["XADD", stream, "*", ...Object.entries(fields).flat()], patient), "sent");
  };
  /** The last answer in a stream, as soon as that is what is waited for. */
  const answer = async (
    stream: string,
    isIt: (told: Readonly<Record<string, string>>) => boolean,
  ): Promise<Readonly<Record<string, string>>> => {
    for (const endMs = realClock.nowMs() + PATIENCE_MS; ; await setTimeout(20)) {
      assert(realClock.nowMs() < endMs, `an answer in ${stream}`);
      const read = await mine.call(["XREVRANGE", stream, "+", "-", "COUNT", 1], patient);
      const words: readonly RedisReply[] = read.ok && Array.isArray(read.value) ? (read.value[0]?.[1] ?? []) : [];
      const told = Object.fromEntries(
        words.flatMap((name, at) => (at % 2 === 0 ? [[text(name), text(words[at + 1])]] : [])),
      );
      if (isIt(told)) return told;
    }
  };
  const statusOf = (stream: string, wanted: string) => answer(stream, ({ status }) => status === wanted);
  const admitted = async (token: string): Promise<string> => {
    const answered = await auth.ref.call("admit", { tokens: [token] }, asked);
    return answered.ok ? (answered.value[0]?.kind ?? "") : answered.failure.code;
  };
  const until = async (token: string, kind: string): Promise<number> => {
    const beganMs = realClock.nowMs();
    while ((await admitted(token)) !== kind) {
      assert(realClock.nowMs() < beganMs + PATIENCE_MS, kind);
      await setTimeout(10);
    }
    return realClock.nowMs() - beganMs;
  };

  it("a producer registers, is approved, is given tokens, and loses them within a second (AUTH-1, AUTH-7, AUTH-9, AUTH-18)", async () => {
    const producer = await newProducer(authority);
    const request = await producer.sign({ producer_hint: "binance" });
    await send("fdc:register", request);
    const stream = `fdc:register:resp:${request["nonce"]}`;
    const { producer_id: producerId = "" } = await statusOf(stream, "pending");
    const review = {
      action: "approve",
      fingerprint: producer.fingerprint,
      producerId,
      reviewer: "r",
      notes: undefined,
    } as const;
    must(await auth.ref.call("reviewKey", review, asked), "review");
    await statusOf(stream, "approved");
    const ttl = must(await mine.call(["PTTL", stream], patient), "ttl");
    assert(typeof ttl === "number" && ttl > 200_000 && ttl <= 300_000);
    await send("fdc:token:exchange", await producer.sign({ producer_id: producerId }));
    const { token = "" } = await answer(`fdc:token:resp:${producerId}`, ({ exp }) => exp !== undefined);
    assert.equal(await admitted(token), "admitted");

    must(await auth.ref.call("reviewKey", { ...review, action: "deny" }, asked), "deny");

    // A second, and what this machine takes for the rest.
    const tookMs = await until(token, "refused");
    assert(tookMs < 2000, `${tookMs} ms`);
  });

  it("both servers are killed, and what was asked meanwhile is answered when they are back (AUTH-10)", async () => {
    const [a, b] = [await newProducer(authority), await newProducer(authority)];
    const [first, second] = [await a.sign({}), await b.sign({})];

    await postgres.kill();
    await send("fdc:register", first);
    await setTimeout(300);
    await postgres.start();
    await statusOf(`fdc:register:resp:${first["nonce"]}`, "pending");
    await redis.kill();
    await redis.start({ appendfsync: "always" });
    must(await mine.ready(patient), "ready");
    await send("fdc:register", second);
    await statusOf(`fdc:register:resp:${second["nonce"]}`, "pending");
    // What was done before the end of Redis is not done again.
    await send("fdc:register", first);
    await statusOf(`fdc:register:resp:${first["nonce"]}`, "replay");
  });
});

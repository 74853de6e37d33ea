/** A producer that may publish, made as every other is: it registers, somebody approves it, it asks for a subject and a token. */
import { setTimeout as pause } from "node:timers/promises";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { assert, must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { Redis, RedisReply } from "#runtime/redis/redis.ts";
import { second } from "#runtime/units.ts";
import { type Authority, type Fields, newProducer, type Producer } from "#test/actors/auth/producer.ts";
import { patient } from "#test/kit/patient.ts";

const WAIT_MS: number = 30 * second;
const LOOK_MS = 20;

export interface Enrolled {
  readonly token: string;
  readonly subjectId: string;
}

type Told = Readonly<Record<string, string>>;

export async function enrol(redis: Redis, postgresUrl: string, authority: Authority): Promise<Enrolled> {
  const producer = await newProducer(authority);
  const request = await producer.sign({
    producer_hint: "bench",
    contact: "bench@example.org",
    meta: { region: "here" },
  });
  const registered = await answered(redis, "fdc:register", request, `fdc:register:resp:${request["nonce"]}`);
  const producerId = registered["producer_id"] ?? "";
  await approve(postgresUrl, producer, producerId);
  const subject = await answered(
    redis,
    "fdc:subject:register",
    await producer.sign({
      op: "register",
      subject_key: "bench/BTCUSDT",
      schema_name: "trade",
      schema_body: { price: "number", size: "number" },
    }),
    `fdc:subject:resp:${producerId}`,
  );
  const granted = await answered(
    redis,
    "fdc:token:exchange",
    await producer.sign({ producer_id: producerId }),
    `fdc:token:resp:${producerId}`,
  );
  const { token = "" } = granted;
  const subjectId = subject["subject_id"] ?? "";
  assert(token !== "" && subjectId !== "", `a token and a subject: ${JSON.stringify([registered, subject, granted])}`);
  return { token, subjectId };
}

async function approve(url: string, { fingerprint }: Producer, producerId: string): Promise<void> {
  const directory = postgresDirectory(openSql({ url, connectionsMax: 1, statementTimeoutMs: WAIT_MS }));
  const review = { fingerprint, producerId, reviewer: "bench", notes: undefined, atMs: Date.now(), mayRotate: true };
  const { kind } = must(await directory.approve(review, patient), "a review");
  assert(kind === "approved", `the key is approved, and not ${kind}`);
  await directory.close();
}

async function answered(redis: Redis, stream: string, fields: Fields, answers: string): Promise<Told> {
  must(await redis.call(["XADD", stream, "*", ...Object.entries(fields).flat()], patient), "a request");
  const deadlineMs = performance.now() + WAIT_MS;
  for (;;) {
    const found = must(await redis.call(["XRANGE", answers, "-", "+"], patient), "the answers");
    const [entry] = found as readonly (readonly [RedisReply, readonly Uint8Array[]])[];
    if (entry !== undefined) return told(entry[1]);
    assert(performance.now() < deadlineMs, `an answer in ${answers}`);
    await pause(LOOK_MS);
  }
}

function told(words: readonly Uint8Array[]): Told {
  const texts = words.map((word) => Buffer.from(word).toString());
  return Object.fromEntries(Array.from({ length: texts.length / 2 }, (_, at) => [texts[2 * at], texts[2 * at + 1]]));
}

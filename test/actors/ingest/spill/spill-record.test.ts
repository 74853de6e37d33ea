/** What Redis is told of the spill: when, how often, and what is made of what is found there. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Spill } from "#actors/ingest/spill/spill.ts";
import { parseSpan, SPILL_RECORD_NUMBER_MAX, SpillRecord } from "#actors/ingest/spill/spill-record.ts";
import { must } from "#runtime/errors.ts";
import type { Redis, RedisReply } from "#runtime/redis/redis.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { SimulatedRedis } from "#runtime/simulated/redis.ts";
import { second } from "#runtime/units.ts";
import { append, drain, makeSpill, newDisk, rowOf, rowsOf } from "#test/actors/ingest/spill/kit.ts";
import { patient } from "#test/kit/patient.ts";

const KEY = "ingest:spill:one";

interface Bench {
  readonly server: SimulatedRedis;
  readonly redis: Redis;
  readonly spill: Spill;
  readonly record: SpillRecord;
  readonly asked: string[];
}

async function bench(): Promise<Bench> {
  const clock = new ManualClock();
  const server = new SimulatedRedis({ clock, random: seededRandom(1) });
  const redis = server.connect({ clock, silenceMs: 10 * second });
  await clock.advance(1);
  must(await redis.ready(patient), "a connection");
  const asked: string[] = [];
  server.fateOf = (names) => {
    asked.push(...names);
    return "answered";
  };
  const { spill } = makeSpill({ disk: await newDisk() });
  return { server, redis, spill, record: new SpillRecord({ redis, spill }), asked };
}

async function kept(redis: Redis): Promise<string | undefined> {
  const reply: RedisReply = must(await redis.call(["GET", KEY], patient), "GET");
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : undefined;
}

describe("spill record: keep", () => {
  it("asks Redis nothing where nothing was spilled, and once where something was", async () => {
    const { redis, spill, record, asked } = await bench();
    must(await record.open("one", patient), "open");
    must(await record.keep(patient), "kept");
    const idle = [...asked];

    await append(spill, rowsOf(1, 3));
    must(await record.keep(patient), "kept");
    must(await record.keep(patient), "kept");
    const spilled = await kept(redis);
    await drain(spill);
    must(await record.keep(patient), "kept");

    assert.deepEqual(idle, ["GET"]);
    assert.deepEqual([spilled, await kept(redis)], ["1-4", "4-4"]);
    assert.equal(asked.filter((name) => name === "SET").length, 2);
  });

  it("is done where Redis has no memory for more, and again where it could not be asked", async () => {
    const { server, redis, spill, record } = await bench();
    must(await record.open("one", patient), "open");
    await append(spill, [rowOf(1)]);
    server.refuseGrowth(true);
    must(await record.keep(patient), "kept");
    const full = await kept(redis);
    server.cut();
    await append(spill, [rowOf(2)]);

    const away = await record.keep(patient);

    assert.equal(full, "1-2");
    assert(!away.ok && away.failure.code === "redis.unreachable");
    assert.deepEqual(spill.span, { first: 1, end: 3 });
  });
});

describe("spill record: open", () => {
  it("gives the spill what was kept", async () => {
    const { redis, spill, record } = await bench();
    must(await redis.call(["SET", KEY, "5-9"], patient), "SET");

    must(await record.open("one", patient), "open");
    must(await spill.oldest(1, patient), "nothing");

    assert.equal(spill.totals.lostCountMin, 4);
  });

  it("takes what somebody else has put there for nothing, and replaces it", async () => {
    const { redis, spill, record } = await bench();
    must(await redis.call(["XADD", KEY, "*", "a", "b"], patient), "XADD");

    must(await record.open("one", patient), "open");
    await append(spill, [rowOf(1)]);
    must(await record.keep(patient), "kept");

    assert.equal(await kept(redis), "1-2");
  });

  it("opens nothing while Redis cannot be asked", async () => {
    const { server, spill, record } = await bench();
    server.cut();

    const opened = await record.open("one", patient);

    assert(!opened.ok && opened.failure.code === "redis.unreachable");
    await assert.rejects(spill.oldest(1, patient));
  });

  it("reads two numbers in order, within their bound", () => {
    const read = (text: string) => parseSpan(Buffer.from(text));
    const max = SPILL_RECORD_NUMBER_MAX;

    assert.deepEqual(read("1-1"), { first: 1, end: 1 });
    assert.deepEqual(read(`7-${max}`), { first: 7, end: max });
    for (const text of ["", "1", "0-1", "2-1", "1-2 ", "-1-2", "1-x", `1-${max + 1}`, `1-${"9".repeat(30)}`]) {
      assert.equal(read(text), undefined, text);
    }
  });
});

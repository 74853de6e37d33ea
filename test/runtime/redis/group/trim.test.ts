/** What leaves a stream, and what stays, on both kinds of Redis. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { GroupCalls } from "#runtime/redis/group/group-calls.ts";
import { TRIM_MS, Trimmer } from "#runtime/redis/group/trimmer.ts";
import type { Redis, RedisCommand } from "#runtime/redis/redis.ts";
import { TRIM_ENTRIES_MAX } from "#runtime/redis/trim.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { patient } from "#test/kit/patient.ts";
import { redisMissing, startRedis } from "#test/kit/redis.ts";
import { makeReader, readPage } from "#test/runtime/redis/group/kit.ts";
import { ask, simulated, type Told } from "#test/runtime/redis/kit.ts";

/** Of what goes whole or not at all, in both. */
const BLOCK = 100;

/** A block of entries from each of these ids on. */
async function fill(redis: Redis, stream: string, ...firsts: readonly string[]): Promise<void> {
  const commands = firsts.flatMap((first) =>
    Array.from({ length: BLOCK }, (_, at): RedisCommand => ["XADD", stream, after(first, at), "a", ""]),
  );
  for (const added of await redis.batch(commands, patient)) must(added, "an entry");
}

function after(first: string, count: number): string {
  const [ms, sequence = ""] = first.split("-");
  return `${ms}-${BigInt(sequence) + BigInt(count)}`;
}

/** Ids of what the group was not given before. */
async function give(redis: Redis, stream: string, group: string, count: number): Promise<readonly string[]> {
  const reply = await ask(redis, "XREADGROUP", "GROUP", group, "ann", "COUNT", count, "STREAMS", stream, ">");
  const [[, entries]] = reply as readonly [readonly [string, readonly (readonly [string, Told])[]]];
  return entries.map(([id]) => id);
}

async function sentBytes(redis: Redis): Promise<number> {
  return Number(/total_net_output_bytes:(\d+)/.exec(String(await ask(redis, "INFO", "stats")))?.[1]);
}

async function trim(redis: Redis, stream: string): Promise<number> {
  return must(await redis.trim(stream, patient), "trimmed");
}

function suite(name: string, open: () => Promise<Redis>, skip: string | false = false): void {
  let streamCount = 0;
  const newStream = (): string => {
    streamCount += 1;
    return `${name}:trim:${streamCount}`;
  };

  describe(`trim (${name})`, { skip }, () => {
    it("lets go of what every group was given and has acknowledged, and of nothing else", async () => {
      const redis = await open();
      const stream = newStream();
      await fill(redis, stream, "1-0", "2-0", "3-0", "4-0");
      const unread = await trim(redis, stream);
      for (const group of ["g", "h"]) await ask(redis, "XGROUP", "CREATE", stream, group, "0");
      const ungiven = await trim(redis, stream);
      await ask(redis, "XACK", stream, "g", ...(await give(redis, stream, "g", 350)));
      const ungivenToOne = await trim(redis, stream);
      const [first = "", ...rest] = await give(redis, stream, "h", 399);
      await ask(redis, "XACK", stream, "h", ...rest);
      const pending = await trim(redis, stream);
      await ask(redis, "XACK", stream, "h", first);
      const done = await trim(redis, stream);

      assert.deepEqual([unread, ungiven, ungivenToOne, pending, done], [0, 0, 0, 0, 300]);
      assert.equal(await ask(redis, "XLEN", stream), 100);
      assert.equal(await trim(redis, stream), 0);
    });

    it("goes by the lowest that is pending, whoever has it", async () => {
      const redis = await open();
      const stream = newStream();
      await fill(redis, stream, "1-0", "2-0", "3-0");
      await ask(redis, "XGROUP", "CREATE", stream, "g", "0");
      const given = await give(redis, stream, "g", 300);
      await ask(redis, "XACK", stream, "g", ...given.filter((id) => id !== "2-50"));
      await ask(redis, "XCLAIM", stream, "g", "bob", 0, "2-50");

      const count = await trim(redis, stream);

      assert.equal(count, 100);
      assert.deepEqual(await ask(redis, "XRANGE", stream, "2-50", "2-50"), [["2-50", ["a", ""]]]);
    });

    for (const [first, second] of [
      ["9-0", "10-0"],
      ["5-9007199254740992", "5-9007199254741093"],
      ["9007199254740992-0", "9007199254740993-0"],
    ] as const) {
      it(`takes ${first} for less than ${second}`, async () => {
        const redis = await open();
        const stream = newStream();
        await fill(redis, stream, first, second);
        // Redis tells of groups by the order of their names, and the least is not to be the one that comes first.
        await ask(redis, "XGROUP", "CREATE", stream, "g", second);
        await ask(redis, "XGROUP", "CREATE", stream, "h", first);

        const least = await trim(redis, stream);
        await ask(redis, "XGROUP", "DESTROY", stream, "h");

        assert.deepEqual([least, await trim(redis, stream)], [0, BLOCK]);
      });
    }

    it("lets go of TRIM_ENTRIES_MAX at once; a trimmer of all that may go", async () => {
      const redis = await open();
      const stream = newStream();
      const blocks = Array.from({ length: TRIM_ENTRIES_MAX / BLOCK + 2 }, (_, at) => `${at + 1}-0`);
      for (const copy of [stream, `${stream}:copy`]) {
        await fill(redis, copy, ...blocks);
        await ask(redis, "XGROUP", "CREATE", copy, "g", "$");
      }

      const once = await trim(redis, stream);
      const trimmer = new Trimmer({
        redis,
        stream: `${stream}:copy`,
        clock: realClock,
        onTrouble: () => undefined,
        onSetBack: () => undefined,
      });
      must(await trimmer.trim(patient), "trimmed");

      assert.equal(once, TRIM_ENTRIES_MAX);
      assert.equal(await ask(redis, "XLEN", `${stream}:copy`), BLOCK);
    });

    it("sets a stream back whose ids have run ahead, when all of its groups are done with it, and not before", async () => {
      const redis = await open();
      const stream = newStream();
      const farthest = "18446744073709551615-18446744073709551615";
      const setBack = async (): Promise<boolean> => must(await redis.setBack(stream, patient), "set back");
      const add = (): Promise<string> => ask(redis, "XADD", stream, "*", "a", "") as Promise<string>;
      await ask(redis, "XGROUP", "CREATE", stream, "g", "0", "MKSTREAM");
      await add();
      const present = await setBack();
      await ask(redis, "XADD", stream, farthest, "a", "");
      const shut = await redis.call(["XADD", stream, "*", "a", ""], patient);
      const unread = await setBack();
      const [first = "", last = ""] = await give(redis, stream, "g", 2);
      await ask(redis, "XACK", stream, "g", first);
      const pending = await setBack();
      await ask(redis, "XACK", stream, "g", last);
      const done = await setBack();
      const again = await setBack();
      const next = await add();

      assert.deepEqual([present, unread, pending, done, again], [false, false, false, true, false]);
      assert(!shut.ok, "nobody could add");
      assert.equal(last, farthest);
      assert(BigInt(next.split("-")[0] ?? "") < 2n ** 53n, next);
      assert.deepEqual(await give(redis, stream, "g", 1), [next]);
      assert.equal(await ask(redis, "XLEN", stream), 1);
      assert.equal(must(await redis.setBack("nothing", patient), "nothing"), false);
    });

    for (const [what, id] of [
      ["the end of time", "18446744073709551615-18446744073709551615"],
      ["the year 10000", "253402300800000-5"],
    ] as const) {
      it(`sets a stream back that is empty and whose last id is of ${what}, whatever its groups were given`, async () => {
        const redis = await open();
        const stream = newStream();
        for (const group of ["g", "h"]) await ask(redis, "XGROUP", "CREATE", stream, group, "0", "MKSTREAM");
        await ask(redis, "XADD", stream, "5-0", "a", "");
        const [given = ""] = await give(redis, stream, "g", 1);
        await ask(redis, "XADD", stream, "MAXLEN", 0, id, "a", "");

        const pending = must(await redis.setBack(stream, patient), "pending");
        await ask(redis, "XACK", stream, "g", given);
        const done = must(await redis.setBack(stream, patient), "done");
        const next = await ask(redis, "XADD", stream, "*", "a", "");

        assert.deepEqual([pending, done], [false, true]);
        assert.deepEqual([await give(redis, stream, "g", 2), await give(redis, stream, "h", 2)], [[next], [next]]);
      });
    }

    it("sets a stream back when the last of its groups is done with it, and what is left of it goes", async () => {
      const redis = await open();
      const stream = newStream();
      for (const group of ["g", "h"]) await ask(redis, "XGROUP", "CREATE", stream, group, "0", "MKSTREAM");
      const far = ["18446744073709551614-9", "18446744073709551614-10", "18446744073709551615-3"];
      const setBack = async (): Promise<boolean> => must(await redis.setBack(stream, patient), "set back");
      const take = async (group: string, count: number): Promise<void> => {
        await ask(redis, "XACK", stream, group, ...(await give(redis, stream, group, count)));
      };
      const said: boolean[] = [];
      for (const id of far) await ask(redis, "XADD", stream, id, "a", "");
      await take("g", 3);
      said.push(await setBack());
      await take("h", 1);
      said.push(await setBack());
      await take("h", 1);
      said.push(await setBack());
      await ask(redis, "XADD", stream, "18446744073709551615-4", "a", "");
      await take("h", 2);
      said.push(await setBack());
      await take("g", 1);
      said.push(await setBack());

      assert.deepEqual(said, [false, false, false, false, true]);
      assert.equal(await ask(redis, "XLEN", stream), 0);
    });

    it("passes over what is not there, and what is no stream is refused", async () => {
      const redis = await open();
      const stream = newStream();
      const absent = await trim(redis, stream);
      await ask(redis, "SET", stream, "text");

      const refused = await redis.trim(stream, patient);

      assert.equal(absent, 0);
      assert(!refused.ok && refused.failure.code === "redis.refused");
      assert.equal(refused.failure.kind, "WRONGTYPE");
    });
  });
}

const real = redisMissing === undefined ? await startRedis() : undefined;
suite(
  "real",
  async () => (await real?.open()) ?? assert.fail("where there is none these tests are passed over"),
  redisMissing ?? false,
);
const { open, server, clock } = simulated();
suite("simulated", open);

describe("trim (real)", { skip: redisMissing ?? false }, () => {
  it("makes room where there is no memory for more", async () => {
    const redis = (await real?.open()) ?? assert.fail("where there is none this test is passed over");
    await fill(redis, "full", "1-0", "2-0");
    await ask(redis, "XGROUP", "CREATE", "full", "g", "$");
    await ask(redis, "CONFIG", "SET", "maxmemory", 1);

    const count = await trim(redis, "full");
    await ask(redis, "CONFIG", "SET", "maxmemory", 0);

    assert.equal(count, BLOCK);
  });

  it("looks at no entry of a stream that it does not let go of, for one may be of any size (ING-41)", async () => {
    const redis = (await real?.open()) ?? assert.fail("where there is none this test is passed over");
    const waiting = (await real?.open()) ?? assert.fail("where there is none this test is passed over");
    const reader = makeReader({ redis, waiting, clock: realClock, stream: "giant" });
    await readPage(reader);
    for (const id of ["5-0", "18446744073709551615-0"]) await ask(redis, "XADD", "giant", id, "a", "x".repeat(1 * MiB));
    await ask(redis, "CONFIG", "RESETSTAT");

    const beforeBytes = await sentBytes(redis);
    const surveyed = await new GroupCalls({ redis, waiting, stream: "giant", group: "g", consumer: "bob" }).survey(
      patient,
    );
    await trim(redis, "giant");
    const isSetBack = must(await redis.setBack("giant", patient), "set back");
    const afterBytes = await sentBytes(redis);
    const stats = String(await ask(redis, "INFO", "commandstats"));

    assert.equal(must(surveyed, "the look").length, 2);
    assert.equal(isSetBack, false);
    assert(afterBytes - beforeBytes < 100 * KiB, `${afterBytes - beforeBytes} bytes were sent`);
    assert.doesNotMatch(stats, /xinfo\|stream|xrange|xread\b/, "nor in a script, which has it in memory too");
  });

  it("is in the log after what was acknowledged: a server that is killed has both, or only that", async () => {
    assert(real !== undefined, "where there is none this test is passed over");
    const redis = await real.open();
    await ask(redis, "CONFIG", "SET", "appendfsync", "always");
    await fill(redis, "logged", "1-0", "2-0");
    await ask(redis, "XGROUP", "CREATE", "logged", "g", "0");
    const given = await give(redis, "logged", "g", 150);
    await ask(redis, "XACK", "logged", "g", ...given.slice(0, 120));
    await trim(redis, "logged");

    await real.kill();
    await real.start();
    must(await redis.ready(patient), "ready again");

    assert.equal(await ask(redis, "XLEN", "logged"), 100);
    const [pendingCount, lowest] = (await ask(redis, "XPENDING", "logged", "g")) as readonly Told[];
    assert.deepEqual([pendingCount, lowest], [30, "2-20"]);
    assert.equal((await give(redis, "logged", "g", 100)).length, 50);
  });
});

describe("trimmer: its life", () => {
  it("lets go once a second, tells of what keeps it from that, and goes on", async () => {
    const redis = await open();
    const troubles: (string | undefined)[] = [];
    const life = new AbortController();
    const trimmer = new Trimmer({
      redis,
      stream: "life",
      clock,
      onSetBack: () => undefined,
      onTrouble: (trouble) => troubles.push(trouble),
    });
    const running = trimmer.run({ ...patient, signal: life.signal });
    const lengths: Told[] = [];
    const turn = async (): Promise<void> => {
      await clock.advance(TRIM_MS);
      server.heal();
      await clock.advance(TRIM_MS - 1);
      lengths.push(await ask(redis, "XLEN", "life"));
    };

    await fill(redis, "life", "1-0", "2-0");
    await ask(redis, "XGROUP", "CREATE", "life", "g", "$");
    await clock.advance(TRIM_MS);
    lengths.push(await ask(redis, "XLEN", "life"));
    await fill(redis, "life", "3-0");
    await ask(redis, "XGROUP", "SETID", "life", "g", "$");
    server.cut();
    await turn();
    await clock.advance(TRIM_MS);
    lengths.push(await ask(redis, "XLEN", "life"));
    life.abort();
    await clock.advance(TRIM_MS);
    await running;

    assert.deepEqual(lengths, [100, 200, 100]);
    assert.deepEqual(troubles, [undefined, "nobody is there", undefined]);
  });
});

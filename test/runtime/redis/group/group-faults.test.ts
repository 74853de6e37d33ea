/** A reader of a group whose connection breaks at every one of its commands, and what only a Redis in memory lets pass: a day. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { GroupReader } from "#runtime/redis/group/group-reader.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { RedisFate } from "#runtime/simulated/redis.ts";
import { hour } from "#runtime/units.ts";
import { patient } from "#test/kit/patient.ts";
import {
  acknowledge,
  add,
  makeReader,
  pendingIn,
  readPage,
  sayPage,
  untilSettled,
} from "#test/runtime/redis/group/kit.ts";
import { ask, type Simulated, simulated, type Told } from "#test/runtime/redis/kit.ts";

interface Bench extends Simulated {
  /** Past all readers: it never breaks. */
  readonly outside: Redis;
  start(claimIdleMs?: number): GroupReader;
}

async function setUp(): Promise<Bench> {
  const world = simulated();
  const outside = await world.open();
  const redis = await world.open();
  const waiting = await world.open();
  return {
    ...world,
    outside,
    start: (claimIdleMs = 500) => makeReader({ redis, waiting, clock: world.clock, stream: "s", claimIdleMs }),
  };
}

/** Pages of one that asks again and again, and acknowledges all that it is given, until `pageCount` were empty. */
async function live({ clock }: Bench, reader: GroupReader, emptyCountMax: number): Promise<readonly string[]> {
  const said: string[] = [];
  for (let emptyCount = 0; emptyCount < emptyCountMax; ) {
    const read = await untilSettled(clock, reader.read(patient));
    if (!read.ok) {
      await clock.advance(200);
      continue;
    }
    const { entries, lostCount } = read.value;
    emptyCount = entries.length + lostCount === 0 ? emptyCount + 1 : 0;
    said.push(...sayPage(read.value).map((each) => each.replace(/\*.*/, "")));
    const ids = entries.map(({ id }) => id);
    while (!(await untilSettled(clock, reader.ack(ids, patient))).ok) await clock.advance(200);
  }
  return said;
}

describe("group reader: a connection that breaks", () => {
  for (const fate of ["lost", "done-unheard"] satisfies RedisFate[]) {
    it(`at any of its commands (${fate}) loses nothing and gives nothing twice`, async () => {
      let commandCount = Number.POSITIVE_INFINITY;
      let caughtCount = 0;
      for (let at = 0; at < commandCount; at += 1) {
        const bench = await setUp();
        const { server, clock, outside, start } = bench;
        await ask(outside, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
        await add(outside, "s", 1, 3);
        await ask(outside, "XREADGROUP", "GROUP", "g", "dead", "STREAMS", "s", ">");
        await add(outside, "s", 4, 9);
        await ask(outside, "XREADGROUP", "GROUP", "g", "ann", "STREAMS", "s", ">");
        await clock.advance(600);
        await add(outside, "s", 10, 20);

        let count = 0;
        server.fateOf = () => {
          count += 1;
          return count === at + 1 ? fate : "answered";
        };
        const given = await live(bench, start(), 1);
        // What was claimed by an answer that nobody heard is its own.
        await clock.advance(600);
        const late = await live(bench, start(), 1);
        if (count > at) caughtCount += 1;
        commandCount = Math.min(commandCount, count);
        server.fateOf = () => "answered";

        const expected = Array.from({ length: 20 }, (_, index) => `${index + 1}-0`);
        const all = [...given, ...late].sort((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10));
        assert.deepEqual(all, expected, `at command ${at}`);
        assert.deepEqual(late, [], `at command ${at}`);
        assert.deepEqual(await pendingIn(outside, "s"), [], `at command ${at}`);
      }
      assert(caughtCount > 15, `${caughtCount} commands`);
    });

    it(`while it makes the group anew (${fate}) still tells what was lost`, async () => {
      const bench = await setUp();
      const { server, clock, outside, start } = bench;
      const reader = start();
      await live(bench, reader, 2);
      await add(outside, "s", 1, 30);
      const page = await untilSettled(clock, readPage(reader));
      await clock.advance(1100);
      const other = await untilSettled(clock, readPage(reader));

      await ask(outside, "DEL", "s");
      let isBroken = false;
      server.fateOf = (names) => {
        if (isBroken || !names.includes("XGROUP")) return "answered";
        isBroken = true;
        return fate;
      };
      const said = await live(bench, reader, 2);

      assert.equal(isBroken, true);
      assert.deepEqual(said, [`lost ${30 - page.entries.length - other.entries.length}`]);
    });
  }

  it("gives what nobody heard of, and leaves what is in hand as it is", async () => {
    const bench = await setUp();
    const { server, clock, outside, start } = bench;
    const reader = start();
    await live(bench, reader, 2);
    await add(outside, "s", 1, 3);
    const before = sayPage(await untilSettled(clock, readPage(reader)));
    await add(outside, "s", 4, 5);

    server.fateOf = () => "done-unheard";
    const unheard = await untilSettled(clock, reader.read(patient));
    server.fateOf = () => "answered";
    await clock.advance(200);
    const after = sayPage(await untilSettled(clock, readPage(reader)));

    assert.deepEqual([before, unheard.ok, after], [["1-0", "2-0", "3-0"], false, ["4-0*2", "5-0*2"]]);
    assert.deepEqual(
      await pendingIn(outside, "s"),
      ["1-0 ann 1", "2-0 ann 1", "3-0 ann 1", "4-0 ann 2", "5-0 ann 2"],
      "what is in hand was not given again, and does not count as if it had been",
    );
  });

  it("while an acknowledgement is under way leaves the entry in hand, and it can be said again", async () => {
    const bench = await setUp();
    const { server, clock, outside, start } = bench;
    const reader = start();
    await live(bench, reader, 2);
    await add(outside, "s", 1);
    await untilSettled(clock, readPage(reader));

    server.fateOf = (names) => (names.includes("XACK") ? "done-unheard" : "answered");
    const unheard = await untilSettled(clock, reader.ack(["1-0"], patient));
    server.fateOf = () => "answered";
    await clock.advance(1000);

    assert(!unheard.ok && unheard.failure.code === "redis.unreachable");
    assert.equal(reader.heldCount, 1);
    await acknowledge(reader, "1-0");
    assert.equal(reader.heldCount, 0);
  });
});

describe("group reader: a group that several find gone", () => {
  it("is counted by the one that makes it anew", async () => {
    const { clock, outside, open } = await setUp();
    const redis = await open();
    const make = async (consumer: string): Promise<GroupReader> =>
      makeReader({ redis, waiting: await open(), clock, stream: "s", consumer, blockMs: 5000 });
    await ask(outside, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
    await add(outside, "s", 1, 3);
    await ask(outside, "XREADGROUP", "GROUP", "g", "dead", "STREAMS", "s", ">");
    const readers = [await make("ann"), await make("bob")];
    const waiting = readers.map(readPage);
    await clock.settle();

    await ask(outside, "DEL", "s");
    const said = (await Promise.all(waiting)).map(sayPage);

    assert.deepEqual(said, [["lost 3"], []]);
  });
});

describe("group reader: consumers", () => {
  const consumersIn = async (redis: Redis): Promise<readonly Told[]> => {
    const listed = (await ask(redis, "XINFO", "CONSUMERS", "s", "g")) as readonly (readonly Told[])[];
    return listed.map(([, name]) => name ?? null);
  };

  it("that asked for nothing for a day are removed, but for those that have something pending", async () => {
    const bench = await setUp();
    const { clock, outside, start } = bench;
    await ask(outside, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
    await ask(outside, "XGROUP", "CREATECONSUMER", "s", "g", "gone");
    await add(outside, "s", 1);
    await ask(outside, "XREADGROUP", "GROUP", "g", "owes", "STREAMS", "s", ">");
    await clock.advance(1 * hour);
    await ask(outside, "XGROUP", "CREATECONSUMER", "s", "g", "young");
    await add(outside, "s", 2);

    await clock.advance(23 * hour - 50);
    const early = start(48 * hour);
    await untilSettled(clock, readPage(early));
    const before = await consumersIn(outside);
    await clock.advance(1 * hour);
    await untilSettled(clock, readPage(early));

    assert.deepEqual(before, ["ann", "gone", "owes", "young"]);
    assert.deepEqual(await consumersIn(outside), ["ann", "owes", "young"]);
  });
});

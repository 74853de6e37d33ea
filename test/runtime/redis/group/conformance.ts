/**
 * What a reader of a group promises, on a real Redis and on one in memory.
 *
 * Every test has a stream of its own. `pass` lets time go by: really, or not.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Clock } from "#runtime/clock.ts";
import { Defect, must } from "#runtime/errors.ts";
import type { GroupReader } from "#runtime/redis/group/group-reader.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import { patient } from "#test/kit/patient.ts";
import {
  acknowledge,
  add,
  makeReader,
  pendingIn,
  type ReaderSettings,
  readPage,
  sayPage,
} from "#test/runtime/redis/group/kit.ts";
import { ask, type Told } from "#test/runtime/redis/kit.ts";

export interface GroupWorld {
  readonly clock: Clock;
  /** A connection that serves. */
  open(): Promise<Redis>;
  pass(ms: number): Promise<void>;
  /** Waits for what waits for time. */
  until<Value>(waiting: Promise<Value>): Promise<Value>;
}

interface Bench {
  readonly stream: string;
  /** Past all readers. */
  readonly redis: Redis;
  start(settings?: Partial<ReaderSettings>): GroupReader;
  /** Pages until one is empty, said one after another; or until several are, one after another. */
  drain(reader: GroupReader, emptyCountMax?: number): Promise<readonly string[]>;
  next(reader: GroupReader): Promise<readonly string[]>;
}

export function groupSuite(name: string, world: GroupWorld, skip: string | false = false): void {
  let streamCount = 0;
  const { clock } = world;
  // No test reads as two at once, so all of them share what opening costs.
  let opened: { readonly redis: Redis; readonly waiting: Redis } | undefined;

  const setUp = async (): Promise<Bench> => {
    streamCount += 1;
    const stream = `${name}:group:${streamCount}`;
    opened ??= { redis: await world.open(), waiting: await world.open() };
    const { redis, waiting } = opened;
    await ask(redis, "XGROUP", "CREATE", stream, "g", "0", "MKSTREAM");
    const next = async (reader: GroupReader): Promise<readonly string[]> =>
      sayPage(await world.until(readPage(reader)));
    return {
      stream,
      redis,
      next,
      start: (settings = {}) => makeReader({ redis, waiting, clock, stream, ...settings }),
      async drain(reader, emptyCountMax = 1) {
        const said: string[] = [];
        for (let emptyCount = 0; emptyCount < emptyCountMax; ) {
          const page = await next(reader);
          emptyCount = page.length === 0 ? emptyCount + 1 : 0;
          said.push(...page);
        }
        return said;
      },
    };
  };

  describe(`group reader (${name}): new entries`, { skip }, () => {
    it("come in order, in pages, and once", async () => {
      const { stream, redis, start, drain, next } = await setUp();
      await add(redis, stream, 1, 6);
      const reader = start();

      const pages = [await next(reader), await next(reader), await next(reader)];

      assert.deepEqual(pages, [["1-0", "2-0", "3-0", "4-0"], ["5-0", "6-0"], []]);
      await add(redis, stream, 7);
      assert.deepEqual(await drain(reader), ["7-0"]);
      assert.equal(reader.heldCount, 7);
    });

    it("are waited for", async () => {
      const { stream, redis, start } = await setUp();
      const reader = start({ blockMs: 5000 });

      const waiting = readPage(reader);
      await world.pass(20);
      await add(redis, stream, 1);

      assert.deepEqual(sayPage(await waiting), ["1-0"]);
    });

    it("are waited for no longer than the caller may", async () => {
      const { start } = await setUp();
      const reader = start({ blockMs: 60_000 });

      const beganMs = clock.nowMs();
      const waiting = reader.read({ ...patient, deadlineMs: beganMs + 30 });

      assert.deepEqual(must(await world.until(waiting), "a page"), { entries: [], lostCount: 0 });
      assert(clock.nowMs() - beganMs < 30_000);
    });

    it("have their fields as bytes, but for those that come twice", async () => {
      const { stream, redis, start } = await setUp();
      const reader = start();
      const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await ask(redis, "XADD", stream, "1-0", "payload", bytes, "token", "a", "token", "b", Uint8Array.of(255), "c");

      const page = await world.until(readPage(reader));
      const { fields } = page.entries[0] ?? { fields: new Map<string, Uint8Array>() };

      assert.deepEqual([...fields.keys()], ["payload", "\u00ff"]);
      assert(Buffer.from(fields.get("payload") ?? []).equals(bytes));
    });

    it("are shared among all readers of the group", async () => {
      const { stream, redis, start, drain, next } = await setUp();
      const [ann, bob] = [start(), start({ consumer: "bob" })];
      await add(redis, stream, 1, 5);

      const [one, other] = [await next(bob), await drain(ann)];

      assert.deepEqual([one, other], [["1-0", "2-0", "3-0", "4-0"], ["5-0"]]);
    });

    it("are no more than the caller may hold", async () => {
      const { stream, redis, start, next } = await setUp();
      const reader = start({ heldCountMax: 5 });
      await add(redis, stream, 1, 8);

      const pages = [await next(reader), await next(reader)];
      await assert.rejects(reader.read(patient), Defect);
      await acknowledge(reader, "1-0", "5-0");

      assert.deepEqual(pages, [["1-0", "2-0", "3-0", "4-0"], ["5-0"]]);
      assert.deepEqual(await next(reader), ["6-0", "7-0"]);
    });

    it("that are large come in smaller pages", async () => {
      const { stream, redis, start, next } = await setUp();
      const reader = start({ pageBytesMax: 1000 });
      for (let ms = 1; ms <= 8; ms += 1) await ask(redis, "XADD", stream, `${ms}-0`, "payload", "x".repeat(400));

      const counts = [];
      for (let page = 0; page < 4; page += 1) counts.push((await next(reader)).length);

      assert.deepEqual(counts, [4, 2, 2, 0]);
    });
  });

  describe(`group reader (${name}): acknowledged entries`, { skip }, () => {
    it("are pending no more, and given to nobody", async () => {
      const { stream, redis, start, drain } = await setUp();
      const reader = start();
      await add(redis, stream, 1, 3);
      await drain(reader);

      await acknowledge(reader, "1-0", "3-0");
      await acknowledge(reader, "1-0");
      await acknowledge(reader);

      assert.deepEqual(await pendingIn(redis, stream), ["2-0 ann 1"]);
      assert.equal(reader.heldCount, 1);
      assert.deepEqual(await drain(start()), ["2-0*2"]);
    });

    it("are so by thousands at once", async () => {
      const { stream, redis, start } = await setUp();
      const reader = start({ pageCountMax: 4000, heldCountMax: 4000, pageBytesMax: 1_000_000 });
      await add(redis, stream, 1, 2500);
      const ids: string[] = [];
      while (ids.length < 2500) ids.push(...(await world.until(readPage(reader))).entries.map(({ id }) => id));

      await acknowledge(reader, ...ids);

      assert.deepEqual(await pendingIn(redis, stream), []);
      assert.equal(reader.heldCount, 0);
    });

    it("are so though somebody else has claimed them", async () => {
      const { stream, redis, start, drain } = await setUp();
      const reader = start();
      await add(redis, stream, 1);
      await drain(reader);
      await ask(redis, "XCLAIM", stream, "g", "bob", 0, "1-0");

      await acknowledge(reader, "1-0");

      assert.deepEqual(await pendingIn(redis, stream), []);
    });
  });

  describe(`group reader (${name}): pending entries`, { skip }, () => {
    it("of its own come first after a restart, then new ones, and say how often they were given", async () => {
      const { stream, redis, start, drain } = await setUp();
      await add(redis, stream, 1, 6);
      const first = start();
      await drain(first);
      await acknowledge(first, "2-0");
      await add(redis, stream, 7);

      const again = await drain(start());
      const third = await drain(start());

      assert.deepEqual(again, ["1-0*2", "3-0*2", "4-0*2", "5-0*2", "6-0*2", "7-0"]);
      assert.deepEqual(third, ["1-0*3", "3-0*3", "4-0*3", "5-0*3", "6-0*3", "7-0*2"]);
    });

    it("of others come when they were left for long enough, and no sooner", async () => {
      const { stream, redis, start, drain } = await setUp();
      await add(redis, stream, 1, 6);
      await drain(start({ consumer: "dead" }));

      await world.pass(20);
      const soon = await drain(start({ consumer: "bob", claimIdleMs: 60_000 }));
      const late = await drain(start({ claimIdleMs: 20 }));

      assert.deepEqual(soon, []);
      assert.deepEqual(late, ["1-0*2", "2-0*2", "3-0*2", "4-0*2", "5-0*2", "6-0*2"]);
      assert.equal((await pendingIn(redis, stream)).filter((row) => row.includes(" ann ")).length, 6);
    });

    it("that the caller has in hand are not given to it again, however long it has them", async () => {
      const { stream, redis, start, drain } = await setUp();
      await add(redis, stream, 1, 3);
      const reader = start({ claimIdleMs: 20 });
      await drain(reader);

      await world.pass(50);
      const late = await drain(reader);

      assert.deepEqual(late, []);
      assert.deepEqual(await pendingIn(redis, stream), ["1-0 ann 1", "2-0 ann 1", "3-0 ann 1"]);
    });

    it("that the caller attends to are given to nobody else, and that is no delivery", async () => {
      const { stream, redis, start, drain } = await setUp();
      const reader = start({ claimIdleMs: 400 });
      await add(redis, stream, 1, 2);
      await drain(reader);
      const life = new AbortController();
      const attended = reader.attend({ ...patient, signal: life.signal });
      await acknowledge(reader, "1-0");
      const other = start({ consumer: "bob", claimIdleMs: 400 });
      const meanwhile: string[] = [];
      for (let count = 0; count < 8; count += 1) {
        await world.pass(150);
        meanwhile.push(...(await drain(other)));
      }
      const pending = await pendingIn(redis, stream);
      life.abort();
      await world.until(attended);
      await world.pass(500);

      assert.deepEqual([meanwhile, pending], [[], ["2-0 ann 1"]]);
      assert.deepEqual(await drain(other), ["2-0*2"]);
    });

    it("that nobody heard of are given, between those in hand", async () => {
      const { stream, redis, start, drain } = await setUp();
      await add(redis, stream, 1, 7);
      const reader = start({ claimIdleMs: 20 });
      await drain(reader);
      await acknowledge(reader, "1-0", "7-0");
      // As if an answer had been lost, of a connection that Redis served late.
      await add(redis, stream, 8, 9);
      await ask(redis, "XREADGROUP", "GROUP", "g", "ann", "STREAMS", stream, ">");
      await add(redis, stream, 10);
      const fresh = await drain(reader);

      await world.pass(50);

      assert.deepEqual([fresh, await drain(reader)], [["10-0"], ["8-0*2", "9-0*2"]]);
    });

    it("that were trimmed are lost, and counted once", async () => {
      const { stream, redis, start, drain } = await setUp();
      await add(redis, stream, 1, 6);
      await drain(start());
      await drain(start({ consumer: "dead" }));
      await add(redis, stream, 7, 9);
      await ask(redis, "XREADGROUP", "GROUP", "g", "dead", "STREAMS", stream, ">");
      await ask(redis, "XTRIM", stream, "MINID", "4-0");
      await ask(redis, "XDEL", stream, "8-0");

      const own = await drain(start({ claimIdleMs: 60_000 }));
      await world.pass(20);
      const left = await drain(start({ consumer: "bob", claimIdleMs: 20, claimIntervalMs: 60_000 }));

      assert.deepEqual(own, ["4-0*2", "lost 3", "5-0*2", "6-0*2"]);
      assert.deepEqual(left, ["4-0*3", "5-0*3", "6-0*3", "7-0*2", "9-0*2", "lost 1"]);
      assert.equal((await pendingIn(redis, stream)).length, 5);
    });

    it("that were trimmed while another has them in hand are not lost", async () => {
      const { stream, redis, start, drain } = await setUp();
      await add(redis, stream, 1, 4);
      await drain(start({ consumer: "dead" }));
      await world.pass(1000);
      await add(redis, stream, 5, 6);
      await ask(redis, "XREADGROUP", "GROUP", "g", "bob", "STREAMS", stream, ">");
      await ask(redis, "XTRIM", stream, "MAXLEN", 0);

      const said = await drain(start({ claimIdleMs: 900 }));

      assert.deepEqual(said, ["lost 4"]);
      assert.deepEqual(await pendingIn(redis, stream), ["5-0 bob 1", "6-0 bob 1"]);
    });
  });

  describe(`group reader (${name}): a group that is gone`, { skip }, () => {
    it("is made anew, and what is known to be gone with it is counted", async () => {
      const { stream, redis, start, drain, next } = await setUp();
      await add(redis, stream, 1, 10);
      await next(start({ consumer: "dead" }));
      const reader = start();
      const given = await next(reader);
      await acknowledge(reader, ...given.slice(0, 2));

      await ask(redis, "DEL", stream);
      await add(redis, stream, 100, 101);
      const after = await drain(reader, 2);

      assert.deepEqual(given, ["5-0", "6-0", "7-0", "8-0"]);
      // Two that nobody had read, and the four of the dead one.
      assert.deepEqual(after, ["lost 6", "100-0", "101-0"]);
      await acknowledge(reader, "7-0", "8-0");
      assert.deepEqual(await pendingIn(redis, stream), ["100-0 ann 1", "101-0 ann 1"]);
    });

    it("while the stream is not is read anew, and nothing is lost", async () => {
      const { stream, redis, start, drain } = await setUp();
      await add(redis, stream, 1, 3);
      const reader = start();
      await drain(reader);
      await add(redis, stream, 4);

      await ask(redis, "XGROUP", "DESTROY", stream, "g");

      assert.deepEqual(await drain(reader, 2), ["1-0", "2-0", "3-0", "4-0"]);
    });

    it("is made by one, which alone counts", async () => {
      const { stream, redis, start, drain, next } = await setUp();
      await add(redis, stream, 1, 4);
      const readers = [start(), start({ consumer: "bob" })] as const;
      await add(redis, stream, 5, 9);
      const given = [await next(readers[0]), await next(readers[1])];

      await ask(redis, "DEL", stream);
      const said = [await drain(readers[1]), await drain(readers[0])];

      assert.deepEqual(given, [
        ["1-0", "2-0", "3-0", "4-0"],
        ["5-0", "6-0", "7-0", "8-0"],
      ]);
      // The one that nobody had read, and the four that the other has in hand.
      assert.deepEqual(said, [["lost 5"], []]);
    });

    it("is not there at first, which is no loss", async () => {
      const { stream, redis, start, drain } = await setUp();
      await ask(redis, "DEL", stream);

      assert.deepEqual(await drain(start(), 2), []);
      assert.deepEqual(await pendingIn(redis, stream), []);
    });

    it("while a page is waited for is made anew", async () => {
      const { stream, redis, start, drain } = await setUp();
      const reader = start({ blockMs: 60 });

      const waiting = readPage(reader);
      await world.pass(20);
      await ask(redis, "DEL", stream);
      await add(redis, stream, 1);
      const first = sayPage(await world.until(waiting));

      assert.deepEqual([...first, ...(await drain(reader, 2))], ["1-0"]);
    });
  });

  describe(`group reader (${name}): the backlog`, { skip }, () => {
    it("is what nobody was given, and what nobody acknowledged", async () => {
      const { stream, redis, start, next } = await setUp();
      await add(redis, stream, 1, 6);
      const reader = start();
      const before = reader.backlog;
      await next(reader);
      const first = reader.backlog;
      await world.pass(1100);
      await next(reader);
      const { unreadCount, pendingCount } = reader.backlog ?? {};

      assert.equal(before, undefined);
      assert.deepEqual([first?.unreadCount, first?.pendingCount], [6, 0]);
      assert.deepEqual([unreadCount, pendingCount], [2, 4]);
    });
  });

  describe(`group reader (${name}): consumers`, { skip }, () => {
    it("that asked a moment ago stay, with nothing pending too", async () => {
      const { stream, redis, start, drain } = await setUp();
      await add(redis, stream, 1);
      const bob = start({ consumer: "bob" });
      await drain(bob);
      await acknowledge(bob, "1-0");

      await drain(start());

      const consumers = (await ask(redis, "XINFO", "CONSUMERS", stream, "g")) as readonly (readonly Told[])[];
      assert.deepEqual(
        consumers.map(([, consumer]) => consumer),
        ["bob"],
      );
    });
  });
}

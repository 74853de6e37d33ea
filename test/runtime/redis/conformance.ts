/**
 * What both halves of the seam to Redis promise: the suite that a real one and the simulated one pass.
 *
 * Every test has keys of its own, so that they need not wait for one another. `pass` lets time go by: really, or not.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Defect, fail, must, ok } from "#runtime/errors.ts";
import type { StreamBounds } from "#runtime/redis/append.ts";
import type { Redis, RedisCommand, RedisWord } from "#runtime/redis/redis.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { patient } from "#test/kit/patient.ts";
import { ask, refusalOf, type Told, told } from "#test/runtime/redis/kit.ts";

export interface RedisUnderTest {
  /** A connection that serves. */
  open(): Promise<Redis>;
  pass(ms: number): Promise<void>;
}

const BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

export function redisSuite(name: string, world: RedisUnderTest, skip: string | false = false): void {
  const { open, pass } = world;
  let keyCount = 0;
  const newKey = (): string => {
    keyCount += 1;
    return `${name}:${keyCount}`;
  };
  /** A stream with the entries `1-0` … , and a group that has read nothing of it. */
  const fill = async (redis: Redis, entryCount: number, group = "g"): Promise<string> => {
    const key = newKey();
    await ask(redis, "XGROUP", "CREATE", key, group, "0", "MKSTREAM");
    const added = await redis.batch(
      Array.from({ length: entryCount }, (_, at): RedisCommand => ["XADD", key, `${at + 1}-0`, "n", at + 1]),
      patient,
    );
    for (const each of added) must(each, "an entry");
    return key;
  };
  const read = (redis: Redis, key: string, consumer: string, ...options: readonly (string | number)[]): Promise<Told> =>
    ask(redis, "XREADGROUP", "GROUP", "g", consumer, ...options, "STREAMS", key, ">");
  const idsIn = (reply: Told): readonly Told[] => {
    const [stream] = (reply ?? []) as readonly Told[];
    const [, entries] = (stream ?? []) as readonly Told[];
    return ((entries ?? []) as readonly (readonly Told[])[]).map(([id]) => id ?? null);
  };
  /** Without how long ago it was. */
  const pendingIn = async (redis: Redis, key: string): Promise<readonly Told[]> => {
    const listed = await ask(redis, "XPENDING", key, "g", "-", "+", 100);
    return (listed as readonly (readonly Told[])[]).map(([id, consumer, , count]) => [id, consumer, count] as Told);
  };
  const fieldIn = async (redis: Redis, field: string, ...command: RedisCommand): Promise<Told> => {
    const described = (await ask(redis, ...command)) as readonly Told[];
    const fields = (Array.isArray(described[0]) ? described[0] : described) as readonly Told[];
    return fields[fields.indexOf(field) + 1] ?? null;
  };

  describe(`redis (${name}): words`, { skip }, () => {
    it("are any bytes, and come back as they were", async () => {
      const redis = await open();
      const key = newKey();

      await ask(redis, "XADD", key, "1-0", "bytes", BYTES, "text", "é\u{1f600}", "number", -42, "nothing", "");
      const reply = must(await redis.call(["XRANGE", key, "-", "+"], patient), "the entry") as unknown as [
        [unknown, readonly Uint8Array[]],
      ];

      const [, fields] = reply[0];
      assert(Buffer.from(fields[1] ?? []).equals(BYTES));
      assert.deepEqual(
        fields.slice(2).map((field) => Buffer.from(field).toString()),
        ["text", "é\u{1f600}", "number", "-42", "nothing", ""],
      );
    });

    it("are taken at the call: what the caller does with its bytes then changes nothing", async () => {
      const redis = await open();
      const key = newKey();
      const bytes = Buffer.from("before");

      const answers = redis.batch(
        [
          ["SET", key, bytes],
          ["GET", key],
        ],
        patient,
      );
      bytes.fill("x");

      assert.deepEqual(
        (await answers).map((answer) => told(must(answer, "an answer"))),
        ["OK", "before"],
      );
    });

    it("of a key may be any bytes too", async () => {
      const redis = await open();
      const key = Buffer.concat([Buffer.from(newKey()), BYTES]);

      await ask(redis, "SET", key, "1");

      assert.equal(await ask(redis, "GET", key), "1");
      assert.equal(await ask(redis, "GET", key.subarray(0, -1)), null);
    });

    it("name a command in any case", async () => {
      const redis = await open();
      const key = newKey();

      assert.equal(await ask(redis, "xadd", key, "maxlen", 1, "1-0", "a", "b"), "1-0");
      assert.equal(await ask(redis, "Xgroup", "create", key, "g", "0"), "OK");
      const group = ["xreadgroup", "group", "g", "c", "count", 1, "streams", key, ">"] as const;
      assert.deepEqual(idsIn(await ask(redis, ...group)), ["1-0"]);
    });

    it("that leave something behind on the connection, scripts, and waits without an end are defects", async () => {
      const redis = await open();
      const wrong: readonly RedisCommand[] = [
        ["SUBSCRIBE", "a"],
        ["select", 1],
        ["MULTI"],
        ["EVAL", "return 1", 0],
        ["BLPOP", "a", 0],
        ["XREAD", "BLOCK", 0, "STREAMS", "a", "$"],
        ["XREAD", "BLOCK", 60_001, "STREAMS", "a", "$"],
        ["XREAD", "BLOCK", "soon", "STREAMS", "a", "$"],
        ["SET", "a", 0.5],
        ["SET", "a", 2 ** 53],
      ];

      for (const command of wrong) await assert.rejects(redis.call(command, patient), Defect, command.join(" "));
      await assert.rejects(redis.batch([["PING"], ["XREAD", "BLOCK", 1, "STREAMS", "a", "$"]], patient), Defect);
      await assert.rejects(redis.transaction([["WATCH", "a"]], patient), Defect);
    });
  });

  describe(`redis (${name}): values`, { skip }, () => {
    it("are set once with NX, and then only with XX", async () => {
      const redis = await open();
      const key = newKey();

      assert.equal(await ask(redis, "SET", key, "1", "XX"), null);
      assert.equal(await ask(redis, "SET", key, "1", "NX"), "OK");
      assert.equal(await ask(redis, "SET", key, "2", "NX"), null);
      assert.equal(await ask(redis, "SET", key, "3", "XX", "GET"), "1");
      assert.equal(await ask(redis, "GET", key), "3");
      assert.equal(await ask(redis, "EXISTS", key, key, newKey()), 2);
      assert.equal(await ask(redis, "DEL", key, newKey()), 1);
      assert.equal(await ask(redis, "GET", key), null);
    });

    it("are gone when their time is over, and can be set once again", async () => {
      const redis = await open();
      const key = newKey();

      assert.equal(await ask(redis, "SET", key, "1", "NX", "PX", 60), "OK");
      assert.equal(await ask(redis, "SET", key, "2", "NX", "PX", 60), null);
      const leftMs = await ask(redis, "PTTL", key);
      await pass(80);

      assert(typeof leftMs === "number" && leftMs > 0 && leftMs <= 60);
      assert.equal(await ask(redis, "GET", key), null);
      assert.equal(await ask(redis, "PTTL", key), -2);
      assert.equal(await ask(redis, "SET", key, "3", "NX", "PX", 60_000), "OK");
    });

    it("are given a time afterwards, keep it, or lose it", async () => {
      const redis = await open();
      const key = newKey();

      assert.equal(await ask(redis, "EXPIRE", key, 100), 0);
      await ask(redis, "SET", key, "1");
      assert.equal(await ask(redis, "TTL", key), -1);
      assert.equal(await ask(redis, "EXPIRE", key, 100), 1);
      assert.equal(await ask(redis, "TTL", key), 100);
      await ask(redis, "SET", key, "2", "KEEPTTL");
      assert.equal(await ask(redis, "TTL", key), 100);
      await ask(redis, "INCR", key);
      assert.equal(await ask(redis, "TTL", key), 100);
      await ask(redis, "SET", key, "3");
      assert.equal(await ask(redis, "TTL", key), -1);
      assert.equal(await ask(redis, "PEXPIRE", key, -1), 1);
      assert.equal(await ask(redis, "EXISTS", key), 0);
    });

    it("are counted up, as far as there are numbers", async () => {
      const redis = await open();
      const key = newKey();

      assert.equal(await ask(redis, "INCR", key), 1);
      assert.equal(await ask(redis, "INCR", key), 2);
      await ask(redis, "SET", key, "9223372036854775807");
      assert.equal(await refusalOf(redis, "INCR", key), "ERR increment or decrement would overflow");
      await ask(redis, "SET", key, "x");
      assert.equal(await refusalOf(redis, "INCR", key), "ERR value is not an integer or out of range");
      assert.equal(await refusalOf(redis, "SET", key, "1", "PX", 0), "ERR invalid expire time in 'set' command");
    });

    it("of one kind are not read as another", async () => {
      const redis = await open();
      const stream = await fill(redis, 1);
      const text = newKey();
      await ask(redis, "SET", text, "1");
      const wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";

      const commands: readonly RedisCommand[] = [
        ["GET", stream],
        ["INCR", stream],
        ["SET", stream, "1", "GET"],
        ["XADD", text, "*", "a", "b"],
        ["XLEN", text],
        ["XREAD", "STREAMS", text, "0"],
        ["XGROUP", "CREATE", text, "g", "0"],
        ["XACK", text, "g", "1-0"],
        ["XINFO", "STREAM", text],
      ];
      for (const command of commands) {
        assert.equal(await refusalOf(redis, ...command), wrong, command.join(" "));
      }
      assert.equal(await ask(redis, "SET", stream, "1"), "OK");
    });

    it("tell the time of the server", async () => {
      const redis = await open();

      const [seconds, microseconds] = (await ask(redis, "TIME")) as readonly string[];

      assert(Number(seconds) > 1_700_000_000 && Number(microseconds) < 1_000_000);
      assert.equal(await ask(redis, "PING"), "PONG");
      assert.equal(await ask(redis, "PING", "hello"), "hello");
    });
  });

  describe(`redis (${name}): streams`, { skip }, () => {
    it("take entries in the order of their ids, and no others", async () => {
      const redis = await open();
      const key = newKey();

      assert.equal(await ask(redis, "XADD", key, "NOMKSTREAM", "1-1", "a", "b"), null);
      assert.equal(await ask(redis, "XADD", key, "1-1", "a", "b"), "1-1");
      assert.equal(await ask(redis, "XADD", key, "1-*", "a", "b"), "1-2");
      assert.equal(await ask(redis, "XADD", key, "5-*", "a", "b"), "5-0");
      assert.equal(await ask(redis, "XADD", key, "6", "a", "b"), "6-0");
      const small = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
      assert.equal(await refusalOf(redis, "XADD", key, "6-0", "a", "b"), small);
      assert.equal(await refusalOf(redis, "XADD", key, "5-*", "a", "b"), small);
      assert.match(await refusalOf(redis, "XADD", key, "0-0", "a", "b"), /must be greater than 0-0$/);
      assert.match(await refusalOf(redis, "XADD", key, "x", "a", "b"), /^ERR Invalid stream ID/);
      assert.match(await refusalOf(redis, "XADD", key, "7-0", "a"), /^ERR wrong number of arguments for 'xadd'/);
      assert.equal(await ask(redis, "XLEN", key), 4);
    });

    it("make ids of the time, each larger than the one before", async () => {
      const redis = await open();
      const key = newKey();

      const added = await redis.batch(
        Array.from({ length: 50 }, (): RedisCommand => ["XADD", key, "*", "a", "b"]),
        patient,
      );
      const [seconds] = (await ask(redis, "TIME")) as readonly string[];

      const ids = added.map((answer) =>
        String(told(must(answer, "an id")))
          .split("-")
          .map(Number),
      );
      for (const [at, [ms = 0, sequence = 0]] of ids.entries()) {
        const [msBefore = 0, sequenceBefore = 0] = ids[at - 1] ?? [0, -1];
        assert(ms > msBefore || (ms === msBefore && sequence > sequenceBefore));
      }
      assert(Math.abs((ids[0]?.[0] ?? 0) / 1000 - Number(seconds)) < 5);
    });

    it("end with the last id that there is", async () => {
      const redis = await open();
      const key = newKey();
      const last = "18446744073709551615-18446744073709551615";

      assert.equal(await ask(redis, "XADD", key, last, "a", "b"), last);

      assert.match(
        await refusalOf(redis, "XADD", key, "*", "a", "b"),
        /^ERR The stream has exhausted the last possible ID/,
      );
      assert.deepEqual(await ask(redis, "XRANGE", key, last, "+"), [[last, ["a", "b"]]]);
    });

    it("are read in ranges, from both sides, with and without their ends", async () => {
      const redis = await open();
      const key = await fill(redis, 5);
      const ids = async (...command: RedisCommand): Promise<string> =>
        ((await ask(redis, ...command)) as readonly (readonly Told[])[]).map(([id]) => String(id)[0]).join("");

      assert.equal(await ids("XRANGE", key, "-", "+"), "12345");
      assert.equal(await ids("XRANGE", key, "2", "4"), "234");
      assert.equal(await ids("XRANGE", key, "(2-0", "(4-0"), "3");
      assert.equal(await ids("XRANGE", key, "-", "+", "COUNT", 2), "12");
      assert.equal(await ids("XREVRANGE", key, "+", "-", "COUNT", 2), "54");
      assert.equal(await ids("XREVRANGE", key, "(4", "2"), "432");
      assert.equal(await ids("XRANGE", key, "4", "2"), "");
      assert.deepEqual(await ask(redis, "XRANGE", newKey(), "-", "+"), []);
      assert.match(await refusalOf(redis, "XRANGE", key, "a", "+"), /^ERR Invalid stream ID/);
    });

    it("are trimmed by count or by id, exactly or about so", async () => {
      const redis = await open();
      const key = await fill(redis, 10);

      assert.equal(await ask(redis, "XTRIM", key, "MAXLEN", 8), 2);
      assert.equal(await ask(redis, "XTRIM", key, "MINID", "=", "5"), 2);
      assert.equal(await ask(redis, "XLEN", key), 6);
      assert.equal(await ask(redis, "XADD", key, "MAXLEN", 3, "11-0", "a", "b"), "11-0");
      assert.equal(await ask(redis, "XLEN", key), 3);
      assert.equal(await ask(redis, "XTRIM", key, "MAXLEN", "~", 1), 0, "fewer than a real one has in a block");
      assert.equal(await ask(redis, "XADD", key, "MINID", "11-0", "12-0", "a", "b"), "12-0");
      assert.equal(await ask(redis, "XLEN", key), 2);
      assert.equal(await ask(redis, "XTRIM", key, "MAXLEN", 0), 2);
      assert.equal(await ask(redis, "EXISTS", key), 1, "an empty stream is there");
      assert.match(await refusalOf(redis, "XTRIM", key, "MAXLEN", -1), /^ERR The MAXLEN argument must be >= 0/);
    });

    it("of many entries are about as long as they are told, and never shorter", async () => {
      const redis = await open();
      const key = await fill(redis, 1000);

      await ask(redis, "XTRIM", key, "MAXLEN", "~", 450);

      const length = (await ask(redis, "XLEN", key)) as number;
      assert(length >= 450 && length < 1000, `${length} are left`);
    });

    it("lose entries by their ids, which are not given again", async () => {
      const redis = await open();
      const key = await fill(redis, 3);

      assert.equal(await ask(redis, "XDEL", key, "3-0", "3-0", "9-9"), 1);
      assert.match(await refusalOf(redis, "XADD", key, "3-0", "a", "b"), /equal or smaller/);
      assert.equal(await ask(redis, "XDEL", newKey(), "1-0"), 0);
      assert.equal(await fieldIn(redis, "length", "XINFO", "STREAM", key), 2);
      assert.equal(await fieldIn(redis, "last-generated-id", "XINFO", "STREAM", key), "3-0");
      assert.equal(await fieldIn(redis, "max-deleted-entry-id", "XINFO", "STREAM", key), "3-0");
      assert.equal(await fieldIn(redis, "entries-added", "XINFO", "STREAM", key), 3);
      assert.equal(await refusalOf(redis, "XINFO", "STREAM", newKey()), "ERR no such key");
    });

    it("are read from an id on, several at once", async () => {
      const redis = await open();
      const [one, other] = [await fill(redis, 3), await fill(redis, 1)];

      const both = await ask(redis, "XREAD", "COUNT", 1, "STREAMS", one, other, "1-0", "0");

      assert.deepEqual(both, [
        [one, [["2-0", ["n", "2"]]]],
        [other, [["1-0", ["n", "1"]]]],
      ]);
      assert.equal(await ask(redis, "XREAD", "STREAMS", one, other, "3-0", "$"), null);
    });
  });

  describe(`redis (${name}): groups`, { skip }, () => {
    it("are made once, at an id or at the end", async () => {
      const redis = await open();
      const key = newKey();

      assert.match(
        await refusalOf(redis, "XGROUP", "CREATE", key, "g", "$"),
        /^ERR The XGROUP subcommand requires the key/,
      );
      assert.equal(await ask(redis, "XGROUP", "CREATE", key, "g", "$", "MKSTREAM"), "OK");
      assert.equal(
        await refusalOf(redis, "XGROUP", "CREATE", key, "g", "0", "MKSTREAM"),
        "BUSYGROUP Consumer Group name already exists",
      );
      await ask(redis, "XADD", key, "1-0", "a", "b");
      await ask(redis, "XGROUP", "CREATE", key, "late", "$");
      assert.deepEqual(idsIn(await read(redis, key, "c")), ["1-0"]);
      assert.equal(await ask(redis, "XREADGROUP", "GROUP", "late", "c", "STREAMS", key, ">"), null);
      assert.equal(await ask(redis, "XGROUP", "DESTROY", key, "late"), 1);
      assert.equal(await ask(redis, "XGROUP", "DESTROY", key, "late"), 0);
    });

    it("that are not there are told of", async () => {
      const redis = await open();
      const key = newKey();
      const none = `NOGROUP No such key '${key}' or consumer group 'g'`;

      assert.equal(
        await refusalOf(redis, "XREADGROUP", "GROUP", "g", "c", "STREAMS", key, ">"),
        `${none} in XREADGROUP with GROUP option`,
      );
      await ask(redis, "XADD", key, "1-0", "a", "b");
      assert.equal(
        await refusalOf(redis, "XREADGROUP", "GROUP", "g", "c", "STREAMS", key, "0"),
        `${none} in XREADGROUP with GROUP option`,
      );
      assert.equal(await refusalOf(redis, "XPENDING", key, "g"), none);
      assert.equal(await refusalOf(redis, "XCLAIM", key, "g", "c", 0, "1-0"), none);
      assert.equal(await refusalOf(redis, "XAUTOCLAIM", key, "g", "c", 0, "0"), none);
      assert.match(
        await refusalOf(redis, "XGROUP", "SETID", key, "g", "0"),
        /^NOGROUP No such consumer group 'g' for key name/,
      );
      assert.equal(await ask(redis, "XACK", key, "g", "1-0"), 0);
    });

    it("give every entry to one consumer, in order", async () => {
      const redis = await open();
      const key = await fill(redis, 4);

      const given = [
        idsIn(await read(redis, key, "ann", "COUNT", 1)),
        idsIn(await read(redis, key, "bob", "COUNT", 2)),
        idsIn(await read(redis, key, "ann")),
        await read(redis, key, "bob"),
      ];

      assert.deepEqual(given, [["1-0"], ["2-0", "3-0"], ["4-0"], null]);
      assert.deepEqual(await ask(redis, "XPENDING", key, "g"), [
        4,
        "1-0",
        "4-0",
        [
          ["ann", "2"],
          ["bob", "2"],
        ],
      ]);
    });

    it("give a consumer again what it has not acknowledged, and count that", async () => {
      const redis = await open();
      const key = await fill(redis, 3);
      await read(redis, key, "c");
      const own = (): Promise<Told> => ask(redis, "XREADGROUP", "GROUP", "g", "c", "STREAMS", key, "0");

      assert.equal(await ask(redis, "XACK", key, "g", "2-0", "2-0", "9-9"), 1);
      const again = idsIn(await own());
      assert.equal(await ask(redis, "XACK", key, "g", "1-0", "3-0"), 2);

      assert.deepEqual(again, ["1-0", "3-0"]);
      assert.deepEqual(await own(), [[key, []]]);
      assert.deepEqual(await ask(redis, "XPENDING", key, "g"), [0, null, null, null]);
    });

    it("count how often something was given", async () => {
      const redis = await open();
      const key = await fill(redis, 2);
      await read(redis, key, "ann");
      await ask(redis, "XREADGROUP", "GROUP", "g", "ann", "STREAMS", key, "1-0");
      await ask(redis, "XCLAIM", key, "g", "bob", 0, "1-0");
      await ask(redis, "XCLAIM", key, "g", "bob", 0, "2-0", "JUSTID");

      assert.deepEqual(await pendingIn(redis, key), [
        ["1-0", "bob", 2],
        ["2-0", "bob", 2],
      ]);
    });

    it("keep nothing of what is read with NOACK", async () => {
      const redis = await open();
      const key = await fill(redis, 2);

      assert.deepEqual(idsIn(await read(redis, key, "c", "NOACK")), ["1-0", "2-0"]);

      assert.deepEqual(await pendingIn(redis, key), []);
    });

    it("tell of what is gone from the stream that it was given: by its id, without anything", async () => {
      const redis = await open();
      const key = await fill(redis, 3);
      await read(redis, key, "c");

      await ask(redis, "XTRIM", key, "MAXLEN", 1);
      const own = await ask(redis, "XREADGROUP", "GROUP", "g", "c", "STREAMS", key, "0");

      assert.deepEqual(own, [
        [
          key,
          [
            ["1-0", null],
            ["2-0", null],
            ["3-0", ["n", "3"]],
          ],
        ],
      ]);
      assert.equal((await pendingIn(redis, key)).length, 3);
    });

    it("list what is pending, by consumer, by range, and by how long it has been so", async () => {
      const redis = await open();
      const key = await fill(redis, 4);
      await read(redis, key, "ann", "COUNT", 2);
      await pass(40);
      await read(redis, key, "bob");
      const ids = async (...words: readonly (string | number)[]): Promise<readonly Told[]> =>
        ((await ask(redis, "XPENDING", key, "g", ...words)) as readonly (readonly Told[])[]).map(([id]) => id ?? null);

      assert.deepEqual(await ids("IDLE", 30, "-", "+", 10), ["1-0", "2-0"]);
      assert.deepEqual(await ids("-", "+", 10, "bob"), ["3-0", "4-0"]);
      assert.deepEqual(await ids("(1-0", "3-0", 10), ["2-0", "3-0"]);
      assert.deepEqual(await ids("-", "+", 1), ["1-0"]);
      assert.deepEqual(await ids("-", "+", 10, "nobody"), []);
    });

    it("know how far they are behind", async () => {
      const redis = await open();
      const key = await fill(redis, 5);

      const before = await fieldIn(redis, "lag", "XINFO", "GROUPS", key);
      await read(redis, key, "c", "COUNT", 2);

      assert.equal(before, 5);
      assert.equal(await fieldIn(redis, "lag", "XINFO", "GROUPS", key), 3);
      assert.equal(await fieldIn(redis, "entries-read", "XINFO", "GROUPS", key), 2);
      assert.equal(await fieldIn(redis, "pending", "XINFO", "GROUPS", key), 2);
      assert.equal(await fieldIn(redis, "last-delivered-id", "XINFO", "GROUPS", key), "2-0");
      assert.equal(await fieldIn(redis, "pending", "XINFO", "CONSUMERS", key, "g"), 2);
      await ask(redis, "XDEL", key, "4-0");
      assert.equal(await fieldIn(redis, "lag", "XINFO", "GROUPS", key), null, "what was deleted ahead is not known");
    });

    it("are set to another place, and have consumers made and removed", async () => {
      const redis = await open();
      const key = await fill(redis, 3);
      await read(redis, key, "c");

      assert.equal(await ask(redis, "XGROUP", "SETID", key, "g", "1-0"), "OK");
      assert.deepEqual(idsIn(await read(redis, key, "d", "COUNT", 1)), ["2-0"]);
      assert.equal(await ask(redis, "XGROUP", "CREATECONSUMER", key, "g", "e"), 1);
      assert.equal(await ask(redis, "XGROUP", "CREATECONSUMER", key, "g", "e"), 0);
      assert.equal(await ask(redis, "XGROUP", "DELCONSUMER", key, "g", "c"), 2);

      assert.deepEqual(await pendingIn(redis, key), [["2-0", "d", 1]]);
    });
  });

  describe(`redis (${name}): claims`, { skip }, () => {
    it("take what has been idle for long enough, and nothing else", async () => {
      const redis = await open();
      const key = await fill(redis, 2);
      await read(redis, key, "ann", "COUNT", 1);
      await pass(40);
      await read(redis, key, "ann", "COUNT", 1);

      const claimed = await ask(redis, "XCLAIM", key, "g", "bob", 30, "1-0", "2-0", "7-7");

      assert.deepEqual(claimed, [["1-0", ["n", "1"]]]);
      assert.deepEqual(await ask(redis, "XCLAIM", key, "g", "bob", 30, "1-0"), [], "it was given a moment ago");
      assert.deepEqual(await pendingIn(redis, key), [
        ["1-0", "bob", 2],
        ["2-0", "ann", 1],
      ]);
    });

    it("go through all that is pending by their cursor, which ends with 0-0", async () => {
      const redis = await open();
      const key = await fill(redis, 5);
      await read(redis, key, "dead");
      const seen: Told[] = [];
      let cursor: Told = "0-0";

      do {
        const [next, claimed] = (await ask(
          redis,
          "XAUTOCLAIM",
          ...[key, "g", "bob", 0, String(cursor), "COUNT", 2],
        )) as readonly Told[];
        seen.push([next ?? null, ...idsIn([[key, claimed ?? null]])]);
        cursor = next ?? null;
      } while (cursor !== "0-0" && seen.length < 5);

      assert.deepEqual(seen, [
        ["3-0", "1-0", "2-0"],
        ["5-0", "3-0", "4-0"],
        ["0-0", "5-0"],
      ]);
      assert.deepEqual(
        (await pendingIn(redis, key)).map((each) => (each as readonly Told[])[1]),
        Array(5).fill("bob"),
      );
    });

    it("pass over what was given a moment ago", async () => {
      const redis = await open();
      const key = await fill(redis, 3);
      await read(redis, key, "dead");

      assert.deepEqual(await ask(redis, "XAUTOCLAIM", key, "g", "bob", 100_000, "-"), ["0-0", [], []]);
      assert.deepEqual(await ask(redis, "XAUTOCLAIM", key, "g", "bob", 0, "(1-0", "COUNT", 1, "JUSTID"), [
        "3-0",
        ["2-0"],
        [],
      ]);
    });

    it("tell of what is gone from the stream, and drop it from what is pending", async () => {
      const redis = await open();
      const key = await fill(redis, 4);
      await read(redis, key, "dead");
      await ask(redis, "XDEL", key, "1-0");
      await ask(redis, "XTRIM", key, "MINID", "3-0");

      const claimed = await ask(redis, "XAUTOCLAIM", key, "g", "bob", 0, "0");

      assert.deepEqual(claimed, [
        "0-0",
        [
          ["3-0", ["n", "3"]],
          ["4-0", ["n", "4"]],
        ],
        ["1-0", "2-0"],
      ]);
      assert.equal((await pendingIn(redis, key)).length, 2);
      await ask(redis, "XDEL", key, "3-0");
      assert.deepEqual(await ask(redis, "XCLAIM", key, "g", "eve", 0, "3-0", "4-0", "JUSTID"), ["4-0"]);
      assert.equal((await pendingIn(redis, key)).length, 1);
    });

    it("refuse what makes no sense", async () => {
      const redis = await open();
      const key = await fill(redis, 1);

      assert.equal(await refusalOf(redis, "XAUTOCLAIM", key, "g", "c", 0, "0", "COUNT", 0), "ERR COUNT must be > 0");
      assert.match(
        await refusalOf(redis, "XAUTOCLAIM", key, "g", "c", "x", "0"),
        /^ERR Invalid min-idle-time argument/,
      );
      assert.match(await refusalOf(redis, "XAUTOCLAIM", key, "g", "c", 0, "x"), /^ERR Invalid stream ID/);
      assert.match(await refusalOf(redis, "XACK", key, "g", "x"), /^ERR Invalid stream ID/);
    });
  });

  describe(`redis (${name}): reads that wait`, { skip }, () => {
    const wait = (redis: Redis, key: string, consumer: string, blockMs: number) =>
      redis.call(["XREADGROUP", "GROUP", "g", consumer, "COUNT", 10, "BLOCK", blockMs, "STREAMS", key, ">"], patient);

    it("are woken by what another connection adds", async () => {
      const [redis, other] = [await open(), await open()];
      const key = await fill(redis, 0);

      const waiting = wait(redis, key, "c", 5000);
      await pass(20);
      await ask(other, "XADD", key, "1-0", "a", "b");

      assert.deepEqual(told(must(await waiting, "what comes")), [[key, [["1-0", ["a", "b"]]]]]);
      assert.deepEqual(await pendingIn(other, key), [["1-0", "c", 1]]);
    });

    it("end with nothing when their time is over", async () => {
      const redis = await open();
      const key = await fill(redis, 0);

      const waiting = wait(redis, key, "c", 30);
      await pass(120);

      assert.deepEqual(await waiting, ok(null));
      assert.equal(await ask(redis, "PING"), "PONG");
    });

    it("do not wait where there is something", async () => {
      const redis = await open();
      const key = await fill(redis, 1);

      assert.deepEqual(idsIn(told(must(await wait(redis, key, "c", 5000), "it"))), ["1-0"]);
    });

    it("from the end on see only what comes after them", async () => {
      const [redis, other] = [await open(), await open()];
      const key = await fill(redis, 2);

      const waiting = redis.call(["XREAD", "BLOCK", 5000, "STREAMS", key, "$"], patient);
      await pass(20);
      await ask(other, "XADD", key, "3-0", "a", "b");

      assert.deepEqual(idsIn(told(must(await waiting, "what comes"))), ["3-0"]);
    });

    it("are served in the order in which they came, one entry to one of a group", async () => {
      const [first, second, other] = [await open(), await open(), await open()];
      const key = await fill(other, 0);

      const one = wait(first, key, "one", 5000);
      await pass(20);
      const two = wait(second, key, "two", 5000);
      await pass(20);
      await ask(other, "XADD", key, "1-0", "a", "b");
      const gotOne = idsIn(told(must(await one, "the first")));
      await ask(other, "XADD", key, "2-0", "a", "b");

      assert.deepEqual([gotOne, idsIn(told(must(await two, "the second")))], [["1-0"], ["2-0"]]);
    });

    it("are told when their group is no more", async () => {
      const [redis, other] = [await open(), await open()];
      const key = await fill(redis, 0);

      const waiting = wait(redis, key, "c", 5000);
      await pass(20);
      await ask(other, "XGROUP", "DESTROY", key, "g");

      const answer = await waiting;
      assert(!answer.ok && answer.failure.code === "redis.refused");
      assert.equal(answer.failure.kind, "NOGROUP");
    });

    it("end at once when nobody wants them, give nothing to nobody, and the connection comes back", async () => {
      const [redis, other] = [await open(), await open()];
      const key = await fill(redis, 0);
      const controller = new AbortController();

      const command = ["XREADGROUP", "GROUP", "g", "c", "BLOCK", 5000, "STREAMS", key, ">"] as const;
      const waiting = redis.call(command, { ...patient, signal: controller.signal });
      await pass(20);
      controller.abort();
      const answer = await waiting;
      await pass(20);
      await ask(other, "XADD", key, "1-0", "a", "b");

      assert.deepEqual(answer, fail({ code: "redis.unreachable", executed: "maybe", cause: "nobody waits for it" }));
      assert.deepEqual(await pendingIn(other, key), []);
      const ready = redis.ready(patient);
      await pass(200);
      assert.deepEqual(await ready, ok());
      assert.equal(await ask(redis, "PING"), "PONG");
    });

    it("end at once when the connection is closed", async () => {
      const redis = await open();
      const key = await fill(redis, 0);

      const waiting = wait(redis, key, "c", 5000);
      await pass(20);
      await redis.close();

      assert.deepEqual(await waiting, fail({ code: "redis.unreachable", executed: "maybe", cause: "it was closed" }));
    });
  });

  describe(`redis (${name}): batches and transactions`, { skip }, () => {
    it("answer each command by itself, in order", async () => {
      const redis = await open();
      const key = newKey();

      const answers = await redis.batch(
        [
          ["SET", key, "1"],
          ["XADD", key, "*", "a", "b"],
          ["INCR", key],
        ],
        patient,
      );

      assert.deepEqual(
        answers.map((answer) => (answer.ok ? told(answer.value) : answer.failure.code)),
        ["OK", "redis.refused", 2],
      );
      assert.deepEqual(await redis.batch([], patient), []);
    });

    it("are done without anybody in between, and tell what was refused in its place", async () => {
      const redis = await open();
      const key = newKey();

      const done = must(
        await redis.transaction(
          [
            ["SET", key, "1"],
            ["XADD", key, "*", "a", "b"],
            ["INCR", key],
          ],
          patient,
        ),
        "the transaction",
      );

      assert.deepEqual(
        done.map((answer) => (answer.ok ? told(answer.value) : answer.failure.kind)),
        ["OK", "WRONGTYPE", 2],
      );
      assert.deepEqual(await redis.transaction([], patient), ok([]));
    });

    it("wake who waits with all of a transaction", async () => {
      const [redis, other] = [await open(), await open()];
      const key = await fill(redis, 0);

      const waiting = redis.call(["XREADGROUP", "GROUP", "g", "c", "BLOCK", 5000, "STREAMS", key, ">"], patient);
      await pass(20);
      await other.transaction(
        [
          ["XADD", key, "1-0", "a", "b"],
          ["XADD", key, "2-0", "a", "b"],
        ],
        patient,
      );

      assert.deepEqual(idsIn(told(must(await waiting, "what comes"))), ["1-0", "2-0"]);
    });
  });

  describe(`redis (${name}): insist`, { skip }, () => {
    it("is done in order, and tells what was refused in its place", async () => {
      const redis = await open();
      const [key, text] = [newKey(), newKey()];
      const commands: readonly RedisCommand[] = [
        ["SET", text, BYTES, "NX", "GET"],
        ["SET", text, "again", "NX", "GET"],
        ["XADD", text, "*", "a", "b"],
        ["XADD", key, "5-5", "a", "b"],
        ["PEXPIRE", key, 60_000],
        ["XRANGE", key, "-", "+", "COUNT", 1],
      ];

      const done = must(await redis.insist(commands, patient), "done");

      const said = done.map((one) => (one.ok ? told(one.value) : one.failure.kind));
      const bytes = Buffer.from(BYTES).toString("latin1");
      assert.deepEqual(said, [null, bytes, "WRONGTYPE", "5-5", 1, [["5-5", ["a", "b"]]]]);
      assert.deepEqual(await redis.insist([], patient), ok([]));
      await assert.rejects(redis.insist([["WATCH", "a"]], patient), Defect);
    });
  });

  describe(`redis (${name}): append`, { skip }, () => {
    const roomy = { countMax: 1000, sizeBytesMax: 100 * MiB };
    const valuesIn = async (redis: Redis, key: string): Promise<readonly Told[]> => {
      const entries = (await ask(redis, "XRANGE", key, "-", "+")) as readonly (readonly [Told, readonly Told[]])[];
      return entries.map(([, fields]) => fields.join());
    };

    it("adds in order, whatever the words are, and wakes who waits", async () => {
      const [redis, waiter] = [await open(), await open()];
      const key = newKey();
      const waiting = waiter.call(["XREAD", "BLOCK", 5000, "STREAMS", key, "$"], patient);
      await pass(50);

      const entries = [
        ["n", 1],
        ["n", BYTES, "", ""],
        ["n", "é"],
      ] as const;
      const went = must(await redis.append(key, entries, roomy, patient), "appended");

      assert.equal(went, 0);
      const bytes = Buffer.from(BYTES).toString("latin1");
      assert.deepEqual(await valuesIn(redis, key), ["n,1", `n,${bytes},,`, `n,${Buffer.from("é").toString("latin1")}`]);
      assert.equal(idsIn(told(must(await waiting, "what comes"))).length, 3);
      assert.equal(must(await redis.append(newKey(), [], roomy, patient), "nothing"), 0);
    });

    it("lets the oldest go past its count, and past what they may take", async () => {
      const redis = await open();
      const [counted, weighed] = [newKey(), newKey()];
      const large = Buffer.alloc(100 * KiB, "x");
      const add = async (key: string, value: RedisWord, bounds: Partial<StreamBounds>): Promise<number> =>
        must(await redis.append(key, [["n", value]], { ...roomy, ...bounds }, patient), "appended");

      const went = [];
      for (let number = 0; number < 5; number += 1) went.push(await add(counted, number, { countMax: 3 }));
      let weighedOutCount = 0;
      for (let number = 0; number < 30; number += 1)
        weighedOutCount += await add(weighed, large, { sizeBytesMax: MiB });
      const least = await add(weighed, "the last", { sizeBytesMax: 0 });

      assert.deepEqual(went, [0, 0, 0, 1, 1]);
      assert.deepEqual(await valuesIn(redis, counted), ["n,2", "n,3", "n,4"]);
      const keptCount = 30 - weighedOutCount;
      assert(keptCount >= 6 && keptCount <= 10, `${keptCount} of 100 KiB stay of what may take 1 MiB`);
      assert.deepEqual([least, await valuesIn(redis, weighed)], [keptCount, ["n,the last"]]);
    });

    it("refuses a key that is something else, and adds nothing then", async () => {
      const redis = await open();
      const key = newKey();
      await ask(redis, "SET", key, "1");

      const refused = await redis.append(key, [["a", "b"]], roomy, patient);

      assert(!refused.ok && refused.failure.code === "redis.refused", JSON.stringify(refused));
      assert.equal(refused.failure.kind, "WRONGTYPE");
      await assert.rejects(redis.append(key, [["a"]], roomy, patient), Defect);
      await assert.rejects(redis.append(key, [], { ...roomy, countMax: 0 }, patient), Defect);
    });
  });

  describe(`redis (${name}): take`, { skip }, () => {
    it("allows a burst, and then one in each period", async () => {
      const redis = await open();
      const key = newKey();
      const rate = { periodMs: 100, burst: 3 };
      const take = async () => must(await redis.take(key, rate, patient), "a verdict");

      const first = [await take(), await take(), await take(), await take()];
      await pass(110);
      const second = [await take(), await take()];

      assert.deepEqual(
        first.map(({ isAllowed }) => isAllowed),
        [true, true, true, false],
      );
      assert.deepEqual(
        second.map(({ isAllowed }) => isAllowed),
        [true, false],
      );
      const [, refused] = second;
      assert(refused !== undefined && !refused.isAllowed);
      assert(refused.retryAfterMs >= 1 && refused.retryAfterMs <= 100);
    });

    it("allows no more than a burst after a long time, and keeps nothing then", async () => {
      const redis = await open();
      const key = newKey();
      const rate = { periodMs: 20, burst: 2 };
      const take = async () => must(await redis.take(key, rate, patient), "a verdict").isAllowed;

      await take();
      const kept = await ask(redis, "PTTL", key);
      await pass(100);
      const left = await ask(redis, "EXISTS", key);

      assert(typeof kept === "number" && kept > 0 && kept <= 20);
      assert.equal(left, 0);
      assert.deepEqual([await take(), await take(), await take()], [true, true, false]);
    });

    it("forgets a time that a clock has left behind when it was put back", async () => {
      const redis = await open();
      const key = newKey();
      const rate = { periodMs: 50, burst: 2 };
      const [seconds] = (await ask(redis, "TIME")) as readonly string[];
      await ask(redis, "SET", key, `${Number(seconds) + 3600}000000`);

      const first = must(await redis.take(key, rate, patient), "a verdict");
      const leftMs = Number(await ask(redis, "PTTL", key));
      await pass(60);

      assert(!first.isAllowed && first.retryAfterMs <= 50);
      assert(leftMs > 0 && leftMs <= 100);
      assert.deepEqual(await redis.take(key, rate, patient), ok({ isAllowed: true }));
    });

    it("allows as many to all who ask at once as to one", async () => {
      const [redis, other] = [await open(), await open()];
      const key = newKey();
      const rate = { periodMs: 60_000, burst: 5 };

      const verdicts = await Promise.all(
        Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? redis : other).take(key, rate, patient)),
      );

      assert.equal(verdicts.filter((verdict) => must(verdict, "a verdict").isAllowed).length, 5);
    });

    it("refuses a key that is something else", async () => {
      const redis = await open();
      const key = await fill(redis, 1);

      const verdict = await redis.take(key, { periodMs: 1000, burst: 1 }, patient);

      assert(!verdict.ok && verdict.failure.code === "redis.refused");
      assert.equal(verdict.failure.kind, "WRONGTYPE");
    });
  });

  describe(`redis (${name}): callers`, { skip }, () => {
    it("that gave up before are told that nothing ran", async () => {
      const redis = await open();
      const key = newKey();
      const late = { ...patient, signal: AbortSignal.abort() };

      const answers = [await redis.call(["SET", key, "1"], late), ...(await redis.batch([["SET", key, "1"]], late))];

      for (const answer of answers) {
        assert.deepEqual(answer, fail({ code: "redis.unreachable", executed: "no", cause: "nobody waits for it" }));
      }
      assert.equal(await ask(redis, "EXISTS", key), 0);
    });

    it("that give up do not keep others from their answers", async () => {
      const redis = await open();
      const key = newKey();
      const controller = new AbortController();

      const given = redis.call(["INCR", key], { ...patient, signal: controller.signal });
      const kept = redis.call(["INCR", key], patient);
      controller.abort();

      assert.deepEqual(
        await given,
        fail({ code: "redis.unreachable", executed: "maybe", cause: "nobody waits for it" }),
      );
      assert.deepEqual(await kept, ok(2));
    });

    it("of a closed connection are told so, those who wait for it too", async () => {
      const redis = await open();
      await redis.close();
      await redis.close();

      const closed = fail({ code: "redis.unreachable", executed: "no", cause: "it was closed" });
      assert.deepEqual(await redis.call(["PING"], patient), closed);
      assert.deepEqual(await redis.ready(patient), closed);
      assert.deepEqual(await redis.transaction([["PING"]], patient), closed);
      assert.deepEqual(await redis.take("a", { periodMs: 1, burst: 1 }, patient), closed);
    });
  });
}

/** URLs of a Redis: what they are read as, and what is told of those that are none. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseRedisUrl, type RedisAddress } from "#runtime/redis/address.ts";
import { producerUrl, redisUrl } from "#supervisor/root/servers/redis-server.ts";

const host = (name: string, port: number, isEncrypted = false): RedisAddress["place"] => ({
  kind: "host",
  host: name,
  port,
  isEncrypted,
});

describe("redis: addresses", () => {
  for (const [url, expected] of [
    ["redis://127.0.0.1", { place: host("127.0.0.1", 6379), login: undefined, database: 0 }],
    ["redis://localhost:7000/", { place: host("localhost", 7000), login: undefined, database: 0 }],
    ["redis://[::1]:7000/15", { place: host("::1", 7000), login: undefined, database: 15 }],
    [
      "rediss://me:p%40ss%2Fword@example.com",
      { place: host("example.com", 6379, true), login: { user: "me", secret: "p@ss/word" }, database: 0 },
    ],
    ["redis://:word@a", { place: host("a", 6379), login: { user: undefined, secret: "word" }, database: 0 }],
    [
      "redis+unix:///run/redis.sock",
      { place: { kind: "socket", path: "/run/redis.sock" }, login: undefined, database: 0 },
    ],
    [
      "redis+unix://me:word@/run/a%20b/redis.sock?db=2",
      { place: { kind: "socket", path: "/run/a b/redis.sock" }, login: { user: "me", secret: "word" }, database: 2 },
    ],
  ] as const) {
    it(`${url} is one`, () => {
      assert.deepEqual(parseRedisUrl(url), expected);
    });
  }

  for (const [url, problem] of [
    ["", "not-a-url"],
    ["localhost:6379", "unknown-scheme"],
    ["http://localhost", "unknown-scheme"],
    ["redis://me:secret@:1", "not-a-url"],
    ["redis://a:99999", "not-a-url"],
    ["redis:///0", "no-host"],
    ["redis://a/one", "bad-database"],
    ["redis://a/-1", "bad-database"],
    ["redis://a/1/2", "bad-database"],
    ["redis://a?db=1", "unknown-part"],
    ["redis://a#b", "unknown-part"],
    ["redis://me@a", "user-without-secret"],
    ["redis://me:%ff@a", "bad-escape"],
    ["redis+unix://me@/a", "user-without-secret"],
    ["redis+unix://me:secret@a", "not-a-url"],
    ["redis+unix:///a?db=x", "bad-database"],
    ["redis+unix:///a%zz", "bad-escape"],
  ] as const) {
    it(`${url === "" ? "nothing" : url} is none: ${problem}`, () => {
      assert.equal(parseRedisUrl(url), problem);
    });
  }

  it("of the node's own Redis are read back as they were made, wherever its socket is", () => {
    const secret = fc.stringMatching(/^[0-9a-f]{64}$/);
    const folder = fc.string({ minLength: 1, unit: "grapheme-composite" }).filter((name) => !name.includes("\0"));
    fc.assert(
      fc.property(
        fc.array(folder, { minLength: 1, maxLength: 3 }),
        secret,
        fc.integer({ min: 1, max: 65_535 }),
        (folders, word, port) => {
          const run = `/${folders.map((each) => each.replaceAll("/", "_")).join("/")}`;

          const own = parseRedisUrl(redisUrl({ run }, { node: word }));
          const producers = parseRedisUrl(producerUrl(port, { producer: word }));

          const login = (user: string) => ({ user, secret: word });
          const path = `${run}/redis.sock`;
          // A folder may be called `.` or `..`, which the path of the socket does without.
          if (!folders.some((each) => /^\.+$/.test(each))) {
            assert.deepEqual(own, { place: { kind: "socket", path }, login: login("cepa"), database: 0 });
          }
          assert.deepEqual(producers, { place: host("127.0.0.1", port), login: login("producer"), database: 0 });
        },
      ),
    );
  });

  it("are read from anything without an error", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((rest) => `redis+unix://${rest}`),
          fc.string().map((rest) => `redis://${rest}`),
        ),
        (url) => {
          const address = parseRedisUrl(url);
          assert(typeof address === "string" || address.database >= 0);
        },
      ),
    );
  });
});

/**
 * The simulated Redis against a real one: the same commands, in any order, are answered the same.
 *
 * Ids are given, so that they can be compared, and what depends on how much time has passed is left out.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { RedisCommand } from "#runtime/redis/redis.ts";
import { patient } from "#test/kit/patient.ts";
import { redisMissing, startRedis } from "#test/kit/redis.ts";
import { runsOf } from "#test/kit/runs.ts";
import { sayFailure, simulated, type Told, told } from "#test/runtime/redis/kit.ts";

const skip = redisMissing ?? false;
const RUNS = runsOf({ usual: 100, slowness: 1 });

const mostly = (usual: string, other: string): fc.Arbitrary<string> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constant(other) });
const key = mostly("one", "other");
const group = mostly("g", "h");
const consumer = fc.constantFrom("ann", "bob");
const id = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.nat(9), fc.nat(1)).map(([ms, sequence]) => `${ms}-${sequence}`) },
  { weight: 1, arbitrary: fc.constantFrom("3", "0", "x", "18446744073709551615-18446744073709551615", "1-", "-1") },
);
const end = fc.oneof(
  id,
  fc.constantFrom("-", "+"),
  id.map((written) => `(${written}`),
);
const count = fc.constantFrom<readonly string[]>([], ["COUNT", "1"], ["COUNT", "2"], ["COUNT", "0"]);
const ids = fc.array(id, { minLength: 1, maxLength: 3 });
/** Nothing is idle for so long, or everything is for no time. */
const idle = fc.constantFrom("0", "100000");
const justId = fc.constantFrom<readonly string[]>([], ["JUSTID"]);
const trim = fc.oneof(
  fc.nat(4).map((left): readonly string[] => ["MAXLEN", String(left)]),
  id.map((since): readonly string[] => ["MINID", "=", since]),
);
const newId = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.nat(9), fc.nat(2)).map(([ms, sequence]) => `${ms}-${sequence}`) },
  { weight: 2, arbitrary: fc.nat(9).map((ms) => `${ms}-*`) },
  { weight: 1, arbitrary: fc.constantFrom("0-0", "7", "y") },
);

const words = (...parts: readonly fc.Arbitrary<string | readonly string[]>[]): fc.Arbitrary<RedisCommand> =>
  fc.tuple(...parts).map((given) => given.flat() as unknown as RedisCommand);
const the = (text: string): fc.Arbitrary<string> => fc.constant(text);
const maybe = (arbitrary: fc.Arbitrary<readonly string[]>): fc.Arbitrary<readonly string[]> =>
  fc.oneof(fc.constant([]), arbitrary);

const COMMANDS: readonly (readonly [weight: number, command: fc.Arbitrary<RedisCommand>])[] = [
  [12, words(the("XADD"), key, newId, the("field"), id)],
  [2, words(the("XADD"), key, the("NOMKSTREAM"), trim, newId, the("field"), the("value"))],
  [1, words(the("XADD"), key, newId, the("field"))],
  [1, words(the("XLEN"), key)],
  [2, words(the("XRANGE"), key, end, end, count)],
  [2, words(the("XREVRANGE"), key, end, end, count)],
  [3, words(the("XDEL"), key, ids)],
  [1, words(the("XTRIM"), key, trim)],
  [2, words(the("XREAD"), count, the("STREAMS"), key, key, id, id)],
  [2, words(the("XGROUP"), the("CREATE"), key, group, fc.oneof(id, the("$")), maybe(fc.constant(["MKSTREAM"])))],
  [1, words(the("XGROUP"), the("SETID"), key, group, fc.oneof(id, the("$")))],
  [1, words(the("XGROUP"), the("DESTROY"), key, mostly("h", "g"))],
  [1, words(the("XGROUP"), fc.constantFrom("CREATECONSUMER", "DELCONSUMER"), key, group, consumer)],
  [
    10,
    words(
      ...[the("XREADGROUP"), the("GROUP"), group, consumer, count, maybe(fc.constant(["NOACK"])), the("STREAMS")],
      key,
      fc.oneof({ weight: 5, arbitrary: the(">") }, { weight: 2, arbitrary: id }, { weight: 1, arbitrary: the("$") }),
    ),
  ],
  [3, words(the("XACK"), key, group, ids)],
  [1, words(the("XPENDING"), key, group)],
  [
    3,
    words(the("XPENDING"), key, group, maybe(idle.map((ms) => ["IDLE", ms])), end, end, fc.constantFrom("0", "2", "9")),
  ],
  [1, words(the("XPENDING"), key, group, end, end, the("9"), consumer)],
  [3, words(the("XCLAIM"), key, group, consumer, idle, ids, justId)],
  [3, words(the("XAUTOCLAIM"), key, group, consumer, idle, end, count, justId)],
  [2, words(the("XINFO"), fc.constantFrom("STREAM", "GROUPS"), key)],
  [1, words(the("XINFO"), the("CONSUMERS"), key, group)],
  [1, words(the("DEL"), mostly("other", "one"))],
  [1, words(the("EXISTS"), key, key)],
  [
    1,
    words(
      the("SET"),
      key,
      fc.constantFrom("1", "x", "9223372036854775807"),
      maybe(fc.constantFrom(["NX"], ["XX"], ["GET"])),
    ),
  ],
  [1, words(fc.constantFrom("GET", "INCR", "TTL"), key)],
];

/** Without them most of the rest would only hear that there is no such group. */
const PRELUDE: readonly RedisCommand[] = [
  ["XGROUP", "CREATE", "one", "g", "0", "MKSTREAM"],
  ...[1, 2, 3, 4].map((ms): RedisCommand => ["XADD", "one", `${ms}-0`, "field", ms]),
  ["XREADGROUP", "GROUP", "g", "ann", "COUNT", 3, "STREAMS", "one", ">"],
];
const rest = fc.array(fc.oneof(...COMMANDS.map(([weight, arbitrary]) => ({ weight, arbitrary }))), {
  minLength: 20,
  maxLength: 60,
});
const script = rest.map((commands) => [...PRELUDE, ...commands]);

/** Names and values in turn, without those of a real one's trees, and those that tell of time. */
const ELSEWHERE: ReadonlySet<Told> = new Set(["radix-tree-keys", "radix-tree-nodes", "idle", "inactive"]);

function comparable([name, ...rest]: RedisCommand, reply: Told): Told {
  if (!Array.isArray(reply)) return reply;
  if (name === "XINFO" && rest[0] === "STREAM") return withoutFields(reply);
  if (name === "XINFO") return reply.map((part: Told) => (Array.isArray(part) ? withoutFields(part) : part));
  if (name !== "XPENDING" || rest.length === 2) return reply;
  return reply.map((part: Told) => (Array.isArray(part) ? part.toSpliced(2, 1) : part));
}

function withoutFields(fields: readonly Told[]): readonly Told[] {
  return fields.filter((_, at) => !ELSEWHERE.has(fields[at - (at % 2)] ?? null));
}

describe("redis (simulated and real)", { skip }, () => {
  it("answer the same to any commands on streams", async () => {
    const real = await (await startRedis()).open();
    await fc.assert(
      fc.asyncProperty(script, async (commands) => {
        const ours = await simulated().open();
        await real.call(["DEL", "one", "other"], patient);

        const [expected, answers] = await Promise.all([real.batch(commands, patient), ours.batch(commands, patient)]);

        for (const [at, command] of commands.entries()) {
          const [theirs, own] = [expected[at], answers[at]].map((answer) => {
            if (answer === undefined) return "nothing";
            return answer.ok ? comparable(command, told(answer.value)) : sayFailure(answer.failure);
          });
          assert.deepEqual(own, theirs, `${at}: ${command.join(" ")}`);
        }
      }),
      { numRuns: RUNS, includeErrorInReport: true },
    );
  });
});

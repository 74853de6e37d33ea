/** Both kinds of Redis under one suite. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { redisMissing, startRedis } from "#test/kit/redis.ts";
import { redisSuite } from "#test/runtime/redis/conformance.ts";
import { simulated } from "#test/runtime/redis/kit.ts";

const real = redisMissing === undefined ? await startRedis() : undefined;
redisSuite("real", { open: async () => await present(real).open(), pass: (ms) => sleep(ms) }, redisMissing ?? false);

const { open, clock } = simulated();
redisSuite("simulated", { open, pass: (ms) => clock.advance(ms) });

function present<Value>(value: Value | undefined): Value {
  assert(value !== undefined, "where there is none these tests are passed over");
  return value;
}

/** Readers of a group on both kinds of Redis. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { realClock } from "#runtime/real/clock.ts";
import { redisMissing, startRedis } from "#test/kit/redis.ts";
import { groupSuite } from "#test/runtime/redis/group/conformance.ts";
import { untilSettled } from "#test/runtime/redis/group/kit.ts";
import { simulated } from "#test/runtime/redis/kit.ts";

const real = redisMissing === undefined ? await startRedis() : undefined;
groupSuite(
  "real",
  {
    clock: realClock,
    async open() {
      assert(real !== undefined, "where there is none these tests are passed over");
      return await real.open();
    },
    pass: (ms) => sleep(ms),
    until: (waiting) => waiting,
  },
  redisMissing ?? false,
);

const { open, clock } = simulated();
groupSuite("simulated", {
  clock,
  open,
  pass: (ms) => clock.advance(ms),
  until: (waiting) => untilSettled(clock, waiting),
});

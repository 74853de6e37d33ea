/** Readers of a group on both kinds of Redis. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { patient } from "#test/kit/patient.ts";
import { redisMissing, startRedis } from "#test/kit/redis.ts";
import { groupSuite } from "#test/runtime/redis/group/conformance.ts";
import {
  acknowledge,
  add,
  makeReader,
  pendingIn,
  readPage,
  sayPage,
  untilSettled,
} from "#test/runtime/redis/group/kit.ts";
import { ask, simulated } from "#test/runtime/redis/kit.ts";

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

describe("group reader (real): a server that is killed", { skip: redisMissing ?? false }, () => {
  it("while a page is waited for gives it when it is back, and what is in hand is not given again", async () => {
    assert(real !== undefined, "where there is none this test is passed over");
    const [redis, waiting] = [await real.open(), await real.open()];
    const reader = makeReader({ redis, waiting, clock: realClock, stream: "killed", blockMs: 10_000 });
    await readPage(reader);
    await ask(redis, "CONFIG", "SET", "appendfsync", "always");
    await add(redis, "killed", 1, 2);
    const before = sayPage(await readPage(reader));
    const broken = reader.read(patient);
    await sleep(20);

    await real.kill();
    const [failed, refused] = [await broken, await reader.ack(["1-0"], patient)];
    await real.start();
    must(await redis.ready(patient), "ready again");
    must(await waiting.ready(patient), "ready again");
    await add(redis, "killed", 3);
    const after = sayPage(await readPage(reader));
    await acknowledge(reader, "1-0", "2-0");

    assert.deepEqual([failed.ok, refused.ok], [false, false]);
    assert.deepEqual([before, after], [["1-0", "2-0"], ["3-0"]]);
    assert.deepEqual(await pendingIn(redis, "killed"), ["3-0 ann 1"]);
  });
});

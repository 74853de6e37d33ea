/** What the simulated Redis does that a real one is seldom caught at: being cut off, hanging, dying, being replaced. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Defect, fail, must, ok } from "#runtime/errors.ts";
import { guarded } from "#runtime/real/guard.ts";
import type { Redis, RedisCommand } from "#runtime/redis/redis.ts";
import type { Life } from "#runtime/simulated/life.ts";
import { SimulatedRedis } from "#runtime/simulated/redis.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";
import { patient } from "#test/kit/patient.ts";
import { ask, refusalOf, sayFailure, simulated, type Told } from "#test/runtime/redis/kit.ts";

const SILENCE_MS = 1000;

function failed(executed: "no" | "maybe", cause: string): unknown {
  return fail({ code: "redis.unreachable", executed, cause });
}

describe("redis (simulated): a network that is cut", () => {
  it("breaks what is under way, lets nobody in, and lets everybody in when it is healed", async () => {
    const { server, clock, open } = simulated();
    const redis = await open();
    const waiting = redis.call(["XREAD", "BLOCK", 5000, "STREAMS", "a", "$"], patient);
    await clock.settle();

    server.cut();
    const refused = await redis.call(["PING"], patient);
    const late = redis.ready({ ...patient, deadlineMs: clock.nowMs() + 10_000 });
    await clock.advance(10_000);
    const ready = redis.ready(patient);
    const closing = server.connect({ clock, silenceMs: SILENCE_MS });
    const closed = closing.ready(patient);
    await closing.close();
    server.heal();
    await clock.advance(2000);

    assert.deepEqual(await waiting, failed("maybe", "the network is cut"));
    assert.deepEqual(refused, failed("no", "the network is cut"));
    assert.deepEqual(await late, failed("no", "nobody is there"));
    assert.deepEqual(await closed, failed("no", "it was closed"));
    assert.deepEqual(await ready, ok());
    assert.equal(await ask(redis, "PING"), "PONG");
  });

  it("loses what was asked or what was answered, as is planned for each command", async () => {
    const { server, clock, open } = simulated();
    const redis = await open();
    const incr = async (): Promise<unknown> => {
      const answers = await redis.batch(
        [
          ["INCR", "a"],
          ["SET", "b", "1"],
          ["INCR", "a"],
        ],
        patient,
      );
      await clock.advance(100);
      return answers.map((answer) => (answer.ok ? "answered" : sayFailure(answer.failure)));
    };
    const lost = "unreachable (maybe): the connection broke";

    server.fateOf = ([name]) => (name === "SET" ? "lost" : "answered");
    const first = [await incr(), await ask(redis, "GET", "a"), await ask(redis, "EXISTS", "b")];
    server.fateOf = ([name]) => (name === "SET" ? "done-unheard" : "answered");
    const second = [await incr(), await ask(redis, "GET", "a"), await ask(redis, "EXISTS", "b")];

    // What was done just before it broke is not heard of either.
    assert.deepEqual(first, [[lost, lost, lost], "1", 0]);
    assert.deepEqual(second, [[lost, lost, lost], "2", 1]);
  });

  it("loses a transaction as a whole", async () => {
    const { server, clock, open } = simulated();
    const redis = await open();
    const both = (): Promise<unknown> =>
      redis.transaction(
        [
          ["INCR", "a"],
          ["INCR", "a"],
        ],
        patient,
      );

    server.fateOf = () => "done-unheard";
    const unheard = await both();
    await clock.advance(100);
    server.fateOf = () => "lost";
    const lost = await both();
    await clock.advance(100);
    server.fateOf = () => "answered";

    assert.deepEqual(
      [unheard, lost],
      [failed("maybe", "the connection broke"), failed("maybe", "the connection broke")],
    );
    assert.equal(await ask(redis, "GET", "a"), "2");
  });
});

describe("redis (simulated): a server that hangs", () => {
  it("is given up, and does later what it was asked", async () => {
    const { server, clock, open } = simulated();
    const redis = await open(SILENCE_MS);

    server.stall(5000);
    const asked = redis.call(["INCR", "a"], patient);
    await clock.advance(SILENCE_MS);
    const broken = await asked;
    const refused = await redis.call(["INCR", "a"], patient);
    await clock.advance(8000);

    assert.deepEqual(broken, failed("maybe", `it was silent for ${SILENCE_MS} ms`));
    assert(!refused.ok);
    assert.equal(await ask(redis, "GET", "a"), "1");
  });

  it("for less than that is only late", async () => {
    const { server, clock, open } = simulated();
    const redis = await open(SILENCE_MS);

    server.stall(SILENCE_MS - 1);
    const asked = redis.call(["INCR", "a"], patient);
    await clock.advance(SILENCE_MS);

    assert.deepEqual(await asked, ok(1));
  });

  it("is not taken for one that waits, nor the other way round", async () => {
    const { server, clock, open } = simulated();
    const redis = await open(SILENCE_MS);
    const block = () => redis.call(["XREAD", "BLOCK", 3000, "STREAMS", "a", "$"], patient);

    const healthy = block();
    await clock.advance(3000);
    server.stall(60_000);
    const hanging = block();
    await clock.advance(4000);

    assert.deepEqual(await healthy, ok(null));
    assert.deepEqual(await hanging, failed("maybe", `it was silent for ${SILENCE_MS} ms`));
  });
});

describe("redis (simulated): a server that dies", () => {
  const write = async (redis: Redis, from: number, to: number): Promise<void> => {
    for (let at = from; at <= to; at += 1) await ask(redis, "XADD", "s", `${at}-0`, "n", at);
  };
  const length = async (redis: Redis): Promise<number> => Number(await ask(redis, "XLEN", "s"));

  it("loses the end of the last second, and nothing before", async () => {
    const left = new Set<number>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const { server, clock, open } = simulated(seed);
      const redis = await open();
      await write(redis, 1, 3);
      await clock.advance(1000);
      await write(redis, 4, 6);

      server.crash();
      await clock.advance(100);

      left.add(await length(redis));
    }
    assert.deepEqual([...left].sort(), [3, 4, 5, 6]);
  });

  it("loses nothing that is older", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { server, clock, open } = simulated(seed);
      const redis = await open();
      await write(redis, 1, 6);
      await clock.advance(1000);

      server.crash();
      await clock.advance(100);

      assert.equal(await length(redis), 6);
    }
  });

  it("loses nothing where every write is synced", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { server, clock, open } = simulated(seed, true);
      const redis = await open();
      await write(redis, 1, 6);

      server.crash();
      await clock.advance(100);

      assert.equal(await length(redis), 6);
    }
  });

  it("comes back with groups, with what was pending, and with what expires", async () => {
    const { server, clock, open } = simulated(1, true);
    const redis = await open();
    await write(redis, 1, 3);
    await ask(redis, "XGROUP", "CREATE", "s", "g", "0");
    await ask(redis, "XREADGROUP", "GROUP", "g", "ann", "COUNT", 2, "STREAMS", "s", ">");
    await ask(redis, "XACK", "s", "g", "1-0");
    await ask(redis, "SET", "k", Uint8Array.of(0, 255), "PX", 500);
    await redis.take("rate", { periodMs: 10_000, burst: 1 }, patient);

    server.crash();
    await clock.advance(100);
    server.crash();
    await clock.advance(100);

    assert.deepEqual(await ask(redis, "XPENDING", "s", "g", "-", "+", 9), [["2-0", "ann", 200, 1]]);
    assert.equal(await ask(redis, "GET", "k"), "\u0000\u00ff");
    assert.equal(must(await redis.take("rate", { periodMs: 10_000, burst: 1 }, patient), "it").isAllowed, false);
    await ask(redis, "XADD", "s", "4-0", "n", 4);
    await clock.advance(300);
    assert.equal(await ask(redis, "EXISTS", "k"), 0);
    assert.deepEqual(await ask(redis, "XREADGROUP", "GROUP", "g", "bob", "COUNT", 1, "STREAMS", "s", ">"), [
      ["s", [["3-0", ["n", "3"]]]],
    ]);
  });

  it("gives ids again that it gave before, where it lost them", async () => {
    const ids = new Set<Told>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const { server, clock, open } = simulated(seed);
      const redis = await open();
      await ask(redis, "XADD", "s", "99999999999999-0", "a", "b");
      server.crash();
      await clock.advance(50);
      ids.add(await ask(redis, "XADD", "s", "99999999999999-*", "a", "b"));
    }
    assert.deepEqual([...ids].sort(), ["99999999999999-0", "99999999999999-1"]);
  });

  it("forgets who waited, and what came while it hung", async () => {
    const { server, clock, open } = simulated(1, true);
    const [redis, other] = [await open(), await open()];
    await ask(redis, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
    const waiting = redis.call(["XREADGROUP", "GROUP", "g", "c", "BLOCK", 9000, "STREAMS", "s", ">"], patient);
    await clock.settle();
    server.stall(1000);
    const held = other.call(["INCR", "a"], patient);
    await clock.settle();

    server.crash();
    await clock.advance(2000);
    await ask(other, "XADD", "s", "1-0", "a", "b");

    assert.deepEqual([(await waiting).ok, (await held).ok], [false, false]);
    assert.equal(await ask(other, "EXISTS", "a"), 0);
    assert.deepEqual(await ask(other, "XPENDING", "s", "g"), [0, null, null, null]);
  });
});

describe("redis (simulated): a server that is replaced, or full", () => {
  it("by an empty one knows nothing, and says so", async () => {
    const { server, clock, open } = simulated();
    const redis = await open();
    await ask(redis, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
    await ask(redis, "SET", "a", "1");

    server.lose();
    await clock.advance(100);

    assert.match(await refusalOf(redis, "XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"), /^NOGROUP /);
    assert.equal(await ask(redis, "EXISTS", "a", "s"), 0);
  });

  it("refuses what takes memory, and nothing that makes room", async () => {
    const { server, open } = simulated();
    const redis = await open();
    await ask(redis, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
    await ask(redis, "XADD", "s", "1-0", "a", "b");
    const growing: readonly RedisCommand[] = [
      ["XADD", "s", "*", "a", "b"],
      ["SET", "a", "1"],
      ["INCR", "a"],
      ["XGROUP", "CREATE", "s", "h", "0"],
      ["XGROUP", "CREATECONSUMER", "s", "g", "c"],
    ];

    server.refuseGrowth(true);
    for (const command of growing) assert.match(await refusalOf(redis, ...command), /^OOM /, command.join(" "));
    const both = await redis.transaction(
      [
        ["XDEL", "s", "1-0"],
        ["SET", "a", "1"],
      ],
      patient,
    );
    const taken = await redis.take("rate", { periodMs: 1, burst: 1 }, patient);
    await ask(redis, "XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">");
    const acknowledged = await ask(redis, "XACK", "s", "g", "1-0");
    const insisted = await redis.insist([["XADD", "answers", "9-0", "a", "b"]], patient);
    const appended = await redis.append("kept", [["a", "b"]], { countMax: 1, sizeBytesMax: 1000 }, patient);
    server.refuseGrowth(false);

    assert(!both.ok && sayFailure(both.failure).startsWith("OOM "));
    assert.deepEqual([taken, insisted], [ok({ isAllowed: true }), ok([ok(Buffer.from("9-0"))])]);
    assert.equal(acknowledged, 1);
    assert.deepEqual([appended, await ask(redis, "XLEN", "kept")], [ok(0), 1], "what is bounded by itself is added");
    assert.equal(await ask(redis, "XLEN", "s"), 1, "nothing of a refused transaction was done");
    assert.equal(await ask(redis, "SET", "a", "1"), "OK");
  });

  it("does not answer what it does not know, as a real one may do something else", async () => {
    const redis = await simulated().open();

    for (const command of [
      ["LPUSH", "a", "b"],
      ["XINFO", "HELP"],
      ["SET", "a", "1", "EXAT", 5],
      ["XADD", "a", "LIMIT", "1", "*", "a", "b"],
      ["XREADGROUP", "COUNT", 1, "GROUP", "g", "c", "STREAMS", "a", ">"],
      ["XPENDING", "a"],
    ] as const satisfies readonly RedisCommand[]) {
      await assert.rejects(redis.call(command, patient), Defect, command.join(" "));
    }
  });
});

describe("redis (simulated): a process that ends", () => {
  it("takes its connections with it: nothing is given to the dead, and what it did stays", async () => {
    const simulation = new Simulation(1);
    const { clock } = simulation;
    const server = new SimulatedRedis({ clock, random: simulation.fork() });
    const connect = (life: Life): Redis =>
      server.connect({ clock: life.base.clock, silenceMs: SILENCE_MS, ended: life.ended });
    const [first, second] = [simulation.begin(), simulation.begin()];
    const [dead, other] = [connect(first), connect(second)];
    await simulation.until(Promise.all([dead.ready(patient), other.ready(patient)]));
    await ask(dead, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
    let isSettled = false;
    void dead.call(["XREADGROUP", "GROUP", "g", "dead", "BLOCK", 9000, "STREAMS", "s", ">"], patient).then(() => {
      isSettled = true;
    });
    await simulation.advance(10);

    first.end();
    await simulation.advance(10);
    await ask(other, "XADD", "s", "1-0", "a", "b");
    await simulation.advance(20_000);

    assert.equal(isSettled, false);
    assert.deepEqual(await ask(other, "XPENDING", "s", "g"), [0, null, null, null]);
    simulation.end();
  });
});

describe("redis (simulated): a run", () => {
  it("is a function of its seed, and touches nothing real", async () => {
    const run = (seed: number): Promise<Told> =>
      guarded(async () => {
        const { server, clock, open } = simulated(seed);
        const redis = await open();
        await redis.batch(
          Array.from({ length: 9 }, () => ["XADD", "s", "*", "a", "b"] as const),
          patient,
        );
        await clock.advance(10);
        server.crash();
        await clock.advance(100);
        return await ask(redis, "XRANGE", "s", "-", "+");
      });

    assert.deepEqual(await run(7), await run(7));
    const lengths = await Promise.all(
      [1, 2, 3, 4, 5].map(async (seed) => ((await run(seed)) as readonly Told[]).length),
    );
    assert(new Set(lengths).size > 1, `${lengths}`);
  });
});

/** The matrix of links: each condition does what it says, each way by itself, and the same by seed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ok } from "#runtime/errors.ts";
import type { Down } from "#runtime/ref.ts";
import { SimulatedCell } from "#runtime/simulated/cell.ts";
import { type LinkConditions, LinkMatrix } from "#runtime/simulated/link-matrix.ts";
import { runSeeds } from "#runtime/simulated/seeds.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";
import { counter } from "#test/runtime/simulated/counter.ts";

const within = { timeoutMs: 1000 };
const words = Array.from({ length: 60 }, (_, index) => `${index}`);

/** A counter that lives in `far`, as it is seen from `near`. */
async function start(seed = 1) {
  const simulation = new Simulation(seed);
  const links = new LinkMatrix(simulation);
  const cell = new SimulatedCell(simulation);
  const actor = await simulation.until(cell.start(counter, {}, { mailboxCapacity: 256 }));
  return { simulation, links, actor, near: actor.ref, ref: links.ref("near", "far", actor.ref) };
}

/** What arrives of sixty words, one a millisecond, under `conditions` on the way there. */
async function arriving(seed: number, conditions: Partial<LinkConditions>): Promise<readonly string[]> {
  const { simulation, links, near, ref } = await start(seed);
  links.conditions("near", "far", conditions);
  for (const word of words) {
    assert.equal(ref.cast("note", { word }), "accepted");
    await simulation.advance(1);
  }
  await simulation.advance(1000);
  const heard = await simulation.until(near.call("words", {}, within));
  assert(heard.ok);
  return heard.value;
}

describe("link matrix: on the way there (SIM-7)", () => {
  it("everything arrives once and in order, unless it is told otherwise", async () => {
    assert.deepEqual(await arriving(1, {}), words);
    assert.deepEqual(await arriving(1, { delayMs: 40 }), words);
  });

  it("some is lost, by the seed", async () => {
    const heard = await arriving(1, { lossPercent: 30 });

    assert(heard.length > 30 && heard.length < 55, `${heard.length} of 60`);
    assert.deepEqual(
      heard,
      words.filter((word) => heard.includes(word)),
    );
    assert.deepEqual(await arriving(1, { lossPercent: 30 }), heard);
    assert.notDeepEqual(await arriving(2, { lossPercent: 30 }), heard);
    assert.deepEqual(await arriving(1, { lossPercent: 100 }), []);
  });

  it("some comes twice", async () => {
    const heard = await arriving(1, { duplicatePercent: 30 });

    assert(heard.length > 65 && heard.length < 90, `${heard.length} of 60`);
    assert.deepEqual([...new Set(heard)], words);
    assert.equal((await arriving(1, { duplicatePercent: 100 })).length, 120);
  });

  it("some comes later than what was sent behind it, and within the time said", async () => {
    const heard = await arriving(1, { reorderPercent: 30, reorderMs: 20 });

    assert.notDeepEqual(heard, words);
    assert.deepEqual(
      heard.toSorted((one, other) => Number(one) - Number(other)),
      words,
    );
    for (const [at, word] of heard.entries()) assert(Math.abs(at - Number(word)) <= 20, `${word} at ${at}`);
  });
});

describe("link matrix: a call", () => {
  it("takes the delays of both ways", async () => {
    const { simulation, links, ref } = await start();
    links.conditions("near", "far", { delayMs: 30 });
    links.conditions("far", "near", { delayMs: 12 });
    const beganMs = simulation.clock.nowMs();

    assert.deepEqual(await simulation.until(ref.call("add", { by: 1 }, within)), ok(1));

    assert.equal(simulation.clock.nowMs() - beganMs, 42);
  });

  it("whose request or reply is lost times out, and may have run", async () => {
    for (const [source, target, total] of [
      ["near", "far", 0],
      ["far", "near", 1],
    ] as const) {
      const { simulation, links, near, ref } = await start();
      links.conditions(source, target, { lossPercent: 100 });

      const lost = await simulation.until(ref.call("add", { by: 1 }, within));

      assert.deepEqual(lost, {
        ok: false,
        failure: { code: "runtime.call-timeout", actor: "counter", executed: "maybe" },
      });
      assert.deepEqual(await simulation.until(near.call("add", { by: 0 }, within)), ok(total));
    }
  });

  it("whose request comes twice runs twice, and is answered once", async () => {
    const { simulation, links, near, ref } = await start();
    links.conditions("near", "far", { duplicatePercent: 100 });

    assert.deepEqual(await simulation.until(ref.call("add", { by: 1 }, within)), ok(1));

    assert.deepEqual(await simulation.until(near.call("add", { by: 0 }, within)), ok(2));
  });

  it("does not outlast its caller's deadline", async () => {
    const { simulation, links, ref } = await start();
    links.conditions("near", "far", { lossPercent: 100 });
    const beganMs = simulation.clock.nowMs();
    const caller = { deadlineMs: beganMs + 70, signal: new AbortController().signal };

    const lost = await simulation.until(ref.call("add", { by: 1 }, { timeoutMs: 1000, within: caller }));

    assert.equal(lost.ok, false);
    assert.equal(simulation.clock.nowMs() - beganMs, 70);
  });
});

describe("link matrix: a cut", () => {
  it("ends calls under way, refuses later ones, drops casts, and is over when it is healed", async () => {
    const { simulation, links, near, ref } = await start();
    links.conditions("near", "far", { delayMs: 30 });
    const underWay = ref.call("add", { by: 1 }, within);
    await simulation.advance(10);

    links.cut("near", "far");
    const lost = await simulation.until(underWay);
    const refused = await simulation.until(ref.call("add", { by: 1 }, within));
    const dropped = ref.cast("note", { word: "lost" });
    await simulation.advance(100);
    links.heal("near", "far");

    assert.deepEqual(lost, {
      ok: false,
      failure: { code: "runtime.link-lost", actor: "counter", executed: "maybe" },
    });
    assert.deepEqual(refused, {
      ok: false,
      failure: { code: "runtime.not-connected", actor: "counter", executed: "no" },
    });
    assert.equal(dropped, "dropped");
    assert.deepEqual(await simulation.until(near.call("words", {}, within)), ok([]));
    assert.deepEqual(await simulation.until(ref.call("add", { by: 1 }, within)), ok(1));
  });

  it("takes with it what is under way, also where it is healed at once", async () => {
    const { simulation, links, near, ref } = await start();
    links.conditions("near", "far", { delayMs: 30 });
    ref.cast("note", { word: "lost" });

    links.cut("near", "far");
    links.heal("near", "far");
    ref.cast("note", { word: "there" });
    await simulation.advance(100);

    assert.deepEqual(await simulation.until(near.call("words", {}, within)), ok(["there"]));
  });

  it("tells each monitor once, whatever comes first", async () => {
    const { simulation, links, actor, ref } = await start();
    const told: Down["reason"][][] = [[], [], [], []];
    const monitor = (index: number): (() => void) => ref.monitor(({ reason }) => told[index]?.push(reason));

    monitor(0);
    monitor(1)();
    links.cut("near", "far");
    monitor(2);
    actor.crash();
    links.heal("near", "far");
    await simulation.advance(500);
    monitor(3);
    actor.crash();
    await simulation.advance(500);
    links.cut("near", "far");

    assert.deepEqual(told, [["no-connection"], [], ["no-connection"], ["crashed"]]);
  });

  it("is between those two places alone", async () => {
    const { simulation, links, actor, ref } = await start();
    links.cut("near", "elsewhere");
    const other = links.ref("elsewhere", "far", actor.ref);

    assert.deepEqual(await simulation.until(ref.call("add", { by: 1 }, within)), ok(1));
    assert.deepEqual(await simulation.until(other.call("add", { by: 1 }, within)), ok(2));
  });
});

describe("link matrix: anything at once", () => {
  it("answers every call once, and leaves nothing behind (SIM-7)", async () => {
    const seen = new Set<string>();
    await runSeeds({ count: 100, repeatEvery: 10 }, async (simulation) => {
      const { random } = simulation;
      const links = new LinkMatrix(simulation);
      const cell = new SimulatedCell(simulation);
      const actor = await simulation.until(cell.start(counter, {}, { mailboxCapacity: 2 }));
      const ref = links.ref("near", "far", actor.ref);
      const chance = () => random.below(40);
      for (const [source, target] of [
        ["near", "far"],
        ["far", "near"],
      ] as const) {
        const delayMs = random.below(20);
        links.conditions(source, target, {
          lossPercent: chance(),
          duplicatePercent: chance(),
          reorderPercent: chance(),
          delayMs,
        });
      }
      const calls = Array.from({ length: 10 }, async () => {
        const answer = await ref.call("add", { by: 1 }, within);
        simulation.tell("answer", answer);
        seen.add(answer.ok ? "ok" : answer.failure.code);
      });
      await simulation.advance(random.below(50));
      if (random.below(2) === 0) links.cut("near", "far");
      if (random.below(4) === 0) actor.crash();
      await simulation.until(Promise.all(calls));
      cell.end();
      await simulation.advance(1000);
      assert.equal(simulation.clock.armedCount, 0);
    });

    for (const code of ["ok", "runtime.call-timeout", "runtime.link-lost", "runtime.mailbox-full"]) {
      assert(seen.has(code), `there was: ${code}`);
    }
  });
});

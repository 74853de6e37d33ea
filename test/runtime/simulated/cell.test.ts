/** Actors in a cell of a simulation, the probes they speak to, and who runs next. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ok } from "#runtime/errors.ts";
import { SimulatedCell } from "#runtime/simulated/cell.ts";
import { probe } from "#runtime/simulated/probe.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { SeededRunQueue } from "#runtime/simulated/run-queue.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { runSeed } from "#runtime/simulated/seeds.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";
import { counter, type KeeperProtocol } from "#test/runtime/simulated/counter.ts";

const within = { timeoutMs: 1000 };

async function startCounter(restartAfterMs?: number) {
  const simulation = new Simulation(1);
  const cell = new SimulatedCell(simulation);
  const keeper = probe<KeeperProtocol>("keeper", { find: ({ key }) => ok(`${key}!`) });
  const options = restartAfterMs === undefined ? {} : { restartAfterMs };
  const started = await simulation.until(cell.start(counter, { keeper: keeper.ref }, options));
  return { simulation, cell, keeper, ...started, started };
}

describe("simulated cell: an actor", () => {
  it("is asked by its ref, and what it announces is kept", async () => {
    const { simulation, ref, announced } = await startCounter();

    const answers = [
      await simulation.until(ref.call("add", { by: 2 }, within)),
      await simulation.until(ref.call("add", { by: 3 }, within)),
    ];

    assert.deepEqual(answers, [ok(2), ok(5)]);
    assert.deepEqual(announced, [
      { name: "counted", event: { total: 2 } },
      { name: "counted", event: { total: 5 } },
    ]);
  });

  it("comes back after a crash, with a fresh state behind the same ref", async () => {
    const { simulation, ref, started, exits } = await startCounter(250);
    await simulation.until(ref.call("add", { by: 2 }, within));

    started.crash();
    await simulation.advance(200);
    assert.equal(started.incarnation, 1);
    await simulation.advance(100);

    assert.equal(started.incarnation, 2);
    assert.deepEqual(await simulation.until(ref.call("add", { by: 1 }, within)), ok(1));
    assert.deepEqual(
      exits.map(({ kind }) => kind),
      ["crashed"],
    );
  });

  it("stays down where nobody starts it again, until somebody does", async () => {
    const { simulation, started } = await startCounter(Number.POSITIVE_INFINITY);

    started.ref.cast("poison", {});
    await simulation.advance(60_000);
    assert.deepEqual([started.incarnation, started.exits.length], [1, 1]);
    await simulation.until(started.restart());

    assert.equal(started.incarnation, 2);
  });

  it("is stopped in good order, and then refuses", async () => {
    const { simulation, started } = await startCounter();

    assert.deepEqual(await simulation.until(started.stop()), { clean: true });
    const refused = await simulation.until(started.ref.call("add", { by: 1 }, within));

    assert.equal(!refused.ok && refused.failure.code, "runtime.actor-stopped");
    await simulation.advance(60_000);
    assert.equal(started.incarnation, 1);
  });

  it("is gone with its cell: nothing of it answers", async () => {
    const { simulation, cell, ref } = await startCounter();
    let isAnswered = false;

    void ref.call("add", { by: 1 }, within).then(() => {
      isAnswered = true;
    });
    cell.end();
    await simulation.advance(60_000);

    assert.deepEqual([isAnswered, simulation.clock.armedCount], [false, 0]);
  });
});

describe("simulated cell: who runs next", () => {
  it("is drawn among those who have something to do, by the seed (SIM-3)", async () => {
    const orderOf = async (seed: number): Promise<string> => {
      const simulation = new Simulation(seed);
      const cell = new SimulatedCell(simulation);
      let order = "";
      const start = (name: string) => {
        const note = (): void => {
          order += name;
        };
        const listener: typeof counter = { ...counter, name, handlers: { ...counter.handlers, note } };
        return simulation.until(cell.start(listener, {}));
      };
      const actors = [await start("a"), await start("b"), await start("c")];
      for (const { ref } of [...actors, ...actors]) ref.cast("note", { word: "" });
      await simulation.settle();
      return order;
    };
    const orders = new Set<string>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const order = await orderOf(seed);
      assert.equal([...order].toSorted().join(""), "aabbcc");
      assert.equal(await orderOf(seed), order);
      orders.add(order);
    }

    assert(orders.size >= 6, `of ${orders.size} orders`);
  });
});

describe("probe", () => {
  it("hears what is said to it, and answers as it was told", async () => {
    const { simulation, ref, keeper } = await startCounter();

    const found = await simulation.until(ref.call("fetch", { key: "k" }, within));

    assert.deepEqual(found, ok("k!"));
    assert.deepEqual(keeper.heard, [
      { form: "cast", name: "touch", request: { key: "k" } },
      { form: "call", name: "find", request: { key: "k" } },
    ]);
  });

  it("is like a stopped actor where it has no answer", async () => {
    const { ref } = probe<KeeperProtocol>("keeper");

    const found = await ref.call("find", { key: "k" }, within);

    assert.deepEqual(found, {
      ok: false,
      failure: { code: "runtime.actor-stopped", actor: "keeper", executed: "no" },
    });
  });

  it("goes down once for each monitor", () => {
    const { ref, down } = probe<KeeperProtocol>("keeper");
    const told: string[] = [];
    ref.monitor(({ reason }) => told.push(`one ${reason}`));
    ref.monitor(({ reason }) => told.push(`two ${reason}`))();

    down("crashed");
    down("crashed");

    assert.deepEqual(told, ["one crashed"]);
  });
});

describe("seeded run queue", () => {
  async function orderOf(seed: number): Promise<string> {
    const queue = new SeededRunQueue(seededScheduler(seededRandom(seed)), seededRandom(seed + 1));
    let order = "";
    await runSeed(seed, async (simulation) => {
      for (const name of "abcde") {
        const actor = {
          turns: 2,
          runSlot: (turnsMax: number) => {
            assert.equal(turnsMax, 1);
            order += name;
            actor.turns -= 1;
            if (actor.turns > 0) queue.enqueue(actor);
            return 1;
          },
        };
        queue.enqueue(actor);
      }
      assert.equal(order, "", "nothing runs in the turn that puts it in line");
      await simulation.settle();
    });
    return order;
  }

  it("lets everybody in line run once for each time, in an order by the seed (SIM-3)", async () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 50; seed += 1) {
      const order = await orderOf(seed);
      assert.equal([...order].toSorted().join(""), "aabbccddee");
      assert.equal(await orderOf(seed), order);
      orders.add(order);
    }

    assert(orders.size > 40, `of ${orders.size} orders`);
  });
});

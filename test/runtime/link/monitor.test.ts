/** DOWN exactly once across cells: whatever dies, is cut, comes back or is undone. Actors are fakes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LINK_MONITORS_MAX, LINK_PATIENCE_MS } from "#runtime/link/limits.ts";
import type { Down } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";
import { dataPath, type FakeProtocol, startWorld, type World } from "#test/runtime/link/kit.ts";

const lost: Down = { actor: "store", incarnation: 0, reason: "no-connection" };

/** A world whose link is up. */
async function connected(seed = 1): Promise<World> {
  const world = await startWorld({ seed });
  await world.clock.settle();
  assert.equal(world.gate.isConnected("data"), true);
  return world;
}

describe("link: DOWN exactly once", () => {
  it("when the target's cell dies, and never again when it is back", async () => {
    const { ref, store, data, network, clock } = await connected();
    const downs: Down[] = [];
    ref.monitor((down) => downs.push(down));
    await clock.settle();

    await data.close();
    await clock.advance(10 * second);
    network.cut(dataPath);
    store.goDown("crashed", 1);
    await clock.advance(10 * second);

    assert.deepEqual(downs, [lost]);
    assert.equal(store.monitors.size, 0);
  });

  it("when the link is cut before the monitor has left, and when it has not been answered", async () => {
    const { ref, network, clock } = await connected();
    const downs: Down[] = [];

    ref.monitor((down) => downs.push(down));
    network.cut(dataPath);
    await clock.settle();

    assert.deepEqual(downs, [lost]);
  });

  it("when the target dies at the moment the link is cut, in either order", async () => {
    for (const isCutFirst of [true, false]) {
      const { ref, store, network, clock } = await connected();
      const downs: Down[] = [];
      ref.monitor((down) => downs.push(down));
      await clock.settle();

      if (isCutFirst) network.cut(dataPath);
      store.goDown("killed", 4);
      if (!isCutFirst) network.cut(dataPath);
      await clock.advance(10 * second);

      assert.equal(downs.length, 1, JSON.stringify(downs));
    }
  });

  it("when the target is gone already: at once, each time that it is asked", async () => {
    const { gate, clock } = await connected();
    const downs: Down[] = [];
    const nobody = gate.ref<FakeProtocol>("nobody", "data");

    nobody.monitor((down) => downs.push(down));
    nobody.monitor((down) => downs.push(down));
    await clock.settle();

    const none: Down = { actor: "nobody", incarnation: 0, reason: "no-actor" };
    assert.deepEqual(downs, [none, none]);
  });

  it("for each of several monitors of one actor, also by one function", async () => {
    const { ref, store, clock } = await connected();
    const downs: Down[] = [];
    const note = (down: Down): number => downs.push(down);
    ref.monitor(note);
    ref.monitor(note);
    await clock.settle();

    store.goDown("normal", 2);
    await clock.settle();

    const down: Down = { actor: "store", incarnation: 2, reason: "normal" };
    assert.deepEqual(downs, [down, down]);
  });

  it("for a monitor that waits while the peer restarts: it holds on the new link", async () => {
    const { ref, store, data, network, clock, startData } = await connected();
    await data.listen({ path: `${dataPath}.elsewhere` });
    network.cut(dataPath);
    await clock.settle();
    const downs: Down[] = [];
    ref.monitor((down) => downs.push(down));
    await clock.advance(LINK_PATIENCE_MS / 2);
    assert.deepEqual(downs, []);

    await startData();
    network.heal(dataPath);
    await clock.advance(LINK_PATIENCE_MS);
    assert.equal(store.monitors.size, 1);
    store.goDown("shutdown", 7);
    await clock.advance(10 * second);

    assert.deepEqual(downs, [{ actor: "store", incarnation: 7, reason: "shutdown" }]);
  });

  it("when the caller's own cell closes, connected or not", async () => {
    for (const listens of [true, false]) {
      const { ref, gate, clock } = await startWorld({ listens });
      const downs: Down[] = [];
      ref.monitor((down) => downs.push(down));
      await clock.settle();

      await gate.close();
      ref.monitor((down) => downs.push(down));
      await clock.advance(10 * second);

      assert.deepEqual(downs, [lost, lost]);
      assert.equal(clock.armedCount, 0);
    }
  });

  it("for one that is asked for inside a DOWN: that monitor is on the next link", async () => {
    const { ref, store, network, clock } = await connected();
    const downs: Down[] = [];
    const again = (down: Down): void => {
      downs.push(down);
      if (downs.length < 3) ref.monitor(again);
    };
    ref.monitor(again);
    await clock.settle();

    for (let cuts = 1; cuts <= 2; cuts += 1) {
      network.cut(dataPath);
      network.heal(dataPath);
      await clock.advance(LINK_PATIENCE_MS);
      assert.deepEqual([downs.length, store.monitors.size], [cuts, 1]);
    }
    store.goDown("crashed", 9);
    await clock.settle();

    assert.deepEqual(downs, [lost, lost, { actor: "store", incarnation: 9, reason: "crashed" }]);
  });

  it("past LINK_MONITORS_MAX at once, and the others are not touched", async () => {
    const { ref, store, clock } = await connected();
    const downs: Down[] = [];
    for (let count = 0; count < LINK_MONITORS_MAX; count += 1) ref.monitor((down) => downs.push(down));
    await clock.settle();
    assert.deepEqual([downs.length, store.monitors.size], [0, LINK_MONITORS_MAX]);

    ref.monitor((down) => downs.push(down));
    await clock.settle();

    assert.deepEqual(downs, [lost]);
  });
});

describe("link: a monitor that throws", () => {
  for (const end of ["is lost", "was never there", "stays, while the actor ends"] as const) {
    it(`keeps no other from its DOWN, where the link ${end}`, async () => {
      const surfaced: unknown[] = [];
      const { ref, network, store, gate, clock } = await startWorld({ listens: end !== "was never there", surfaced });
      const downs: Down[] = [];
      ref.monitor(() => {
        throw new RangeError("not my day");
      });
      ref.monitor((down) => downs.push(down));
      await clock.settle();

      if (end === "is lost") network.cut(dataPath);
      else if (end === "stays, while the actor ends") store.goDown("crashed", 1);
      await clock.advance(LINK_PATIENCE_MS);

      assert.equal(downs.length, 1);
      assert.deepEqual(surfaced, [new RangeError("not my day")]);
      assert.equal(gate.isConnected("data"), end === "stays, while the actor ends");
    });
  }
});

describe("link: a monitor that is undone", () => {
  it("stays silent while its DOWN is on the way", async () => {
    const { ref, store, clock } = await connected();
    const downs: Down[] = [];
    const undo = ref.monitor((down) => downs.push(down));
    await clock.settle();

    store.goDown("crashed", 1);
    undo();
    await clock.advance(10 * second);

    assert.deepEqual(downs, []);
  });

  it("stays silent when another's DOWN undoes it, on the link or waiting for one", async () => {
    for (const listens of [true, false]) {
      const { ref, network, clock } = await startWorld({ listens });
      const heard: string[] = [];
      ref.monitor(() => {
        heard.push("first");
        undo();
      });
      const undo = ref.monitor(() => heard.push("second"));
      await clock.settle();

      network.cut(dataPath);
      await clock.advance(LINK_PATIENCE_MS);

      assert.deepEqual(heard, ["first"]);
    }
  });

  it("stays silent past LINK_MONITORS_MAX, where its DOWN would come at once", async () => {
    const { ref, clock } = await connected();
    for (let count = 0; count < LINK_MONITORS_MAX; count += 1) ref.monitor(() => undefined);
    const downs: Down[] = [];

    ref.monitor((down) => downs.push(down))();
    await clock.settle();

    assert.deepEqual(downs, []);
  });

  it("is forgotten by the other cell, also when it waited for the link", async () => {
    const { ref, store, clock, startData } = await startWorld({ listens: false });
    const undoEarly = ref.monitor(() => undefined);
    const undoLate = ref.monitor(() => undefined);
    undoEarly();
    await startData();
    await clock.advance(LINK_PATIENCE_MS);
    assert.equal(store.monitors.size, 1);

    undoLate();
    undoLate();
    await clock.settle();

    assert.equal(store.monitors.size, 0);
  });
});

describe("link: monitors in any script", () => {
  interface Watched {
    downCount: number;
    isUndone: boolean;
    undo: () => void;
  }
  type Step = {
    readonly do: "monitor" | "undo" | "down" | "cut" | "heal" | "restart" | "turn" | "wait";
    readonly which: number;
  };
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom(
      "monitor",
      "monitor",
      "monitor",
      "undo",
      "down",
      "cut",
      "cut",
      "heal",
      "heal",
      "restart",
      "turn",
      "turn",
      "wait",
    ),
    which: fc.nat({ max: 9 }),
  });

  it("hear one DOWN each, none once undone, and the other cell keeps none too many", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), fc.nat({ max: 999 }), async (script, seed) => {
        const world = await startWorld({ seed });
        const { ref, store, data, network, clock } = world;
        const monitors: Watched[] = [];
        const watch = (onDown: () => void): void => {
          const made: Watched = { downCount: 0, isUndone: false, undo: () => undefined };
          monitors.push(made);
          made.undo = ref.monitor(() => {
            assert.equal(made.isUndone, false, "no DOWN once undone");
            made.downCount += 1;
            onDown();
          });
        };
        const undo = (chosen: Watched | undefined): void => {
          if (chosen === undefined || chosen.downCount > 0) return;
          chosen.isUndone = true;
          chosen.undo();
        };
        for (const { do: what, which } of script) {
          if (what === "monitor") {
            watch(() => {
              // Every third undoes another, every third monitors again.
              if (which % 3 === 0) undo(monitors[which % monitors.length]);
              if (which % 3 === 1) watch(() => undefined);
            });
          }
          if (what === "undo") undo(monitors[which % Math.max(1, monitors.length)]);
          if (what === "down") store.goDown("crashed", which);
          if (what === "cut") network.cut(dataPath);
          if (what === "heal") network.heal(dataPath);
          if (what === "restart") await data.listen({ path: dataPath });
          if (what === "turn") await clock.settle();
          if (what === "wait") await clock.advance([1, 100, 1200][which % 3] ?? 1);
          assert(monitors.every(({ downCount }) => downCount <= 1));
        }

        network.heal(dataPath);
        await clock.advance(3 * LINK_PATIENCE_MS);
        const live = monitors.filter(({ downCount, isUndone }) => downCount === 0 && !isUndone);
        assert.equal(store.monitors.size, live.length, "the other cell holds exactly those that wait");
        await world.gate.close();
        await clock.settle();
        for (const { downCount, isUndone } of monitors) assert.equal(downCount, isUndone ? 0 : 1);
      }),
      { numRuns: 100 },
    );
  });
});

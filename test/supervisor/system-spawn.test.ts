/** Workers that come and go in a running system, what they leave open, and what they leave unhandled. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { Defect, ok } from "#runtime/errors.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { memoryLog } from "#runtime/simulated/log.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { minute, second } from "#runtime/units.ts";
import { startSystem } from "#supervisor/system/start-system.ts";
import type { SystemOptions } from "#supervisor/system/system.ts";
import { worker } from "#supervisor/system/worker.ts";

interface DiverProtocol {
  echo: Call<{ readonly value: number }, number>;
  dive: Cast<{ readonly forMs: number }>;
  crash: Cast<{ readonly value: number }>;
}

/** Names whose scope has closed. */
type Closed = string[];

const diver: Behavior<DiverProtocol, Record<never, never>, Closed, Closed> = {
  name: "diver",
  init: (closed, ctx) => {
    ctx.scope.add(() => void closed.push(`${ctx.name} ${ctx.incarnation}`));
    return closed;
  },
  handlers: {
    echo: (_closed, { value }) => ok(value),
    dive: (_closed, { forMs }, ctx) =>
      ctx.later(
        () => new Promise<void>((resolve) => ctx.clock.after(forMs, resolve)),
        () => undefined,
      ),
    crash: () => {
      throw new Defect("told to crash");
    },
  },
};

async function started(more: Partial<SystemOptions> = {}) {
  const clock = new ManualClock();
  const closed: Closed = [];
  const log = memoryLog();
  const keepAlive = () => () => undefined;
  const seams = { clock, random: seededRandom(1), scheduler: seededScheduler(seededRandom(2)), keepAlive };
  const system = await startSystem({ name: "test", children: [], log, seams, ...more });
  const make = (name: string, restart: "permanent" | "transient" | "temporary") =>
    worker({ behavior: diver, name, restart, deps: () => closed, shutdownMs: 1 * second });
  return { clock, closed, system, make };
}

const timeoutMs = 1 * second;

describe("system: workers that come and go", () => {
  it("spawns one that is spoken to at once, and is restarted like any other", async () => {
    const { clock, system, make } = await started();

    assert.deepEqual(system.spawn(make("a", "permanent")), ok());
    const ref = system.ref(diver, "a");
    assert.deepEqual(await ref.call("echo", { value: 1 }, { timeoutMs }), ok(1));
    ref.cast("crash", { value: 2 });
    await clock.advance(1 * second);

    assert.deepEqual(await ref.call("echo", { value: 3 }, { timeoutMs }), ok(3));
    assert.deepEqual(
      system.status().map(({ name, restarts }) => [name, restarts]),
      [["a", 1]],
    );
    await system.stop();
  });

  it("refuses a second one of a name, and takes it when the first is gone", async () => {
    const { clock, closed, system, make } = await started();
    system.spawn(make("a", "permanent"));

    const second = system.spawn(make("a", "permanent"));
    const removing = system.remove("a");
    await clock.settle();

    assert.deepEqual(second, { ok: false, failure: { code: "supervisor.child-exists", child: "a" } });
    assert.deepEqual(await removing, ok());
    assert.deepEqual(closed, ["a 1"]);
    assert.throws(() => system.ref(diver, "a"), /no worker called a runs diver/);
    assert.deepEqual(system.spawn(make("a", "permanent")), ok());
    await system.stop();
    assert.deepEqual(system.spawn(make("b", "permanent")), {
      ok: false,
      failure: { code: "supervisor.closing", supervisor: "test" },
    });
  });

  it("forgets a temporary one that has crashed, when nothing of it is left, and not before", async () => {
    const { clock, closed, system, make } = await started();
    system.spawn(make("a", "temporary"));
    const ref = system.ref(diver, "a");
    ref.cast("dive", { forMs: 300 });
    await clock.settle();

    ref.cast("crash", { value: 1 });
    await clock.advance(200);
    const before = [system.status().map(({ state }) => state), [...closed]];
    await clock.advance(200);

    assert.deepEqual(before, [["stopping"], []]);
    assert.deepEqual([system.status(), closed], [[], ["a 1"]]);
    await system.stop();
  });

  it("does not spawn where the others have something to do with it", async () => {
    const { system, make } = await started({ strategy: "one-for-all" });

    assert.throws(() => system.spawn(make("a", "permanent")), Defect);
    await system.stop();
  });
});

describe("system: what a crashed life has open", () => {
  for (const [state, crashes] of [
    ["backing-off", 1],
    ["quarantined", 6],
  ] as const) {
    it(`is closed before a stop settles (${state})`, async () => {
      const { clock, closed, system, make } = await started();
      system.spawn(make("a", "permanent"));
      const ref = system.ref(diver, "a");
      for (let crash = 1; crash <= crashes; crash += 1) {
        if (crash === crashes) ref.cast("dive", { forMs: 300 });
        ref.cast("crash", { value: crash });
        await clock.advance(crash === crashes ? 0 : 5 * second);
      }
      assert.deepEqual(
        system.status().map((worker) => worker.state),
        [state],
      );
      assert.equal(closed.length, crashes - 1);

      let isStopped = false;
      const stopped = system.stop().then(() => {
        isStopped = true;
      });
      await clock.advance(299);
      const early = isStopped;
      await clock.advance(1);
      await stopped;

      assert.equal(early, false);
      assert.equal(closed.length, crashes);
      assert.equal(clock.armedCount, 0);
    });
  }
});

describe("system: dead letters", () => {
  it("are shown and sent again by the name of the worker", async () => {
    const { clock, system, make } = await started();
    system.spawn(make("a", "permanent"));
    system.ref(diver, "a").cast("crash", { value: 7 });
    await clock.advance(1 * second);

    const letters = system.deadLetters("a");
    const replayed = system.replay("a", 1);
    await clock.advance(1 * minute);
    const after = system.deadLetters("a");

    assert.deepEqual(letters.ok && letters.value.map(({ id, name, reason, request }) => [id, name, reason, request]), [
      [1, "crash", "crashed", { value: 7 }],
    ]);
    assert.deepEqual(replayed, ok());
    // It crashed the worker again.
    assert.deepEqual(after.ok && after.value.map(({ id }) => id), [2]);
    const none = { ok: false, failure: { code: "supervisor.no-such-child", child: "b" } };
    assert.deepEqual([system.deadLetters("b"), system.replay("b", 1)], [none, none]);
    await system.stop();
  });
});

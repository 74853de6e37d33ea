/** A system of actors as a user of the library starts it, on a clock that stands still. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { Defect, fail, ok } from "#runtime/errors.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Down, Ref } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { memoryLog } from "#runtime/simulated/log.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";
import type { WorkerSpec } from "#supervisor/child-spec.ts";
import { startSystem } from "#supervisor/system/start-system.ts";
import type { SystemEvent, SystemOptions } from "#supervisor/system/system.ts";
import { type Worker, worker } from "#supervisor/system/worker.ts";

const timeoutMs = 1 * second;

interface CounterProtocol {
  add: Call<{ readonly amount: number }, number, { readonly code: "counter.negative" }>;
  crash: Cast<undefined>;
  hold: Call<undefined>;
}

interface CounterEvents {
  readonly counted: { readonly value: number };
}

const counter: Behavior<CounterProtocol, CounterEvents, undefined, { value: number }> = {
  name: "counter",
  init: () => ({ value: 0 }),
  handlers: {
    add: (state, { amount }, ctx) => {
      if (amount < 0) return fail({ code: "counter.negative" });
      state.value += amount;
      ctx.publish("counted", { value: state.value });
      return ok(state.value);
    },
    crash: () => {
      throw new Defect("told to crash");
    },
    hold: async (_state, _request, ctx) => {
      await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
      return ok();
    },
  },
};

interface FrontProtocol {
  addTwice: Call<{ readonly amount: number }, number, { readonly code: "front.unavailable" }>;
}

/** What it was given is all that it remembers. */
interface Below {
  readonly counter: Ref<CounterProtocol>;
}

const front: Behavior<FrontProtocol, Record<never, never>, Below, Below> = {
  name: "front",
  init: (deps) => deps,
  handlers: {
    addTwice: (state, { amount }, ctx) =>
      ctx.later(
        (task) => state.counter.call("add", { amount: 2 * amount }, { timeoutMs, within: task }),
        (_later, added) => (added.ok ? added : fail({ code: "front.unavailable" })),
      ),
  },
};

interface Rig {
  readonly clock: ManualClock;
  readonly log: ReturnType<typeof memoryLog>;
  /** Holds on the process, begun and not released. */
  readonly holds: { count: number };
  options(children: readonly Worker[], more?: Partial<SystemOptions>): SystemOptions;
}

function rig(): Rig {
  const clock = new ManualClock();
  const log = memoryLog();
  const holds = { count: 0 };
  const keepAlive = (): (() => void) => {
    holds.count += 1;
    return () => {
      holds.count -= 1;
    };
  };
  const seams = { clock, random: seededRandom(1), scheduler: seededScheduler(seededRandom(2)), keepAlive };
  return { clock, log, holds, options: (children, more) => ({ name: "test", children, log, seams, ...more }) };
}

describe("system: a worker", () => {
  it("is spoken to by a ref that outlives its crashes, and loses its state with them (LIB-6)", async () => {
    const { clock, options } = rig();
    const system = await startSystem(options([worker({ behavior: counter })]));
    const ref = system.ref(counter);
    const before = await ref.call("add", { amount: 2 }, { timeoutMs });
    const downs: Down[] = [];
    ref.monitor((down) => downs.push(down));

    ref.cast("crash", undefined);
    const during = ref.call("add", { amount: 5 }, { timeoutMs });
    await clock.advance(1 * second);

    // The message that waited is handled by the next life.
    assert.deepEqual([before, await during], [ok(2), ok(5)]);
    assert.deepEqual(downs, [{ actor: "counter", incarnation: 1, reason: "crashed" }]);
    assert.deepEqual(
      system.status().map(({ name, state, lives, restarts }) => ({ name, state, lives, restarts })),
      [{ name: "counter", state: "running", lives: 2, restarts: 1 }],
    );
    await system.stop();
  });

  it("has the defaults of the architecture (LIB-9)", () => {
    assert.deepEqual(worker({ behavior: counter }).spec, {
      kind: "worker",
      name: "counter",
      restart: "permanent",
      budget: { restartsMax: 5, periodMs: 1 * minute },
      mailbox: { capacity: 128, overflow: "reject" },
      laterMax: 1024,
      shutdownMs: 5 * second,
    });
  });

  it("keeps what its options say", () => {
    const options = {
      restart: "temporary",
      budget: { restartsMax: 1, periodMs: 1 },
      laterMax: 2,
      shutdownMs: 3,
    } as const;

    assert.deepEqual(worker({ behavior: counter, name: "other", mailbox: { capacity: 4 }, ...options }).spec, {
      kind: "worker",
      name: "other",
      mailbox: { capacity: 4, overflow: "reject" },
      ...options,
    });
  });

  it("takes as many messages as its mailbox holds, and refuses one more", async () => {
    const { clock, options } = rig();
    const system = await startSystem(options([worker({ behavior: counter, mailbox: { capacity: 2 } })]));
    const ref = system.ref(counter);
    void ref.call("hold", undefined, { timeoutMs });
    await clock.settle();

    assert.deepEqual([ref.cast("crash", undefined), ref.cast("crash", undefined)], ["accepted", "accepted"]);
    assert.deepEqual(system.status()[0]?.mailbox, { depth: 2, capacity: 2 });
    assert.equal(ref.cast("crash", undefined), "rejected");
    await system.stop();
  });

  it("is refused where a number of its options is out of bounds (LIB-7)", async () => {
    const { options } = rig();
    const budget = { restartsMax: 5, periodMs: 1 * minute };
    const mistakes: readonly (readonly [Partial<WorkerSpec>, RegExp])[] = [
      ...[0, 1.5, Number.NaN].map((laterMax) => [{ laterMax }, /laterMax of counter/] as const),
      ...[-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31].map(
        (shutdownMs) => [{ shutdownMs }, /shutdownMs of counter is 0 … 2\^31 - 1 ms/] as const,
      ),
      ...[0, Number.POSITIVE_INFINITY].map(
        (capacity) => [{ mailbox: { capacity, overflow: "reject" } }, /the mailbox capacity of counter/] as const,
      ),
      ...[-1, 0.5, Number.NaN].map(
        (restartsMax) => [{ budget: { ...budget, restartsMax } }, /restartsMax in the budget of counter/] as const,
      ),
      ...[0, Number.NaN].map(
        (periodMs) => [{ budget: { ...budget, periodMs } }, /periodMs in the budget of counter/] as const,
      ),
    ];
    const system = await startSystem(options([]));

    for (const [mistake, says] of mistakes) {
      const wrong = worker({ behavior: counter, ...mistake });
      await assert.rejects(startSystem(options([wrong])), says);
      assert.throws(() => system.spawn(wrong), says);
    }
    const intensity = { ...budget, restartsMax: Number.NaN };
    await assert.rejects(startSystem(options([], { intensity })), /restartsMax in the intensity of test/);
    assert.throws(() => system.stop(Number.NaN), /withinMs of a stop/);
    const atLimits = { shutdownMs: 2 ** 31 - 1, laterMax: 1, budget: { restartsMax: 0, periodMs: 1 } };
    assert.deepEqual(system.spawn(worker({ behavior: counter, ...atLimits })), ok());
    await system.stop(0);
  });

  it("that fails to start is tried again, and keeps nobody from starting", async () => {
    let attempts = 0;
    const shy: typeof counter = {
      ...counter,
      name: "shy",
      init: () => {
        attempts += 1;
        if (attempts === 1) throw new Defect("not yet");
        return { value: 0 };
      },
    };
    const { clock, options } = rig();
    const system = await startSystem(options([worker({ behavior: shy }), worker({ behavior: counter })]));
    const states = (): readonly string[] => system.status().map(({ state }) => state);

    assert.deepEqual(states(), ["backing-off", "running"]);
    await clock.advance(1 * second);
    assert.deepEqual(states(), ["running", "running"]);
    await system.stop();
  });
});

describe("system: refs", () => {
  it("find workers that stand earlier, for the deps of a later one (LIB-6)", async () => {
    const { options } = rig();
    const children = [
      worker({ behavior: counter }),
      worker({ behavior: front, deps: (ref) => ({ counter: ref(counter) }) }),
    ];
    const system = await startSystem(options(children));

    assert.deepEqual(await system.ref(front).call("addTwice", { amount: 2 }, { timeoutMs }), ok(4));
    await system.stop();
  });

  it("to a later worker are a defect, and then nothing runs (LIB-7)", async () => {
    const { holds, clock, options } = rig();
    const children = [
      worker({ behavior: front, deps: (ref) => ({ counter: ref(counter) }) }),
      worker({ behavior: counter }),
    ];

    await assert.rejects(startSystem(options(children)), /no worker runs counter, here or so far/);
    assert.deepEqual([holds.count, clock.armedCount], [0, 0]);
  });

  it("to a behavior of several workers take a name", async () => {
    const { options } = rig();
    const children = [worker({ behavior: counter }), worker({ behavior: counter, name: "second" })];
    const system = await startSystem(options(children));

    assert.equal(system.ref(counter, "second").name, "second");
    assert.throws(() => system.ref(counter), /several workers run counter: ask for one by name/);
    assert.throws(() => system.ref(counter, "third"), /no worker called third runs counter/);
    assert.throws(() => system.ref(front, "second"), /no worker called second runs front/);
    assert.throws(
      () => system.ref({ ...counter }, "second"),
      /no worker called second runs counter/,
      "a copy is another",
    );
    await system.stop();
  });

  it("are of workers with names of their own (LIB-7)", async () => {
    const { options } = rig();
    const twins = [worker({ behavior: counter }), worker({ behavior: counter })];

    await assert.rejects(startSystem(options(twins)), /one worker of a system is called counter/);
    await assert.rejects(startSystem(options([worker({ behavior: counter, name: "" })])), /a worker has a name/);
  });
});

describe("system: supervision", () => {
  it("quarantines at the sixth crash within a minute, refuses calls, and resumes by command (LIB-11)", async () => {
    const { clock, options } = rig();
    const system = await startSystem(options([worker({ behavior: counter })]));
    const ref = system.ref(counter);

    for (let crash = 0; crash < 6; crash += 1) {
      ref.cast("crash", undefined);
      await clock.advance(5 * second);
    }

    assert.equal(system.status()[0]?.state, "quarantined");
    assert.deepEqual(
      await ref.call("add", { amount: 1 }, { timeoutMs }),
      fail({ code: "runtime.actor-stopped", actor: "counter", executed: "no" }),
    );
    assert.deepEqual(system.resume("counter"), ok());
    await clock.settle();
    assert.deepEqual(await ref.call("add", { amount: 1 }, { timeoutMs }), ok(1));
    await system.stop();
  });

  it("follows the strategy", async () => {
    const { clock, options } = rig();
    const children = ["a", "b", "c"].map((name) => worker({ behavior: counter, name }));
    const system = await startSystem(options(children, { strategy: "rest-for-one" }));

    system.kill("b");
    await clock.advance(1 * second);

    assert.deepEqual(
      system.status().map(({ lives }) => lives),
      [1, 2, 2],
    );
    await system.stop();
  });

  it("tells on the bus what workers publish and what becomes of them", async () => {
    const { clock, options } = rig();
    const system = await startSystem(options([worker({ behavior: counter })]));
    const events = system.bus.subscribe();

    await system.ref(counter).call("add", { amount: 1 }, { timeoutMs });
    assert.deepEqual(system.kill("counter"), ok());
    await clock.advance(1 * second);

    const seen: SystemEvent[] = [];
    for (let next = events.take(); next !== undefined; next = events.take()) seen.push(next.event);
    assert.deepEqual(seen, [
      { type: "ActorEvent", actor: "counter", name: "counted", event: { value: 1 } },
      { type: "ServiceCrashed", service: "counter", reason: "defect" },
      { type: "childRestarted", supervisor: "test", child: "counter", life: 2, restarts: 1, reason: "defect" },
    ]);
    await system.stop();
  });

  it("counts in the registry that it is given", async () => {
    const { options } = rig();
    const metrics = new Metrics();
    const system = await startSystem(options([worker({ behavior: counter })], { metrics }));
    system.kill("counter");
    await system.stop();

    assert.equal(system.metrics, metrics);
    const refused = metrics.takeDeltas().filter(({ labels }) => labels["reason"] === "defect");
    assert.deepEqual(
      refused.map(({ name, value }) => [name, value]),
      [["rejected_total", 1]],
    );
  });

  it("refuses to kill a life that has ended, while its init or its terminate still runs", async () => {
    const { clock, options } = rig();
    let init = Promise.withResolvers<{ value: number }>();
    const terminated = Promise.withResolvers<void>();
    const slow: typeof counter = { ...counter, init: () => init.promise, terminate: () => terminated.promise };
    const system = await startSystem(options([]));
    const notRunning = (state: string) => fail({ code: "supervisor.not-running", child: "counter", state });
    system.spawn(worker({ behavior: slow }));
    await clock.settle();

    assert.deepEqual(system.kill("counter"), ok());
    assert.deepEqual(system.kill("counter"), notRunning("starting"));
    init.resolve({ value: 0 });
    await clock.advance(1 * second);
    assert.equal(system.status()[0]?.state, "running");
    assert.deepEqual(system.kill("counter"), ok());
    init = Promise.withResolvers();
    await clock.advance(1 * second);
    // Of the life after it the start has begun.
    assert.deepEqual(system.kill("counter"), ok());
    init.resolve({ value: 0 });
    await clock.advance(10 * second);
    const stopping = system.stop();
    assert.deepEqual(system.kill("counter"), notRunning("stopping"));
    terminated.resolve();
    assert.deepEqual(await stopping, { reason: "stopped" });
  });

  it("answers with a failure where there is nobody to kill or resume", async () => {
    const { options } = rig();
    const system = await startSystem(options([worker({ behavior: counter })]));

    assert.deepEqual(system.kill("nobody"), fail({ code: "supervisor.no-such-child", child: "nobody" }));
    assert.deepEqual(
      system.resume("counter"),
      fail({ code: "supervisor.not-resumable", child: "counter", state: "running" }),
    );
    await system.stop();
  });
});

describe("system: its end", () => {
  it("stops in reverse, in good order, and leaves nothing", async () => {
    const stopped: string[] = [];
    const tidy = (name: string): Worker =>
      worker({ behavior: { ...counter, name, terminate: (_state, { kind }) => void stopped.push(`${name} ${kind}`) } });
    const { clock, holds, options } = rig();
    const system = await startSystem(options([tidy("a"), tidy("b"), tidy("c")]));
    assert.equal(holds.count, 1);

    const ends = await Promise.all([system.stop(), system.stop(), system.ended]);

    assert.deepEqual(ends, [{ reason: "stopped" }, { reason: "stopped" }, { reason: "stopped" }]);
    assert.deepEqual(stopped, ["c shutdown", "b shutdown", "a shutdown"]);
    assert.deepEqual([holds.count, clock.armedCount], [0, 0]);
    assert.deepEqual(await system.stop(), { reason: "stopped" });
  });

  it("comes when its workers together crash too often (LIB-11)", async () => {
    const { clock, holds, options } = rig();
    const intensity = { restartsMax: 1, periodMs: 1 * minute };
    const children = [worker({ behavior: counter }), worker({ behavior: counter, name: "second" })];
    const system = await startSystem(options(children, { intensity }));

    system.kill("counter");
    system.kill("second");
    const end = await system.ended;
    await clock.settle();

    assert.deepEqual(end, { reason: "escalated" });
    assert.deepEqual([holds.count, clock.armedCount], [0, 0]);
    assert.equal(system.ref(counter, "second").cast("crash", undefined), "stopped");
    assert.deepEqual(await system.stop(), end);
  });

  it("comes with the twenty-first restart within a minute where nothing else is said (LIB-9)", async () => {
    const { clock, options } = rig();
    const names = ["a", "b", "c", "d", "e"];
    const system = await startSystem(options(names.map((name) => worker({ behavior: counter, name }))));

    for (let restart = 0; restart < 20; restart += 1) {
      assert.deepEqual(system.kill(names[restart % names.length] ?? ""), ok());
      await clock.advance(2 * second);
    }
    assert.deepEqual(
      system.status().map(({ state, restarts }) => ({ state, restarts })),
      names.map(() => ({ state: "running", restarts: 4 })),
    );
    system.kill("a");

    assert.deepEqual(await system.ended, { reason: "escalated" });
  });

  it("comes when a worker does not let go, and the others are stopped in good order (LIB-11)", async () => {
    const stopped: string[] = [];
    const clinging: typeof counter = {
      ...counter,
      // Held by the task of a life that crashes, so that the next one may not begin.
      handlers: {
        ...counter.handlers,
        hold: (_state, _request, ctx) =>
          ctx.later(
            () => new Promise<never>(() => undefined),
            () => ok(),
          ),
      },
    };
    const tidy: typeof counter = { ...counter, name: "tidy", terminate: () => void stopped.push("tidy") };
    const { clock, log, holds, options } = rig();
    const children = [worker({ behavior: clinging, shutdownMs: 100 }), worker({ behavior: tidy })];
    const system = await startSystem(options(children));

    void system.ref(clinging).call("hold", undefined, { timeoutMs });
    await clock.settle();
    system.kill("counter");
    await clock.advance(10 * second);

    assert.deepEqual(await system.ended, { reason: "stuck", child: "counter" });
    assert.deepEqual(stopped, ["tidy"]);
    assert.deepEqual(
      system.status().map(({ state }) => state),
      ["stopped", "stopped"],
    );
    assert.deepEqual([holds.count, clock.armedCount], [0, 0]);
    assert.deepEqual(
      log.events.filter((event) => event === "system.stuck"),
      ["system.stuck"],
    );
    assert.equal(system.ref(tidy).cast("crash", undefined), "stopped");
    assert.deepEqual(await system.stop(), { reason: "stuck", child: "counter" });
  });

  it("names the first of several workers that do not let go", async () => {
    const clinging: typeof counter = { ...counter, terminate: () => new Promise<never>(() => undefined) };
    const children = ["a", "b"].map((name) => worker({ behavior: clinging, name, shutdownMs: 100 }));
    const { clock, log, options } = rig();
    const system = await startSystem(options(children));

    const stopping = system.stop();
    await clock.advance(1 * second);

    assert.deepEqual(await stopping, { reason: "stuck", child: "b" });
    assert.equal(log.events.filter((event) => event === "system.stuck").length, 1);
  });

  it("takes no longer than it is given and one grace for all, and frees those whose turn has not come (LIB-12)", async () => {
    const closed: string[] = [];
    const slow: typeof counter = {
      ...counter,
      init: (_deps, ctx) => {
        ctx.scope.add(() => void closed.push("closed"));
        return { value: 0 };
      },
      terminate: () => {
        closed.push("terminate");
        return new Promise((resolve) => clock.after(3 * second, () => resolve()));
      },
    };
    const { clock, options } = rig();
    const names = ["a", "b", "c", "d", "e"];
    const system = await startSystem(options(names.map((name) => worker({ behavior: slow, name }))));

    const stopping = system.stop(100);
    await clock.advance(100);
    assert.deepEqual(closed, ["terminate", "closed", "closed", "closed", "closed"]);
    await clock.advance(1 * second);

    assert.deepEqual(await stopping, { reason: "stuck", child: "e" });
  });

  it("is in good order where the grace after its deadline is enough", async () => {
    const slow: typeof counter = {
      ...counter,
      terminate: () => new Promise((resolve) => clock.after(900, () => resolve())),
    };
    const { clock, options } = rig();
    const system = await startSystem(
      options([worker({ behavior: counter }), worker({ behavior: slow, name: "slow" })]),
    );

    const stopping = system.stop(100);
    await clock.advance(900);

    assert.deepEqual(await stopping, { reason: "stopped" });
    assert.equal(clock.armedCount, 0);
  });

  it("takes no longer than it is given", async () => {
    const clinging: typeof counter = { ...counter, terminate: () => new Promise<never>(() => undefined) };
    const { clock, options } = rig();
    const system = await startSystem(options([worker({ behavior: clinging, shutdownMs: 1 * minute })]));

    const stopping = system.stop(2 * second);
    await clock.advance(4 * second);

    assert.deepEqual(await stopping, { reason: "stuck", child: "counter" });
  });
});

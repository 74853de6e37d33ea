/** The end of an actor that is still on its way up, or that does not end well. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { type ExitReason, ok } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";
import type { ManualClock } from "#runtime/simulated/clock.ts";
import { ActorChild } from "#supervisor/cell/actor-child.ts";
import { startActor, testMachine } from "#test/kit/actor.ts";

interface SlowProtocol {
  work: Call<Record<never, never>, void>;
}
interface SlowState {
  readonly isWhole: true;
}

interface Slow {
  readonly actor: Actor;
  readonly clock: ManualClock;
  /** What happened, in order. */
  readonly trace: string[];
  readonly exits: ExitReason[];
  /** Lets everything that waits go on. */
  open(): void;
  waitsInInit: boolean;
  killsItselfInInit: boolean;
  failsTerminate: boolean;
}

/** `init` and the task of `work` wait for `open`; the task does so whether its signal is aborted or not. */
function slow(): Slow {
  const { machine, clock } = testMachine();
  const trace: string[] = [];
  let gates: (() => void)[] = [];
  const gate = (): Promise<void> => new Promise((resolve) => gates.push(resolve));
  const behavior: Behavior<SlowProtocol, never, null, SlowState> = {
    name: "slow",
    init: async (_deps, ctx) => {
      trace.push(`init ${ctx.incarnation}`);
      ctx.scope.add(() => void trace.push(`scope ${ctx.incarnation}`));
      ctx.signal.addEventListener("abort", () => trace.push(`abort ${ctx.incarnation}`));
      if (made.killsItselfInInit) actor.kill("by its own init");
      if (made.waitsInInit) {
        await gate();
        trace.push(`initialised ${ctx.incarnation}`);
      }
      return { isWhole: true };
    },
    handlers: {
      work: (_state, _request, ctx) => ctx.later(gate, () => ok()),
    },
    terminate: ({ isWhole }, { kind }) => {
      trace.push(`terminate ${kind} ${isWhole}`);
      if (made.failsTerminate) throw new RangeError("no end today");
    },
  };
  const mailbox = { capacity: 8, overflow: "reject" } as const;
  const erased = behavior as unknown as Behavior<never, never, never, never>;
  const options = { name: "slow", behavior: erased, deps: null, mailbox, laterMax: 8, shutdownMs: 500 };
  const exits: ExitReason[] = [];
  const actor = new Actor(options, machine);
  actor.onExit((reason) => exits.push(reason));
  const open = (): void => {
    for (const release of gates) release();
    gates = [];
  };
  const made: Slow = {
    actor,
    clock,
    trace,
    exits,
    open,
    waitsInInit: false,
    killsItselfInInit: false,
    failsTerminate: false,
  };
  return made;
}

/** An actor whose last life crashed and has left a task behind. */
async function crashed(): Promise<Slow> {
  const on = slow();
  assert((await on.actor.start()).ok);
  void on.actor.ref<SlowProtocol>().call("work", {}, { timeoutMs: 60_000 });
  await on.clock.settle();
  on.actor.kill("enough");
  await on.clock.settle();
  on.trace.length = 0;
  return on;
}

/** Whether a promise has settled by now. */
function watched<T>(promise: Promise<T>): { readonly settled: boolean; readonly promise: Promise<T> } {
  const seen = { settled: false, promise };
  void promise.then(() => {
    seen.settled = true;
  });
  return seen;
}

const stopped = { code: "runtime.start-failed", actor: "slow", reason: "shutdown" };

describe("actor: stop during start", () => {
  it("begins no life when the start still waits for the last one", async () => {
    const { actor, clock, trace, open } = await crashed();
    const starting = watched(actor.start());
    const stopping = watched(actor.stop());
    await clock.settle();
    assert.deepEqual([starting.settled, stopping.settled, actor.lifecycle], [false, false, "stopping"]);

    open();

    assert.deepEqual(await stopping.promise, { clean: true });
    assert.equal(starting.settled, true);
    assert.deepEqual(await starting.promise, { ok: false, failure: stopped });
    assert.deepEqual([actor.lifecycle, trace], ["stopped", ["scope 1"]]);
    assert.equal((await actor.start()).ok, true);
    assert.equal(actor.incarnation, 2);
  });

  it("ends, in the turn of the very first start, the life whose init has begun", async () => {
    const { actor, trace } = slow();
    const starting = actor.start();

    assert.deepEqual(await actor.stop(), { clean: true });

    assert.deepEqual(await starting, { ok: false, failure: stopped });
    assert.deepEqual([actor.lifecycle, trace], ["stopped", ["init 1", "abort 1", "scope 1"]]);
  });

  for (const end of ["stop", "kill"] as const) {
    it(`does not count as up what ends in the turns after its init (${end})`, async () => {
      for (let turns = 0; turns < 8; turns += 1) {
        const on = slow();
        on.waitsInInit = true;
        const { actor, clock, open } = on;
        const starting = actor.start();
        await clock.settle();
        open();
        for (let turn = 0; turn < turns; turn += 1) await undefined;
        const ended = end === "stop" ? actor.stop() : actor.kill("enough");
        await clock.settle();
        const { ok: isUp } = await starting;
        await ended;

        assert.equal(actor.lifecycle, "stopped", `${turns} turns`);
        on.waitsInInit = false;
        assert.equal((await actor.start()).ok, true, `${turns} turns, up: ${isUp}`);
        await actor.stop();
      }
    });
  }

  it("waits for an init under way, closes what it opened, and terminates nothing", async () => {
    const on = slow();
    on.waitsInInit = true;
    const { actor, clock, trace, open } = on;
    const starting = actor.start();
    await clock.settle();
    const stopping = watched(actor.stop());
    await clock.settle();
    assert.deepEqual([stopping.settled, trace], [false, ["init 1", "abort 1"]]);

    open();

    assert.deepEqual(await stopping.promise, { clean: true });
    assert.deepEqual(await starting, { ok: false, failure: stopped });
    assert.deepEqual(trace, ["init 1", "abort 1", "initialised 1", "scope 1"]);
  });

  it("is not clean when the init does not settle within shutdownMs, and ends the start too", async () => {
    const on = slow();
    on.waitsInInit = true;
    const { actor, clock } = on;
    const starting = actor.start();
    await clock.settle();
    const stopping = watched(actor.stop());

    await clock.advance(499);
    assert.equal(stopping.settled, false);
    await clock.advance(1);

    assert.deepEqual(await stopping.promise, { clean: false });
    assert.deepEqual(await starting, { ok: false, failure: stopped });
  });
});

describe("actor: kill during start", () => {
  it("lets the next life begin only when the init of the last one has settled", async () => {
    const on = slow();
    on.waitsInInit = true;
    const { actor, clock, trace, open } = on;
    const killed = watched(actor.start());
    await clock.settle();

    actor.kill("enough");
    const restarting = actor.start();
    await clock.settle();
    assert.deepEqual(trace, ["init 1", "abort 1"]);
    on.waitsInInit = false;
    open();

    assert.equal((await restarting).ok, true);
    assert.deepEqual(trace, ["init 1", "abort 1", "initialised 1", "scope 1", "init 2"]);
    assert.equal((await killed.promise).ok, false);
  });
});

interface WriterProtocol {
  write: Call<undefined, void>;
  end: Call<undefined, void>;
}

/** A handler that goes on, and what comes after it in the same life and in the next. */
async function writer() {
  const trace: string[] = [];
  let self: Actor | undefined;
  let release: () => void = () => undefined;
  const behavior: Behavior<WriterProtocol, Record<never, never>, undefined, undefined> = {
    name: "writer",
    init: (_deps, ctx) => {
      trace.push(`init ${ctx.incarnation}`);
      ctx.scope.add(() => void trace.push("closed"));
    },
    handlers: {
      write: async (_state, _request, ctx) => {
        ctx.signal.addEventListener("abort", () => trace.push("told"));
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        trace.push("written");
        return ok();
      },
      end: async () => {
        void self?.stop();
        await undefined;
        trace.push("ended");
        return ok();
      },
    },
    terminate: async (_state, _reason, ctx) => {
      trace.push(`terminates ${ctx.signal.aborted}`);
    },
  };
  const started = await startActor(behavior, undefined);
  self = started.actor;
  return { ...started, trace, release: () => release() };
}

describe("actor: a handler that goes on at the end", () => {
  it("is told, and waited for, before its life is terminated, which has a signal of its own", async () => {
    const { actor, ref, clock, trace, release } = await writer();
    void ref.call("write", undefined, { timeoutMs: 60_000 });
    await clock.settle();
    const stopping = watched(actor.stop());
    await clock.settle();
    const before = [...trace];
    release();

    assert.deepEqual(await stopping.promise, { clean: true });
    assert.deepEqual(before, ["init 1", "told"]);
    assert.deepEqual(trace, ["init 1", "told", "written", "terminates false", "closed"]);
  });

  it("is waited for by the next life, too", async () => {
    const { actor, ref, clock, trace, release } = await writer();
    void ref.call("write", undefined, { timeoutMs: 60_000 });
    await clock.settle();
    actor.kill("enough");
    const starting = actor.start();
    await clock.settle();
    const before = [...trace];
    release();

    assert.equal((await starting).ok, true);
    assert.deepEqual(before, ["init 1", "told"]);
    assert.deepEqual(trace, ["init 1", "told", "written", "closed", "init 2"]);
  });

  it("is waited for, where it has ended its own life before it went on", async () => {
    const { actor, ref, clock, trace } = await writer();
    void ref.call("end", undefined, { timeoutMs: 60_000 });
    await clock.settle();
    await actor.stop();

    assert.deepEqual(trace, ["init 1", "ended", "terminates false", "closed"]);
  });
});

describe("actor: what opens something while its life ends", () => {
  for (const end of ["stop", "kill"] as const) {
    it(`has it open until it has settled, and is waited for with it (${end})`, async () => {
      const trace: string[] = [];
      const behavior: Behavior<Record<never, never>, Record<never, never>, undefined, undefined> = {
        name: "late",
        init: async (_deps, ctx) => {
          if (ctx.incarnation > 1) return void trace.push("init 2");
          await new Promise<void>((resolve) => ctx.clock.after(50, resolve));
          ctx.scope.add(async () => {
            trace.push("closing");
            await new Promise<void>((resolve) => ctx.clock.after(400, resolve));
            trace.push("closed");
          });
          await new Promise<void>((resolve) => ctx.clock.after(50, resolve));
          trace.push("used");
        },
        handlers: {},
      };
      const { machine, clock } = testMachine();
      const mailbox = { capacity: 8, overflow: "reject" } as const;
      const erased = behavior as unknown as Behavior<never, never, never, never>;
      const actor = new Actor(
        { name: "late", behavior: erased, deps: undefined, mailbox, laterMax: 8, shutdownMs: 5000 },
        machine,
      );
      void actor.start();
      await clock.advance(10);

      const ended = end === "stop" ? actor.stop() : Promise.resolve(actor.kill("enough")).then(() => actor.start());
      await clock.advance(2000);
      await ended;

      assert.deepEqual(trace, ["used", "closing", "closed", ...(end === "kill" ? ["init 2"] : [])]);
    });
  }
});

describe("actor: a kill of what ends in good order", () => {
  it("keeps what has not begun to terminate from it", async () => {
    const { actor, ref, clock, trace, release } = await writer();
    void ref.call("write", undefined, { timeoutMs: 60_000 });
    await clock.settle();
    const stopping = actor.stop();
    await clock.settle();
    actor.kill("no time left");
    release();

    assert.deepEqual(await stopping, { clean: true });
    assert.deepEqual(trace, ["init 1", "told", "written", "closed"]);
  });
});

describe("actor: an init that ends its own life", () => {
  it("overlaps with no next one, whatever it still does", async () => {
    const on = slow();
    on.waitsInInit = true;
    on.killsItselfInInit = true;
    const { actor, clock, trace, exits, open } = on;
    const killed = actor.start();
    await clock.settle();
    on.waitsInInit = false;
    on.killsItselfInInit = false;
    const restarting = actor.start();
    await clock.settle();
    assert.deepEqual(trace, ["init 1", "abort 1"]);
    open();

    assert.equal((await restarting).ok, true);
    assert.equal((await killed).ok, false);
    assert.deepEqual(trace, ["init 1", "abort 1", "initialised 1", "scope 1", "init 2"]);
    assert.equal(exits.length, 1);
  });
});

describe("actor: a terminate that throws", () => {
  it("is no clean end, but the scope closes and the signal aborts all the same", async () => {
    const on = slow();
    on.failsTerminate = true;
    await on.actor.start();

    assert.deepEqual(await on.actor.stop(), { clean: false });

    assert.deepEqual(on.trace, ["init 1", "terminate shutdown true", "abort 1", "scope 1"]);
    const failure = { code: "runtime.not-closed", actor: "slow", shutdownMs: 500 };
    assert.deepEqual(await on.actor.start(), { ok: false, failure });
  });
});

describe("actor child: stop during start", () => {
  it("is an orderly end: nothing is unclean, and nothing exits", async () => {
    const { actor, clock, open } = await crashed();
    let uncleanCount = 0;
    const exits: ExitReason[] = [];
    const child = new ActorChild(actor, () => {
      uncleanCount += 1;
    });
    child.onExit((reason) => exits.push(reason));
    const starting = child.start();
    await clock.settle();
    const stopping = child.stop();
    await clock.settle();

    open();
    await stopping;

    const failure = { code: "supervisor.start-failed", child: "slow", reason: { kind: "shutdown" } };
    assert.deepEqual(await starting, { ok: false, failure });
    assert.deepEqual([uncleanCount, exits], [0, []]);
  });
});

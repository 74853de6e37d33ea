/** The actor, driven through its ref: calls, casts, tasks, deadlines, crashes. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { type Failure, fail, ok } from "#runtime/errors.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Down } from "#runtime/ref.ts";
import { type KitOptions, type Started, startActor } from "#test/kit/actor.ts";

interface Odd extends Failure<"echo.odd"> {
  readonly value: number;
}

interface EchoProtocol {
  echo: Call<{ readonly value: number }, number, Odd>;
  note: Cast<{ readonly value: number }>;
  read: Call<Record<never, never>, readonly number[]>;
  hold: Call<Record<never, never>, string>;
  task: Call<{ readonly value: number }, number>;
  explode: Call<Record<never, never>, never>;
  explodeInTask: Call<Record<never, never>, never>;
  explodeLater: Call<Record<never, never>, never>;
  remind: Call<{ readonly delayMs: number }, void>;
}

interface EchoEvents {
  noted: { readonly value: number };
}

interface EchoDeps {
  readonly gates: Gate[];
  readonly signals: AbortSignal[];
  readonly closed: string[];
  failStart: boolean;
}

interface EchoState extends EchoDeps {
  readonly notes: number[];
}

/** A promise that the test opens. */
class Gate {
  readonly promise: Promise<void>;
  open: () => void = () => undefined;
  constructor() {
    this.promise = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

function nextGate(state: EchoState): Promise<void> {
  const gate = new Gate();
  state.gates.push(gate);
  return gate.promise;
}

const echoBehavior: Behavior<EchoProtocol, EchoEvents, EchoDeps, EchoState> = {
  name: "echo",
  init: (deps, ctx) => {
    if (deps.failStart) throw new RangeError("no start today");
    ctx.scope.add(() => {
      deps.closed.push(`scope ${ctx.incarnation}`);
    });
    return { ...deps, notes: [] };
  },
  handlers: {
    echo: (_state, { value }) => (value % 2 === 0 ? ok(value) : fail({ code: "echo.odd", value })),
    note: ({ notes }, { value }, ctx) => {
      notes.push(value);
      ctx.publish("noted", { value });
    },
    read: ({ notes }) => ok([...notes]),
    hold: async (state, _request, ctx) => {
      const isTold = new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      await Promise.race([nextGate(state), isTold]);
      return ok("held");
    },
    task: (state, { value }, ctx) =>
      ctx.later(
        async (task) => {
          state.signals.push(task.signal);
          await nextGate(state);
          return value;
        },
        ({ notes }, outcome) => {
          notes.push(outcome);
          return ok(outcome);
        },
      ),
    explode: () => {
      throw new RangeError("boom");
    },
    explodeInTask: (_state, _request, ctx) =>
      ctx.later(
        async (): Promise<never> => {
          throw new RangeError("boom in a task");
        },
        () => ok() as never,
      ),
    explodeLater: async () => {
      await undefined;
      throw new RangeError("boom after a wait");
    },
    remind: (_state, { delayMs }, ctx) => {
      ctx.after(delayMs, ({ notes }) => {
        notes.push(delayMs);
      });
      return ok();
    },
  },
  terminate: ({ closed }, reason) => {
    closed.push(`terminate ${reason.kind}`);
  },
};

const within = { timeoutMs: 1000 };

async function startEcho(options: KitOptions = {}): Promise<Started<EchoProtocol> & { readonly deps: EchoDeps }> {
  const deps: EchoDeps = { gates: [], signals: [], closed: [], failStart: false };
  return { ...(await startActor(echoBehavior, deps, options)), deps };
}

describe("actor: call", () => {
  it("answers with the reply or the failure of the protocol", async () => {
    const { ref } = await startEcho();

    assert.deepEqual(await ref.call("echo", { value: 2 }, within), { ok: true, value: 2 });
    assert.deepEqual(await ref.call("echo", { value: 3 }, within), {
      ok: false,
      failure: { code: "echo.odd", value: 3 },
    });
  });

  it("handles messages of one sender in the order they were sent", async () => {
    const { ref } = await startEcho();

    for (const value of [1, 2, 3]) ref.cast("note", { value });

    assert.deepEqual(await ref.call("read", {}, within), { ok: true, value: [1, 2, 3] });
  });

  it("is rejected past the capacity, not at it, and says that nothing ran", async () => {
    const { ref, deps, clock } = await startEcho({ capacity: 2 });
    const held = ref.call("hold", {}, within);
    await clock.settle();

    const queued = [ref.call("read", {}, within), ref.call("read", {}, within)];
    const past = await ref.call("read", {}, within);
    deps.gates[0]?.open();

    assert.deepEqual(past, { ok: false, failure: { code: "runtime.mailbox-full", actor: "echo", executed: "no" } });
    assert.deepEqual(
      (await Promise.all([held, ...queued])).map(({ ok }) => ok),
      [true, true, true],
    );
  });

  it("waits for room, first come first served, when asked to", async () => {
    const { ref, deps, clock } = await startEcho({ capacity: 1 });
    const held = ref.call("hold", {}, within);
    await clock.settle();
    ref.cast("note", { value: 1 });
    const waiting = [2, 4, 6].map((value) => ref.call("echo", { value }, { timeoutMs: 1000, whenFull: "wait" }));

    deps.gates[0]?.open();

    assert.equal((await held).ok, true);
    assert.deepEqual(
      await Promise.all(waiting),
      [2, 4, 6].map((value) => ({ ok: true, value })),
    );
  });

  it("times out as expired and never runs while the request still waits", async () => {
    const { ref, deps, clock } = await startEcho();
    const held = ref.call("hold", {}, { timeoutMs: 60_000 });
    await clock.settle();
    const late = ref.call("task", { value: 7 }, { timeoutMs: 100 });

    await clock.advance(200);
    deps.gates[0]?.open();

    assert.deepEqual(await late, { ok: false, failure: { code: "runtime.expired", actor: "echo", executed: "no" } });
    assert.equal((await held).ok, true);
    assert.deepEqual(await ref.call("read", {}, within), { ok: true, value: [] });
    assert.equal(deps.gates.length, 1);
  });

  it("times out as maybe executed once the handler began, aborts the task and still settles state", async () => {
    const { ref, deps, clock } = await startEcho();
    const late = ref.call("task", { value: 7 }, { timeoutMs: 100 });

    await clock.advance(200);
    const answer = await late;
    const aborted = deps.signals[0]?.aborted;
    deps.gates[0]?.open();
    await clock.settle();

    assert.deepEqual(answer, {
      ok: false,
      failure: { code: "runtime.call-timeout", actor: "echo", executed: "maybe" },
    });
    assert.equal(aborted, true);
    assert.deepEqual(await ref.call("read", {}, within), { ok: true, value: [7] });
  });

  it("inherits the smaller deadline of its caller and is cancelled with it", async () => {
    const { ref, deps, clock } = await startEcho();
    const caller = new AbortController();
    const inherited = ref.call(
      "task",
      { value: 1 },
      {
        timeoutMs: 60_000,
        within: { deadlineMs: clock.nowMs() + 50, signal: new AbortController().signal },
      },
    );
    const cancelled = ref.call(
      "task",
      { value: 2 },
      {
        timeoutMs: 60_000,
        within: { deadlineMs: Number.POSITIVE_INFINITY, signal: caller.signal },
      },
    );
    await clock.settle();

    caller.abort();
    await clock.advance(100);

    assert.equal((await inherited).ok, false);
    assert.deepEqual(await cancelled, {
      ok: false,
      failure: { code: "runtime.cancelled", actor: "echo", executed: "maybe" },
    });
    assert.deepEqual(
      deps.signals.map(({ aborted }) => aborted),
      [true, true],
    );
  });

  it("fails with actor-stopped after a stop, also what was queued", async () => {
    const { ref, actor, clock } = await startEcho();
    const held = ref.call("hold", {}, within);
    await clock.settle();
    const queued = ref.call("read", {}, within);

    await actor.stop();

    const stopped = { ok: false, failure: { code: "runtime.actor-stopped", actor: "echo", executed: "no" } };
    assert.deepEqual(await queued, stopped);
    assert.deepEqual(await ref.call("read", {}, within), stopped);
    assert.deepEqual(await held, {
      ok: false,
      failure: { code: "runtime.actor-crashed", actor: "echo", executed: "maybe" },
    });
  });
});

describe("actor: cast", () => {
  it("says what became of it: accepted, rejected, stopped", async () => {
    const { ref, actor, clock } = await startEcho({ capacity: 1 });
    void ref.call("hold", {}, within);
    await clock.settle();

    const outcomes = [ref.cast("note", { value: 1 }), ref.cast("note", { value: 2 })];
    await actor.stop();

    assert.deepEqual([...outcomes, ref.cast("note", { value: 3 })], ["accepted", "rejected", "stopped"]);
  });

  it("displaces the oldest where the mailbox drops the oldest, and counts it", async () => {
    const { ref, deps, clock, metrics } = await startEcho({ capacity: 2, overflow: "drop-oldest" });
    const held = ref.call("hold", {}, within);
    await clock.settle();

    for (const value of [1, 2, 3]) assert.equal(ref.cast("note", { value }), "accepted");
    deps.gates[0]?.open();
    await held;
    await clock.settle();

    assert.deepEqual(await ref.call("read", {}, within), { ok: true, value: [2, 3] });
    const rejected = metrics.takeDeltas().filter(({ name }) => name === "rejected_total");
    assert.deepEqual(
      rejected.map(({ labels, value }) => [labels, value]),
      [[{ reason: "mailbox-displaced" }, 1]],
    );
  });
});

describe("actor: tasks", () => {
  it("leaves the mailbox free while a task waits", async () => {
    const { ref, deps, clock } = await startEcho();
    const task = ref.call("task", { value: 5 }, within);
    await clock.settle();

    const meanwhile = await ref.call("echo", { value: 2 }, within);
    deps.gates[0]?.open();

    assert.deepEqual(meanwhile, { ok: true, value: 2 });
    assert.deepEqual(await task, { ok: true, value: 5 });
  });

  it("lets user messages wait at laterMax, not before it", async () => {
    const { ref, deps, clock } = await startEcho({ laterMax: 2 });
    const tasks = [1, 2].map((value) => ref.call("task", { value }, within));
    await clock.settle();
    let isAnswered = false;
    const waiting = ref.call("echo", { value: 2 }, within).then(() => {
      isAnswered = true;
    });

    await clock.settle();
    const before = isAnswered;
    deps.gates[0]?.open();
    await waiting;
    deps.gates[1]?.open();

    assert.equal(before, false);
    assert.deepEqual(
      (await Promise.all(tasks)).map(({ ok }) => ok),
      [true, true],
    );
  });

  it("runs a reminder as a turn, and not after the incarnation has ended", async () => {
    const { ref, clock, crash } = await startEcho();
    await ref.call("remind", { delayMs: 100 }, within);
    await clock.advance(100);
    const first = await ref.call("read", {}, within);

    await ref.call("remind", { delayMs: 100 }, within);
    await crash();
    await clock.advance(200);

    assert.deepEqual(first, { ok: true, value: [100] });
    assert.deepEqual(await ref.call("read", {}, within), { ok: true, value: [] });
  });
});

describe("actor: crash", () => {
  for (const name of ["explode", "explodeInTask", "explodeLater"] as const) {
    it(`ends the incarnation and fails the message in hand (${name})`, async () => {
      const { ref, exits, deps, clock } = await startEcho();

      const answer = await ref.call(name, {}, within);
      await clock.settle();

      assert.deepEqual(answer, {
        ok: false,
        failure: { code: "runtime.actor-crashed", actor: "echo", executed: "maybe" },
      });
      assert.deepEqual(
        exits.map(({ kind }) => kind),
        ["crashed"],
      );
      assert.deepEqual(deps.closed, ["scope 1"]);
    });
  }

  it("keeps what is queued for the next incarnation, with a fresh state", async () => {
    const { ref, actor, restart, clock, exits } = await startEcho();
    ref.cast("note", { value: 1 });
    void ref.call("hold", {}, within);
    await clock.settle();
    ref.cast("note", { value: 2 });
    const queued = ref.call("read", {}, within);

    actor.kill("enough");
    await restart();

    assert.deepEqual(await queued, { ok: true, value: [2] });
    assert.equal(exits.length, 1);
    assert.equal(actor.incarnation, 2);
  });

  it("fails every task in flight, aborts it, and ignores its outcome", async () => {
    const { ref, deps, clock, crash } = await startEcho();
    const task = ref.call("task", { value: 5 }, within);
    await clock.settle();

    const crashed = crash();
    deps.gates[0]?.open();
    await crashed;

    assert.deepEqual(await task, {
      ok: false,
      failure: { code: "runtime.actor-crashed", actor: "echo", executed: "maybe" },
    });
    assert.equal(deps.signals[0]?.aborted, true);
    assert.deepEqual(await ref.call("read", {}, within), { ok: true, value: [] });
  });

  it("fails a call whose task is done but whose settle has not run", async () => {
    const { ref, deps, clock, crash } = await startEcho();
    const task = ref.call("task", { value: 5 }, within);
    await clock.settle();
    const held = ref.call("hold", {}, within);
    await clock.settle();
    deps.gates[0]?.open();
    await clock.settle();

    await crash();

    const crashed = { ok: false, failure: { code: "runtime.actor-crashed", actor: "echo", executed: "maybe" } };
    assert.deepEqual([await task, await held], [crashed, crashed]);
  });

  it("does not start again beside a task that will not end within shutdownMs", async () => {
    const { ref, actor, clock } = await startEcho({ shutdownMs: 500 });
    void ref.call("task", { value: 5 }, within);
    await clock.settle();
    actor.kill("enough");

    const started = actor.start();
    await clock.advance(500);

    assert.deepEqual(await started, {
      ok: false,
      failure: { code: "runtime.not-closed", actor: "echo", shutdownMs: 500 },
    });
  });

  it("is the end of a handler that holds the mailbox past turnTimeoutMs", async () => {
    const { ref, exits, clock } = await startEcho({ turnTimeoutMs: 1000 });
    const held = ref.call("hold", {}, { timeoutMs: 60_000 });

    await clock.advance(999);
    const before = exits.length;
    await clock.advance(50);

    assert.equal(before, 0);
    assert.equal(exits.length, 1);
    assert.equal((await held).ok, false);
  });

  it("reports a failed init as an exit and as the answer of start", async () => {
    const { actor, deps, exits } = await startEcho();
    deps.failStart = true;
    actor.kill("enough");

    const started = await actor.start();

    assert.deepEqual(started, {
      ok: false,
      failure: { code: "runtime.start-failed", actor: "echo", reason: "no start today" },
    });
    assert.deepEqual(
      exits.map(({ kind }) => kind),
      ["crashed", "crashed"],
    );
  });

  it("runs terminate on a stop only, before the scope closes", async () => {
    const { actor, deps, crash } = await startEcho();

    await crash();
    await actor.stop();

    assert.deepEqual(deps.closed, ["scope 1", "terminate shutdown", "scope 2"]);
  });
});

describe("actor: monitor", () => {
  it("delivers one DOWN per monitor, with the reason, and none after the undo", async () => {
    const { actor } = await startEcho();
    const downs: Down[] = [];
    actor.monitor((down) => downs.push(down));
    const undo = actor.monitor((down) => downs.push(down));
    undo();

    actor.kill("enough");
    actor.kill("again");

    assert.deepEqual(downs, [{ actor: "echo", incarnation: 1, reason: "crashed" }]);
  });

  it("tells each of two monitors that share a callback", async () => {
    const { actor } = await startEcho();
    const downs: Down[] = [];
    const onDown = (down: Down): void => void downs.push(down);
    const undo = actor.monitor(onDown);
    actor.monitor(onDown);
    actor.monitor(onDown);
    undo();
    undo();

    actor.kill("enough");

    assert.equal(downs.length, 2);
  });

  it("tells the others, and the supervisor, though a callback throws; the defect surfaces", async () => {
    const { actor, exits, machine } = await startEcho();
    const surfaced: unknown[] = [];
    machine.surface = (defect) => void surfaced.push(defect);
    const downs: Down[] = [];
    const defect = new RangeError("thrown by a monitor");
    actor.monitor(() => {
      throw defect;
    });
    actor.monitor((down) => void downs.push(down));

    actor.kill("enough");

    assert.deepEqual([downs.length, exits.length, surfaced], [1, 1, [defect]]);
  });

  it("delivers a DOWN at once for an actor that is not there", async () => {
    const { actor } = await startEcho();
    await actor.stop();
    const downs: Down[] = [];

    actor.monitor((down) => downs.push(down));

    assert.deepEqual(downs, [{ actor: "echo", incarnation: 1, reason: "no-actor" }]);
  });
});

describe("actor: events", () => {
  it("announces on the bus, and counts what an ended incarnation still tries", async () => {
    const { ref, announced } = await startEcho();

    ref.cast("note", { value: 4 });
    await ref.call("read", {}, within);

    assert.deepEqual(announced(), [{ name: "noted", event: { value: 4 } }]);
  });
});

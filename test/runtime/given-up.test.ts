/** Calls that are over before their callee is: what becomes of the request, of its place, and of the calls below it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { ok } from "#runtime/errors.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import { WHEEL_TICK_MS } from "#runtime/wheel.ts";
import { startActor, testMachine } from "#test/kit/actor.ts";

interface LeafProtocol {
  hold: Call<Record<never, never>, void>;
  work: Call<{ readonly id: number }, number>;
  note: Cast<{ readonly id: number }>;
}

interface LeafDeps {
  readonly handled: number[];
  readonly signals: AbortSignal[];
  open: () => void;
}

const leafBehavior: Behavior<LeafProtocol, Record<never, never>, LeafDeps, LeafDeps> = {
  name: "leaf",
  init: (deps) => deps,
  handlers: {
    hold: async (deps, _request, ctx) => {
      deps.signals.push(ctx.signal);
      await new Promise<void>((resolve) => {
        deps.open = resolve;
      });
      return ok();
    },
    work: (deps, { id }) => {
      deps.handled.push(id);
      return ok(id);
    },
    note: (deps, { id }) => void deps.handled.push(id),
  },
};

interface RelayProtocol {
  /** In a task, as actors should. */
  relay: Call<{ readonly timeoutMs: number }, string>;
  /** In the turn itself. */
  relayInTurn: Call<{ readonly timeoutMs: number }, string>;
}

function relayBehavior(
  name: string,
  ask: (within: Parameters<Ref<LeafProtocol>["call"]>[2]) => Promise<{ readonly ok: boolean }>,
): Behavior<RelayProtocol, Record<never, never>, undefined, undefined> {
  return {
    name,
    init: () => undefined,
    handlers: {
      relay: (_state, { timeoutMs }, ctx) =>
        ctx.later(
          async (task) => JSON.stringify(await ask({ timeoutMs, within: task })),
          (_settled, outcome) => ok(outcome),
        ),
      relayInTurn: async (_state, { timeoutMs }, ctx) => ok(JSON.stringify(await ask({ timeoutMs, within: ctx }))),
    },
  };
}

async function startLeaf(capacity = 8) {
  const shared = testMachine();
  const deps: LeafDeps = { handled: [], signals: [], open: () => undefined };
  const leaf = await startActor(leafBehavior, deps, { machine: shared, capacity });
  return { ...leaf, deps, shared };
}

describe("actor: a request that is given up while it waits", () => {
  it("gives its place to the next one, also before the callee is free", async () => {
    const { ref, clock, deps } = await startLeaf(2);
    const held = ref.call("hold", {}, { timeoutMs: 60_000 });
    await clock.settle();
    const caller = new AbortController();
    const within = { deadlineMs: Number.POSITIVE_INFINITY, signal: caller.signal };
    const givenUp = [1, 2].map((id) => ref.call("work", { id }, { timeoutMs: 60_000, within }));
    const refused = ref.cast("note", { id: 3 });

    caller.abort();
    const outcomes = [ref.cast("note", { id: 4 }), ref.cast("note", { id: 5 }), ref.cast("note", { id: 6 })];
    deps.open();
    await held;
    await clock.settle();

    const cancelled = { ok: false, failure: { code: "runtime.cancelled", actor: "leaf", executed: "no" } };
    assert.deepEqual(await Promise.all(givenUp), [cancelled, cancelled]);
    assert.equal(refused, "rejected");
    assert.deepEqual(outcomes, ["accepted", "accepted", "rejected"]);
    assert.deepEqual(deps.handled, [4, 5]);
  });

  it("lets go of what it carried", async () => {
    const { ref, clock } = await startLeaf();
    void ref.call("hold", {}, { timeoutMs: 60_000 });
    await clock.settle();
    const { PendingCall } = await import("#runtime/pending-call.ts");
    const { actor } = await startLeaf();
    const call = new PendingCall(actor, "work", { id: 1 }, { timeoutMs: 10 }, () => undefined);
    call.isQueued = true;

    call.cancel();

    assert.equal(call.request, undefined);
  });

  it("is dropped where its time came while it waited, though the wheel has not turned", async () => {
    const { ref, clock, deps, metrics } = await startLeaf();
    const held = ref.call("hold", {}, { timeoutMs: 60_000 });
    await clock.settle();
    const late = ref.call("work", { id: 1 }, { timeoutMs: 11 });
    // Due at 11, while the wheel serves that tick at 20.
    await clock.advance(12);
    deps.open();
    await held;

    assert.deepEqual(await late, { ok: false, failure: { code: "runtime.expired", actor: "leaf", executed: "no" } });
    assert.deepEqual(deps.handled, []);
    const expired = metrics.takeDeltas().find(({ labels }) => labels["reason"] === "expired");
    assert.equal(expired?.value, 1);
  });
});

describe("actor: a caller that has blocked the loop", () => {
  it("has all of its short timeout, and no more", async () => {
    // The time was last read 150 ms ago.
    const blocked = testMachine(undefined, undefined, (clock) => ({
      nowMs: () => clock.nowMs(),
      recentMs: () => Math.max(0, clock.nowMs() - 150),
      wallMs: () => clock.wallMs(),
      after: (delayMs, run) => clock.after(delayMs, run),
    }));
    await blocked.clock.advance(1000);
    const deps: LeafDeps = { handled: [], signals: [], open: () => undefined };
    const { ref, clock } = await startActor(leafBehavior, deps, { machine: blocked });
    let isSettled = false;
    const held = ref.call("hold", {}, { timeoutMs: 100 });
    void held.then(() => {
      isSettled = true;
    });

    await clock.advance(99);
    const early = isSettled;
    await clock.advance(WHEEL_TICK_MS + 1);

    const timedOut = { code: "runtime.call-timeout", actor: "leaf", executed: "maybe" };
    assert.equal(early, false);
    assert.equal(isSettled, true);
    assert.deepEqual(await held, { ok: false, failure: timedOut });
  });
});

describe("actor: calls under one signal", () => {
  it("share a listener, end with it, and are forgotten when they are answered", async () => {
    const { ref, clock, deps } = await startLeaf(64);
    const caller = new AbortController();
    let listeners = 0;
    const { signal } = caller;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>): void => {
      listeners += 1;
      add(...given);
    };
    const within = { deadlineMs: Number.POSITIVE_INFINITY, signal };
    const answered = await ref.call("work", { id: 1 }, { timeoutMs: 1000, within });
    const held = ref.call("hold", {}, { timeoutMs: 1000, within });
    await clock.settle();
    const waiting = [2, 3].map((id) => ref.call("work", { id }, { timeoutMs: 1000, within }));

    caller.abort();
    const late = ref.call("work", { id: 4 }, { timeoutMs: 1000, within });
    deps.open();
    await clock.settle();

    assert.equal(listeners, 1);
    assert.deepEqual(answered, { ok: true, value: 1 });
    assert.deepEqual(
      (await Promise.all([held, ...waiting, late])).map((answer) => answer.ok || answer.failure),
      ["maybe", "no", "no", "no"].map((executed) => ({ code: "runtime.cancelled", actor: "leaf", executed })),
    );
    assert.deepEqual(deps.handled, [1]);
  });
});

describe("actor: a call that makes calls", () => {
  for (const how of ["relay", "relayInTurn"] as const) {
    it(`passes on what is left of its time, over two actors (${how})`, async () => {
      const { ref, clock, deps, shared } = await startLeaf();
      const inner = await startActor(
        relayBehavior("inner", (options) => ref.call("hold", {}, options)),
        undefined,
        { machine: shared },
      );
      const outer = await startActor(
        relayBehavior("outer", (options) => inner.ref.call(how, { timeoutMs: 60_000 }, options)),
        undefined,
        { machine: shared },
      );

      const answer = outer.ref.call(how, { timeoutMs: 60_000 }, { timeoutMs: 100 });
      await clock.advance(90);
      const before = deps.signals.map(({ aborted }) => aborted);
      await clock.advance(30);

      assert.deepEqual(await answer, {
        ok: false,
        failure: { code: "runtime.call-timeout", actor: "outer", executed: "maybe" },
      });
      assert.deepEqual(before, [false]);
      assert.deepEqual(
        deps.signals.map(({ aborted }) => aborted),
        [true],
      );
      assert.equal(shared.machine.wheel.armedCount > 0, true, "the turn that holds the leaf is still watched");
      deps.open();
      await clock.settle();
      assert.equal(shared.machine.wheel.armedCount, 0);
    });

    it(`is cancelled with its caller, over two actors (${how})`, async () => {
      const { ref, clock, deps, shared } = await startLeaf();
      const inner = await startActor(
        relayBehavior("inner", (options) => ref.call("hold", {}, options)),
        undefined,
        { machine: shared },
      );
      const caller = new AbortController();
      const within = { deadlineMs: Number.POSITIVE_INFINITY, signal: caller.signal };
      const answer = inner.ref.call(how, { timeoutMs: 60_000 }, { timeoutMs: 60_000, within });
      await clock.settle();

      caller.abort();

      assert.deepEqual(await answer, {
        ok: false,
        failure: { code: "runtime.cancelled", actor: "inner", executed: "maybe" },
      });
      assert.deepEqual(
        deps.signals.map(({ aborted }) => aborted),
        [true],
      );
    });
  }

  it("refuses a call on behalf of one that is over", async () => {
    const { ref, clock, shared, deps } = await startLeaf();
    let late: Promise<unknown> | undefined;
    const inner = await startActor(
      relayBehavior("inner", async (options) => {
        await new Promise<void>((resolve) => shared.clock.after(200, resolve));
        late = ref.call("work", { id: 1 }, options);
        return { ok: true };
      }),
      undefined,
      { machine: shared },
    );

    void inner.ref.call("relay", { timeoutMs: 1000 }, { timeoutMs: 100 });
    await clock.advance(300);

    assert.deepEqual(await late, { ok: false, failure: { code: "runtime.expired", actor: "leaf", executed: "no" } });
    assert.deepEqual(deps.handled, []);
  });
});

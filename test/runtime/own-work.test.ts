/** What an actor does for no call, or still does when its call has its reply: whom it belongs to and when it ends. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { ok } from "#runtime/errors.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Ref, Trace, Within } from "#runtime/ref.ts";
import { startActor, testMachine } from "#test/kit/actor.ts";

interface LeafProtocol {
  ask: Call<undefined, Trace | undefined>;
  hold: Call<undefined, void>;
}

const leaf: Behavior<LeafProtocol, Record<never, never>, Within[], Within[]> = {
  name: "leaf",
  init: (seen) => seen,
  handlers: {
    ask: (_seen, _request, ctx) => ok(ctx.trace),
    hold: (seen, _request, ctx) =>
      ctx.later(
        (task) => {
          seen.push(task);
          return new Promise<void>((resolve) => task.signal.addEventListener("abort", () => resolve()));
        },
        () => ok(),
      ),
  },
};

interface WorkerProtocol {
  /** Replies at once, and goes on. */
  begin: Call<undefined, string>;
  /** Holds the turn, and has the leaf work meanwhile. */
  tell: Cast<undefined>;
  wait: Call<undefined, void>;
  remind: Cast<undefined>;
}

interface Notes {
  readonly leaf: Ref<LeafProtocol>;
  readonly answers: unknown[];
  readonly done: string[];
  undo: () => void;
  /** Ends the turn of `wait`. */
  open: () => void;
}

const worker: Behavior<WorkerProtocol, Record<never, never>, Notes, Notes> = {
  name: "worker",
  init: (notes) => notes,
  handlers: {
    begin: (notes, _request, ctx) => {
      ctx.later(
        async (task) => {
          const { signal } = task;
          await undefined;
          notes.answers.push(await notes.leaf.call("ask", undefined, { timeoutMs: 1000, within: task }));
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
          notes.done.push("aborted");
        },
        () => ok("never told"),
      );
      return ok("begun");
    },
    tell: (notes, _request, ctx) => void notes.leaf.call("hold", undefined, { timeoutMs: 60_000, within: ctx }),
    wait: async (notes) => {
      await new Promise<void>((resolve) => {
        notes.open = resolve;
      });
      return ok();
    },
    remind: (notes, _request, ctx) => {
      notes.undo = ctx.after(10, () => void notes.done.push("reminded"));
    },
  },
};

async function started() {
  const machine = testMachine();
  const seen: Within[] = [];
  const { ref } = await startActor(leaf, seen, { machine });
  const notes: Notes = { leaf: ref, answers: [], done: [], undo: () => undefined, open: () => undefined };
  return { ...(await startActor(worker, notes, { machine })), notes, seen };
}

const trace: Trace = { traceId: "a", spanId: "b", flags: 0 };

describe("actor: work behind a reply", () => {
  it("may call others, and is told to stop when the incarnation ends; its message is not lost", async () => {
    const { actor, ref, notes, clock } = await started();
    const answer = await ref.call("begin", undefined, { timeoutMs: 1000 });
    await clock.settle();
    const before = [...notes.done];

    const stopped = await actor.stop();

    assert.deepEqual(answer, { ok: true, value: "begun" });
    assert.deepEqual(notes.answers, [{ ok: true, value: undefined }]);
    assert.deepEqual([before, notes.done, stopped], [[], ["aborted"], { clean: true }]);
    assert.deepEqual(actor.deadLetters, []);
  });
});

describe("actor: work of a cast", () => {
  it("has no trace, not even that of the message that is in hand later", async () => {
    const { ref, seen, clock } = await started();
    ref.cast("tell", undefined);
    await clock.settle();
    const within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal, trace };

    void ref.call("wait", undefined, { timeoutMs: 5000, within });
    await clock.settle();

    assert.equal(seen.length, 1);
    assert.equal(seen[0]?.trace, undefined);
  });

  it("ends with the incarnation", async () => {
    const { actor, ref, seen, clock } = await started();
    ref.cast("tell", undefined);
    await clock.settle();

    actor.kill("enough");

    assert.equal(seen[0]?.signal.aborted, true);
  });
});

describe("actor: a reminder that is undone", () => {
  it("does not run, though its turn stands in line", async () => {
    const { ref, notes, clock } = await started();
    ref.cast("remind", undefined);
    const held = ref.call("wait", undefined, { timeoutMs: 5000 });
    await clock.advance(20);
    notes.undo();
    notes.open();
    await held;
    // Time has passed since the dispatcher began: it gives the loop back before the next turn.
    await new Promise(setImmediate);
    await clock.settle();

    assert.deepEqual(notes.done, []);
  });
});

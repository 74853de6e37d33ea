/** What behaviors and callers do that they should not, and what it costs: at most the life of the actor that did it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ActorContext, Awaitable, Behavior, Later } from "#runtime/behavior.ts";
import { Dispatcher } from "#runtime/dispatcher.ts";
import { describeExit, ok, type Result } from "#runtime/errors.ts";
import { CONTROL_LANE_MAX } from "#runtime/mailbox.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Down, Ref } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { startActor } from "#test/kit/actor.ts";

interface AnyProtocol {
  run: Call<{ readonly note?: unknown }, unknown>;
  tell: Cast<{ readonly note?: unknown }>;
}

type Ctx = ActorContext<Record<never, never>, Notes>;
type Answer = Result<unknown, never>;
type Run = (ctx: Ctx, request: { readonly note?: unknown }) => Awaitable<Answer | Later<Answer>>;

interface Notes {
  run: Run;
  readonly seen: unknown[];
}

const any: Behavior<AnyProtocol, Record<never, never>, Notes, Notes> = {
  name: "any",
  init: (notes) => notes,
  handlers: {
    run: (notes, request, ctx) => notes.run(ctx, request),
    tell: (notes, request, ctx) => void notes.run(ctx, request),
  },
};

const within = { timeoutMs: 60_000 };

async function startAny(run: Run, laterMax = 2) {
  const notes: Notes = { run, seen: [] };
  return { ...(await startActor(any, notes, { laterMax })), notes };
}

describe("misuse: what is thrown", () => {
  const odd: readonly (readonly [string, () => unknown])[] = [
    ["an error without a message", () => Object.assign(new Error("x"), { message: undefined })],
    ["an error whose message is no text", () => Object.assign(new Error("x"), { message: { a: 1 } })],
    ["an error whose message throws", () => Object.defineProperty(new Error("x"), "message", { get: thrower })],
    ["a proxy that is revoked", revoked],
    ["nothing", () => undefined],
  ];
  for (const [what, make] of odd) {
    it(`is told in one line, and ends one life, where it is ${what}`, async () => {
      const { ref, exits, restart } = await startAny(() => {
        throw make();
      });

      const answer = await ref.call("run", {}, within);
      await restart();

      assert.equal(!answer.ok && answer.failure.code, "runtime.actor-crashed");
      const [exit] = exits;
      assert(exit !== undefined, "it ended");
      assert.match(describeExit(exit), /^.{1,200}$/);
    });
  }

  it("keeps the others from nothing where a slot throws it", async () => {
    const surfaced: unknown[] = [];
    const microtask = (run: () => void): void =>
      queueMicrotask(() => {
        try {
          run();
        } catch (defect) {
          surfaced.push(defect);
        }
      });
    const dispatcher = new Dispatcher({ clock: new ManualClock(), scheduler: { microtask, macrotask: setImmediate } });
    let ran = 0;
    const other = { runSlot: () => (ran += 1) };
    dispatcher.enqueue({ runSlot: thrower });
    dispatcher.enqueue(other);
    await new Promise(setImmediate);
    dispatcher.enqueue(other);
    await new Promise(setImmediate);

    assert.deepEqual([ran, surfaced.length], [2, 1]);
  });
});

describe("misuse: a message past the types", () => {
  it("has the handler that was given to it, whatever its name", async () => {
    const odd: Behavior<{ constructor: Call<undefined, string> }, Record<never, never>, undefined, undefined> = {
      name: "odd",
      init: () => undefined,
      handlers: { constructor: () => ok("built") },
    };
    const { ref } = await startActor(odd, undefined);

    assert.deepEqual(await ref.call("constructor", undefined, within), ok("built"));
  });

  for (const name of ["nope", "constructor", "toString", "__proto__"]) {
    it(`has no handler, and harms nobody: ${name}`, async () => {
      const { ref, actor, exits } = await startAny(() => ok());
      const untyped = ref as unknown as {
        call(name: string, request: unknown, options: object): Promise<unknown>;
        cast(name: string, request: unknown): unknown;
      };

      const answer = await untyped.call(name, {}, within);
      const cast = untyped.cast(name, {});
      const after = await ref.call("run", {}, within);

      const failure = { code: "runtime.unknown-message", actor: "any", executed: "no" };
      assert.deepEqual([answer, cast, after], [{ ok: false, failure }, "accepted", ok()]);
      assert.deepEqual(
        actor.deadLetters.map(({ reason }) => reason),
        ["unknown", "unknown"],
      );
      assert.deepEqual(exits, []);
    });
  }
});

describe("misuse: a request that throws when it is looked at", () => {
  it("is for its handler, and the call does not reject", async () => {
    const { ref } = await startAny((_ctx, request) => ok(request.note));

    const answer = await ref.call("run", Object.defineProperty({}, "note", { get: thrower, enumerable: true }), within);

    assert.equal(!answer.ok && answer.failure.code, "runtime.actor-crashed");
  });

  it("is no stream because it can be read", async () => {
    const { ref, notes } = await startAny((_ctx, { note }) => {
      notes.seen.push(note);
      return ok(note);
    });
    const handle = { read: () => Promise.resolve(0), close: () => undefined };

    const answer = await ref.call("run", { note: handle }, within);

    assert.deepEqual([notes.seen, answer], [[handle], ok(handle)]);
  });
});

describe("misuse: tasks", () => {
  it("wait for a place where a timer begins one too many, and come to their turn", async () => {
    const { ref, notes, clock, exits } = await startAny((ctx) => {
      ctx.after(10, (state, later) => {
        later.later(
          async () => void state.seen.push("begins"),
          () => void state.seen.push("settles"),
        );
      });
      return ctx.later(
        () => new Promise<void>((resolve) => ctx.clock.after(50, resolve)),
        () => ok(),
      );
    }, 1);
    const call = ref.call("run", {}, within);

    await clock.advance(40);
    const early = [...notes.seen];
    await clock.advance(40);
    // Time has passed since the dispatcher began: it gives the loop back before the next turn.
    await new Promise(setImmediate);
    await clock.settle();

    assert.deepEqual([early, notes.seen, exits], [[], ["begins", "settles"], []]);
    assert.deepEqual(await call, ok());
  });

  it("that wait for a place when the life ends never begin", async () => {
    const { ref, notes, clock, crash } = await startAny((ctx) => {
      for (const id of [1, 2]) {
        ctx.later(
          (task) => {
            notes.seen.push(id);
            return new Promise<void>((resolve) => task.signal.addEventListener("abort", () => resolve()));
          },
          () => undefined,
        );
      }
      return ok();
    }, 1);
    await ref.call("run", {}, within);

    await crash();
    await clock.settle();

    assert.deepEqual(notes.seen, [1]);
  });

  it("that throw before their first await crash the life, and leave no place taken", async () => {
    const { ref, exits, restart } = await startAny((ctx) => {
      try {
        return ctx.later(thrower, () => ok());
      } catch {
        return ok("caught");
      }
    }, 1);

    for (let life = 1; life <= 3; life += 1) {
      const answer = await ref.call("run", {}, within);
      assert.equal(!answer.ok && answer.failure.code, "runtime.actor-crashed", `life ${life}`);
      await restart();
    }
    assert.equal(exits.length, 3);
  });

  it("that end the life as they take the place of another leave no turn to that one", async () => {
    const { ref, notes, clock, exits } = await startAny((ctx) => {
      ctx.after(10, (_state, later) => void later.later(thrower, () => undefined));
      return ctx.later(
        () => new Promise<void>((resolve) => ctx.clock.after(50, resolve)),
        (state) => {
          state.seen.push("settled");
          return ok();
        },
      );
    }, 1);
    const call = ref.call("run", {}, within);
    await clock.advance(100);
    await new Promise(setImmediate);
    await clock.settle();

    assert.equal((await call).ok, false);
    assert.deepEqual([notes.seen, exits.length], [[], 1]);
  });

  it("behind a reply may call others and fail: the call that was answered has no more to do with it", async () => {
    const { ref, notes, clock, actor, exits } = await startAny((ctx) => {
      ctx.later(
        async () => undefined,
        (state, _outcome, settle) => {
          state.seen.push(settle.signal.aborted);
          throw new RangeError("behind the reply");
        },
      );
      return ok("begun");
    });

    const answer = await ref.call("run", {}, within);
    await clock.settle();

    assert.deepEqual([answer, notes.seen, exits.length, actor.deadLetters], [ok("begun"), [false], 1, []]);
  });

  it("behind a reply may settle with nothing", async () => {
    const { ref, notes, clock, exits, actor } = await startAny((ctx) => {
      ctx.later(
        async () => undefined,
        () => void notes.seen.push("settled"),
      );
      return ok("begun");
    });

    const answer = await ref.call("run", {}, within);
    await clock.settle();

    assert.deepEqual([answer, notes.seen, exits, actor.deadLetters], [ok("begun"), ["settled"], [], []]);
  });
});

describe("misuse: a promise of one's own making", () => {
  it("holds the mailbox like any other, though its then answers with nothing", async () => {
    const { ref, notes, clock } = await startAny((ctx, { note }) => {
      if (note !== "made") return ok(notes.seen.push("after"));
      const then = (settle: (answer: unknown) => void): void => {
        ctx.clock.after(20, () => settle(ok(notes.seen.push("made"))));
      };
      return { then } as never;
    });

    const calls = [ref.call("run", { note: "made" }, within), ref.call("run", {}, within)];
    await clock.advance(50);
    await new Promise(setImmediate);
    await clock.settle();

    assert.deepEqual(
      [notes.seen, await Promise.all(calls)],
      [
        ["made", "after"],
        [ok(1), ok(2)],
      ],
    );
  });

  it("is over when it calls back at once", async () => {
    const { ref } = await startAny((_ctx, { note }) => {
      const then = (settle: (answer: unknown) => void): Promise<void> => {
        settle(ok("made"));
        return new Promise(() => undefined);
      };
      return note === "made" ? ({ then } as never) : ok("after");
    });

    const answers = [await ref.call("run", { note: "made" }, within), await ref.call("run", {}, within)];

    assert.deepEqual(answers, [ok("made"), ok("after")]);
  });
});

describe("misuse: more DOWNs than CONTROL_LANE_MAX", () => {
  it("are a defect of that actor", async () => {
    const downs: ((down: Down) => void)[] = [];
    const monitor = (onDown: (down: Down) => void): (() => void) => {
      downs.push(onDown);
      return () => undefined;
    };
    const target = { monitor };
    const { ref, clock, exits } = await startAny(async (ctx) => {
      for (let count = 0; count <= CONTROL_LANE_MAX; count += 1)
        ctx.monitor(target as Ref<AnyProtocol>, () => undefined);
      await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
      return ok();
    });
    const call = ref.call("run", {}, within);
    await clock.settle();

    for (const down of downs) down({ actor: "gone", incarnation: 1, reason: "crashed" });

    const answer = await call;
    assert.equal(!answer.ok && answer.failure.code, "runtime.actor-crashed");
    assert.match(describeExit(exits[0] ?? { kind: "normal" }), /CONTROL_LANE_MAX/);
  });
});

function thrower(): never {
  throw new RangeError("not to be looked at");
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Messages that an actor accepted and did not finish: a second chance, poison, dead letters, sending them again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { DEAD_LETTER_BYTES_MAX, DEAD_LETTERS_MAX, ENTERED_MAX } from "#runtime/dead-letters.ts";
import { ok } from "#runtime/errors.ts";
import type { Call, Cast, Idempotent } from "#runtime/protocol.ts";
import { type KitOptions, type Started, startActor } from "#test/kit/actor.ts";

interface FragileProtocol {
  read: Call<{ readonly key: string }, string> & Idempotent;
  write: Call<{ readonly key: string; readonly bytes?: Uint8Array }, string>;
  note: Cast<{ readonly key: string }>;
  touch: Cast<{ readonly key: string }> & Idempotent;
  slow: Call<{ readonly key: string }, string>;
  /** Goes on until it is told to end. */
  linger: Call<{ readonly key: string }, string> & Idempotent;
  /** Begins a task, and crashes in the same turn. */
  torn: Cast<{ readonly key: string }> & Idempotent;
}

interface FragileDeps {
  /** Keys that bring the actor down, and how often still. */
  readonly deadly: Map<string, number>;
  readonly handled: string[];
  open: () => void;
  /** Of `linger`, one in each life. */
  readonly signals: AbortSignal[];
}

const fragile: Behavior<FragileProtocol, Record<never, never>, FragileDeps, FragileDeps> = {
  name: "fragile",
  init: (deps) => deps,
  handlers: {
    read: (deps, { key }) => ok(handle(deps, key)),
    write: (deps, { key }) => ok(handle(deps, key)),
    note: (deps, { key }) => void handle(deps, key),
    touch: (deps, { key }) => void handle(deps, key),
    torn: (deps, { key }, ctx) => {
      ctx.later(
        async () => undefined,
        () => undefined,
      );
      handle(deps, key);
    },
    linger: async ({ signals }, { key }, ctx) => {
      signals.push(ctx.signal);
      await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
      return ok(key);
    },
    slow: (deps, { key }, ctx) =>
      ctx.later(
        () =>
          new Promise<void>((resolve) => {
            deps.open = resolve;
          }),
        () => ok(handle(deps, key)),
      ),
  },
  idempotent: { read: true, touch: true, torn: true, linger: true },
};

function handle({ deadly, handled }: FragileDeps, key: string): string {
  const left = deadly.get(key) ?? 0;
  if (left > 0) {
    deadly.set(key, left - 1);
    throw new RangeError(`${key} is deadly`);
  }
  handled.push(key);
  return key;
}

const within = { timeoutMs: 60_000 };

async function startFragile(
  deadly: Readonly<Record<string, number>> = {},
  options: KitOptions = {},
): Promise<Started<FragileProtocol> & { readonly deps: FragileDeps }> {
  const deps: FragileDeps = {
    deadly: new Map(Object.entries(deadly)),
    handled: [],
    open: () => undefined,
    signals: [],
  };
  return { ...(await startActor(fragile, deps, options)), deps };
}

function reasons({ actor }: Started<FragileProtocol>): readonly string[] {
  return actor.deadLetters.map(({ name, reason }) => `${name} ${reason}`);
}

describe("actor: a message in hand at a crash", () => {
  it("is handled by the next incarnation where it is idempotent, before what came after it", async () => {
    const started = await startFragile({ a: 1 });
    const { ref, clock, restart, deps } = started;
    const answer = ref.call("read", { key: "a" }, within);
    ref.cast("note", { key: "b" });
    await clock.settle();

    await restart();

    assert.deepEqual(await answer, { ok: true, value: "a" });
    assert.deepEqual(deps.handled, ["a", "b"]);
    assert.deepEqual(started.actor.deadLetters, []);
  });

  it("is called off in the life that ended, before the next one has it", async () => {
    const { ref, clock, actor, restart, deps } = await startFragile();
    const call = ref.call("linger", { key: "a" }, within);
    await clock.settle();

    actor.kill("enough");
    const told = deps.signals.map(({ aborted }) => aborted);
    await restart();
    await clock.settle();

    assert.deepEqual([told, deps.signals.map(({ aborted }) => aborted)], [[true], [true, false]]);
    await actor.stop();
    assert.equal((await call).ok, false);
  });

  it("fails at once, and is a dead letter, where it is not", async () => {
    const started = await startFragile({ a: 1, b: 1 });
    const { ref, clock, restart, deps } = started;

    const answer = await ref.call("write", { key: "a" }, within);
    await restart();
    ref.cast("note", { key: "b" });
    await clock.settle();

    const crashed = { code: "runtime.actor-crashed", actor: "fragile", executed: "maybe" };
    assert.deepEqual(answer, { ok: false, failure: crashed });
    assert.deepEqual(reasons(started), ["write crashed", "note crashed"]);
    assert.deepEqual(deps.handled, []);
  });

  it("is poison once three incarnations have gone down with it, not before", async () => {
    const started = await startFragile({ a: ENTERED_MAX });
    const { ref, clock, restart, exits, metrics } = started;
    const answer = ref.call("read", { key: "a" }, within);
    for (let life = 1; life < ENTERED_MAX; life += 1) {
      await clock.settle();
      assert.deepEqual(started.actor.deadLetters, []);
      await restart();
    }
    await clock.settle();

    const poison = { code: "runtime.poison", actor: "fragile", entered: ENTERED_MAX, executed: "maybe" };
    assert.deepEqual(await answer, { ok: false, failure: poison });
    assert.equal(exits.length, ENTERED_MAX);
    assert.deepEqual(reasons(started), ["read poison"]);
    const counted = metrics.takeDeltas().find(({ labels }) => labels["reason"] === "poison");
    assert.equal(counted?.value, 1);
  });

  it("is lost once, though a task of it is in flight, too", async () => {
    const started = await startFragile({ a: 1 });
    const { ref, clock, restart, deps } = started;
    ref.cast("torn", { key: "a" });
    await clock.settle();
    await restart();
    await clock.settle();

    assert.deepEqual(deps.handled, ["a"]);
    assert.deepEqual(started.actor.deadLetters, []);
  });

  it("is given no second chance once its caller has given up", async () => {
    const started = await startFragile({ a: 1 });
    const { ref, clock, restart, deps } = started;
    const answer = ref.call("read", { key: "a" }, { timeoutMs: 100 });
    await clock.settle();
    await clock.advance(200);

    await restart();
    await clock.settle();

    assert.deepEqual(await answer, {
      ok: false,
      failure: { code: "runtime.call-timeout", actor: "fragile", executed: "maybe" },
    });
    assert.deepEqual(deps.handled, []);
  });

  it("counts as perhaps executed when the actor is stopped before the second chance", async () => {
    const { ref, clock, actor } = await startFragile({ a: 1 });
    const answer = ref.call("read", { key: "a" }, within);
    await clock.settle();

    await actor.stop();

    assert.deepEqual(await answer, {
      ok: false,
      failure: { code: "runtime.actor-crashed", actor: "fragile", executed: "maybe" },
    });
  });

  it("is a dead letter, too, when the crash was in its task or its settle", async () => {
    const started = await startFragile({ a: 1 });
    const { ref, clock, crash, deps } = started;
    const settled = ref.call("slow", { key: "a" }, within);
    await clock.settle();
    deps.open();
    await clock.settle();
    await started.restart();
    const inFlight = ref.call("slow", { key: "b" }, within);
    await clock.settle();
    const crashed = crash();
    deps.open();
    await crashed;

    assert.deepEqual([(await settled).ok, (await inFlight).ok], [false, false]);
    assert.deepEqual(reasons(started), ["slow crashed", "slow crashed"]);
  });
});

describe("actor: dead letters", () => {
  it("keeps nothing whose size it cannot see", async () => {
    const started = await startFragile({ a: 9 });
    const key = "a";
    const requests = [{ key, bytes: new Map([["x", new Uint8Array(1e6)]]) }, { key, bytes: new Set() }, { key }];
    for (const request of requests) {
      await started.ref.call("write", request as { key: string }, within);
      await started.restart();
    }

    assert.deepEqual(
      started.actor.deadLetters.map(({ isReplayable }) => isReplayable),
      [false, false, true],
    );
  });

  it("keeps what a stop leaves unhandled and what a newer message displaced", async () => {
    const started = await startFragile({}, { capacity: 1, overflow: "drop-oldest", laterMax: 1 });
    const { ref, clock, actor } = started;
    void ref.call("slow", { key: "a" }, within);
    await clock.settle();
    ref.cast("note", { key: "b" });
    ref.cast("note", { key: "c" });
    const crashed = actor.stop();
    started.deps.open();
    await crashed;

    assert.deepEqual(reasons(started), ["note displaced", "note stopped", "slow stopped"]);
  });

  it("keeps the last ones, without what is too large to keep", async () => {
    const started = await startFragile({ a: DEAD_LETTERS_MAX + 1, large: 1, limit: 1 });
    const { ref, restart, actor } = started;
    for (let letter = 0; letter <= DEAD_LETTERS_MAX; letter += 1) {
      await ref.call("write", { key: "a" }, within);
      await restart();
    }
    const ids = actor.deadLetters.map(({ id }) => id);
    await ref.call("write", { key: "large", bytes: new Uint8Array(DEAD_LETTER_BYTES_MAX) }, within);
    await restart();
    await ref.call("write", { key: "limit", bytes: new Uint8Array(DEAD_LETTER_BYTES_MAX / 2) }, within);

    assert.deepEqual([ids.length, ids[0], ids.at(-1)], [DEAD_LETTERS_MAX, 2, DEAD_LETTERS_MAX + 1]);
    const [large, limit] = actor.deadLetters.slice(-2);
    assert.deepEqual([large?.isReplayable, large?.request], [false, undefined]);
    assert.equal(limit?.isReplayable, true);
  });

  it("sends a letter again, once", async () => {
    const started = await startFragile({ a: 1 });
    const { ref, restart, clock, actor, deps } = started;
    await ref.call("write", { key: "a" }, within);
    await restart();

    const first = actor.replay(1);
    const second = actor.replay(1);
    await clock.settle();

    assert.deepEqual(first, { ok: true, value: undefined });
    assert.deepEqual(second, {
      ok: false,
      failure: { code: "runtime.not-replayed", actor: "fragile", letter: 1, reason: "no-such-letter" },
    });
    assert.deepEqual(deps.handled, ["a"]);
    assert.deepEqual(actor.deadLetters, []);
  });

  it("keeps a letter, in its place, that could not be sent again", async () => {
    const started = await startFragile({ a: 1, b: 1 });
    const { ref, restart, actor } = started;
    for (const key of ["a", "b"]) {
      await ref.call("write", { key }, within);
      await restart();
    }
    await actor.stop();

    const replayed = actor.replay(1);

    assert.deepEqual(replayed, {
      ok: false,
      failure: { code: "runtime.not-replayed", actor: "fragile", letter: 1, reason: "stopped" },
    });
    assert.deepEqual(
      actor.deadLetters.map(({ id }) => id),
      [1, 2],
    );
  });
});

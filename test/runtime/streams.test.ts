/** Byte sources beside messages: what they are tied to, and how they move deadlines. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { type Failure, ok } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";
import { type Started, startActor, testMachine } from "#test/kit/actor.ts";

interface PipeProtocol {
  drain: Call<{ readonly source: ByteSource }, number>;
  open: Call<Record<never, never>, { readonly source: ByteSource }>;
  openSlowly: Call<{ readonly afterMs: number }, { readonly source: ByteSource }>;
}

/** Gives one byte each time the test lets it. */
class Drip implements ByteSource {
  failure: Failure | undefined;
  readonly #left: number;
  #given = 0;
  #waiting: ((count: number) => void) | undefined;

  constructor(left: number) {
    this.#left = left;
  }

  read(into: Uint8Array): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting = (count) => {
        into[0] = 7;
        resolve(count);
      };
    });
  }

  drip(): void {
    this.#given += 1;
    this.#waiting?.(this.#given > this.#left ? ENDED : 1);
  }

  cancel(reason: Failure): void {
    this.failure = reason;
    this.#waiting?.(FAILED);
  }
}

const pipeBehavior: Behavior<
  PipeProtocol,
  Record<never, never>,
  { readonly outgoing: Drip },
  { readonly outgoing: Drip }
> = {
  name: "pipe",
  init: (deps) => deps,
  handlers: {
    drain: (_state, { source }, ctx) =>
      ctx.later(
        async () => {
          const into = new Uint8Array(16);
          let total = 0;
          for (;;) {
            const count = await source.read(into);
            if (count === ENDED || count === FAILED) return total;
            total += count;
          }
        },
        (_state, total) => ok(total),
      ),
    open: ({ outgoing }) => ok({ source: outgoing }),
    openSlowly: ({ outgoing }, { afterMs }, ctx) =>
      ctx.later(
        () => new Promise<void>((resolve) => ctx.clock.after(afterMs, resolve)),
        () => ok({ source: outgoing }),
      ),
  },
};

async function startPipe(): Promise<Started<PipeProtocol> & { readonly outgoing: Drip }> {
  const outgoing = new Drip(5);
  return { ...(await startActor(pipeBehavior, { outgoing })), outgoing };
}

describe("streams: a source in a request", () => {
  it("moves the deadline of its call with every byte, and not without", async () => {
    const { ref, clock } = await startPipe();
    const steady = new Drip(5);
    const stalled = new Drip(5);
    const drained = ref.call("drain", { source: steady }, { timeoutMs: 100 });
    const timedOut = ref.call("drain", { source: stalled }, { timeoutMs: 100 });

    for (let tick = 0; tick < 6; tick += 1) {
      await clock.advance(80);
      steady.drip();
    }
    await clock.settle();

    assert.deepEqual(await drained, { ok: true, value: 5 });
    assert.deepEqual(await timedOut, {
      ok: false,
      failure: { code: "runtime.call-timeout", actor: "pipe", executed: "maybe" },
    });
    assert.deepEqual(stalled.failure, { code: "runtime.call-ended" });
  });

  it("is cancelled when the callee crashes", async () => {
    const { ref, clock, crash } = await startPipe();
    const source = new Drip(5);
    const drained = ref.call("drain", { source }, { timeoutMs: 1000 });
    await clock.settle();

    await crash();

    assert.equal((await drained).ok, false);
    assert.deepEqual(source.failure, { code: "runtime.call-ended" });
  });

  it("ends its call, and the life it was in, also where it does not take its cancel", async () => {
    const surfaced: unknown[] = [];
    const machine = testMachine();
    machine.machine.surface = (defect) => void surfaced.push(defect);
    const { ref, clock, crash } = await startActor(pipeBehavior, { outgoing: new Drip(5) }, { machine });
    const broken: ByteSource = {
      failure: undefined,
      read: () => new Promise<number>(() => undefined),
      cancel: () => {
        throw new RangeError("no cancel today");
      },
    };
    const drained = ref.call("drain", { source: broken }, { timeoutMs: 1000 });
    const other = ref.call("openSlowly", { afterMs: 500 }, { timeoutMs: 1000 });
    await clock.settle();

    const crashing = crash();
    await clock.advance(1000);
    await crashing.catch(() => undefined);

    assert.deepEqual([(await drained).ok, (await other).ok], [false, false]);
    assert.deepEqual(surfaced, [new RangeError("no cancel today")]);
  });

  it("is left to the caller when the call never began", async () => {
    const { ref, actor } = await startPipe();
    await actor.stop();
    const source = new Drip(5);

    const refused = await ref.call("drain", { source }, { timeoutMs: 1000 });

    assert.equal(refused.ok, false);
    assert.equal(source.failure, undefined);
  });
});

describe("streams: a source in a reply", () => {
  it("is cancelled when the caller has given up before it came", async () => {
    const { ref, clock, outgoing } = await startPipe();
    const opened = ref.call("openSlowly", { afterMs: 500 }, { timeoutMs: 100 });

    await clock.advance(200);
    const answer = await opened;
    await clock.advance(500);

    assert.equal(answer.ok, false);
    assert.deepEqual(outgoing.failure, { code: "runtime.call-ended" });
  });

  it("is cancelled when its life has ended before it came", async () => {
    const outgoing = new Drip(5);
    let release: () => void = () => undefined;
    const slow: Behavior<Pick<PipeProtocol, "open">, Record<never, never>, undefined, undefined> = {
      name: "slow",
      init: () => undefined,
      handlers: {
        open: async () => {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return ok({ source: outgoing });
        },
      },
    };
    const { ref, actor, clock } = await startActor(slow, undefined);
    const opened = ref.call("open", {}, { timeoutMs: 1000 });
    await clock.settle();
    const stopped = actor.stop();
    release();
    await stopped;

    assert.equal((await opened).ok, false);
    assert.deepEqual(outgoing.failure, { code: "runtime.call-ended" });
  });

  it("lives on after the call, and fails when the incarnation that lent it ends", async () => {
    const { ref, clock, outgoing, crash } = await startPipe();
    const opened = await ref.call("open", {}, { timeoutMs: 100 });
    assert(opened.ok);
    const { source } = opened.value;
    const into = new Uint8Array(16);

    await clock.advance(5000);
    const first = source.read(into);
    outgoing.drip();
    await first;
    const second = source.read(into);
    await crash();

    assert.equal(await first, 1);
    assert.equal(await second, FAILED);
    assert.equal(source.failure?.code, "runtime.actor-crashed");
    assert.equal(await source.read(into), FAILED);
  });
});

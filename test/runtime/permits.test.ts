/** Permits at both sides of each limit, and against a naive model. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Failure, Result } from "#runtime/errors.ts";
import { type Overloaded, type Permit, Permits, type PermitWeight } from "#runtime/permits.ts";
import type { Within } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

const one: PermitWeight = { requests: 1, bytes: 10 };

function start(options: { requestsMax?: number; bytesMax?: number; waitingMax?: number } = {}) {
  const clock = new ManualClock();
  return { clock, permits: new Permits({ clock, requestsMax: 2, bytesMax: 100, waitingMax: 2, ...options }) };
}

function within(deadlineMs = Number.POSITIVE_INFINITY): Within & { readonly abort: () => void } {
  const controller = new AbortController();
  return { deadlineMs, signal: controller.signal, abort: () => controller.abort() };
}

function taken(result: Result<Permit, Failure>): Permit {
  assert(result.ok, JSON.stringify(result));
  return result.value;
}

function reasonOf(result: Result<Permit, Overloaded>): string {
  return result.ok ? "taken" : result.failure.reason;
}

describe("permits: resize", () => {
  it("lets in nobody until what is held fits the lower bounds", () => {
    const { permits } = start();
    const first = taken(permits.tryTake(one));
    const second = taken(permits.tryTake(one));

    permits.resize({ requestsMax: 1, bytesMax: 100 });
    first.release();
    const whileFull = permits.tryTake(one);
    second.release();

    assert.equal(reasonOf(whileFull), "busy");
    taken(permits.tryTake(one));
  });

  it("lets those in who fit the higher bounds", async () => {
    const { permits } = start({ requestsMax: 1 });
    taken(permits.tryTake(one));
    const waiting = permits.take(one, within(), 1000);

    permits.resize({ requestsMax: 2, bytesMax: 100 });

    taken(await waiting);
    assert.equal(permits.held.requests, 2);
  });

  it("refuses those in line who can never fit the lower bounds, and lets in who stood behind them", async () => {
    const { permits } = start();
    taken(permits.tryTake(one));
    const heavy = permits.take({ requests: 1, bytes: 100 }, within(), 1000);
    const light = permits.take({ requests: 1, bytes: 1 }, within(), 1000);

    permits.resize({ requestsMax: 2, bytesMax: 99 });

    assert.equal(reasonOf(await heavy), "too-heavy");
    taken(await light);
    assert.equal(permits.waitingCount, 0);
  });
});

describe("permits: tryTake", () => {
  it("admits up to each limit and refuses one past it", () => {
    const { permits } = start();

    const first = taken(permits.tryTake({ requests: 1, bytes: 60 }));
    const pastBytes = permits.tryTake({ requests: 1, bytes: 41 });
    const second = taken(permits.tryTake({ requests: 1, bytes: 40 }));
    const pastRequests = permits.tryTake({ requests: 1, bytes: 0 });

    assert.deepEqual([reasonOf(pastBytes), reasonOf(pastRequests)], ["busy", "busy"]);
    assert.deepEqual(permits.held, { requests: 2, bytes: 100 });
    first.release();
    second.release();
    assert.deepEqual(permits.held, { requests: 0, bytes: 0 });
  });

  it("says that a weight over the whole capacity will never fit", () => {
    const { permits } = start();

    const refused = permits.tryTake({ requests: 1, bytes: 101 });

    assert.deepEqual(refused, {
      ok: false,
      failure: { code: "runtime.overloaded", reason: "too-heavy", waitingCount: 0, executed: "no" },
    });
    assert(permits.tryTake({ requests: 1, bytes: 100 }).ok);
  });

  it("does not pass those who wait, even where it would fit", async () => {
    const { permits } = start();
    const big = taken(permits.tryTake({ requests: 1, bytes: 60 }));
    const waiting = permits.take({ requests: 1, bytes: 90 }, within(), 1000);

    const small = permits.tryTake({ requests: 1, bytes: 1 });
    big.release();

    assert.equal(reasonOf(small), "busy");
    assert((await waiting).ok);
  });
});

describe("permits: take", () => {
  it("waits its turn: nobody overtakes, and who fits together enters together", async () => {
    const { clock, permits } = start({ requestsMax: 10, waitingMax: 10 });
    const order: string[] = [];
    const all = taken(permits.tryTake({ requests: 1, bytes: 100 }));
    const enter = async (name: string, bytes: number): Promise<Permit> => {
      const permit = taken(await permits.take({ requests: 1, bytes }, within(), 1000));
      order.push(name);
      return permit;
    };

    const big = enter("big", 100);
    const small = enter("small", 1);
    const tiny = enter("tiny", 1);
    all.release();
    await clock.settle();
    const afterFirst = [...order];
    (await big).release();
    await Promise.all([small, tiny]);

    assert.deepEqual(afterFirst, ["big"]);
    assert.deepEqual(order, ["big", "small", "tiny"]);
    assert.deepEqual(permits.held, { requests: 2, bytes: 2 });
  });

  it("ends the wait after waitMs, not before", async () => {
    const { clock, permits } = start({ requestsMax: 1 });
    taken(permits.tryTake(one));
    let settled: string | undefined;
    void permits.take(one, within(), 500).then((result) => {
      settled = reasonOf(result);
    });

    await clock.advance(499);
    const before = settled;
    await clock.advance(1);

    assert.equal(before, undefined);
    assert.equal(settled, "waited");
    assert.equal(permits.waitingCount, 0);
  });

  it("ends the wait at the deadline where that is sooner, and does not begin one past it", async () => {
    const { clock, permits } = start({ requestsMax: 1 });
    taken(permits.tryTake(one));

    const waiting = permits.take(one, within(100), 500);
    await clock.advance(100);
    const late = permits.take(one, within(100), 500);

    assert.deepEqual([reasonOf(await waiting), reasonOf(await late)], ["waited", "waited"]);
  });

  it("holds the line to its length", async () => {
    const { permits } = start({ requestsMax: 1, waitingMax: 2 });
    const held = taken(permits.tryTake(one));

    const first = permits.take(one, within(), 1000);
    const second = permits.take(one, within(), 1000);
    const third = await permits.take(one, within(), 1000);
    held.release();
    taken(await first).release();

    assert.deepEqual(third, {
      ok: false,
      failure: { code: "runtime.overloaded", reason: "line-full", waitingCount: 2, executed: "no" },
    });
    assert((await second).ok);
  });

  it("lets the next one in when the first in line gives up", async () => {
    const { clock, permits } = start({ requestsMax: 3 });
    const held = taken(permits.tryTake({ requests: 1, bytes: 50 }));
    const impatient = within();

    const outcomes: string[] = [];
    const note = (result: Result<Permit, Overloaded>): void => void outcomes.push(reasonOf(result));
    void permits.take({ requests: 1, bytes: 100 }, impatient, 1000).then(note);
    void permits.take({ requests: 1, bytes: 50 }, within(), 1000).then(note);
    impatient.abort();
    await clock.settle();

    assert.deepEqual(outcomes, ["gave-up", "taken"]);
    assert.equal(clock.armedCount, 0);
    held.release();
  });

  it("refuses at once who gave up before", async () => {
    const { permits } = start({ requestsMax: 1 });
    taken(permits.tryTake(one));
    const gone = within();
    gone.abort();

    assert.equal(reasonOf(await permits.take(one, gone, 1000)), "gave-up");
  });
});

describe("permits: release", () => {
  it("counts once, however often it is called", () => {
    const { permits } = start();
    const first = taken(permits.tryTake(one));
    taken(permits.tryTake(one));

    first.release();
    first.release();

    assert.deepEqual(permits.held, { requests: 1, bytes: 10 });
  });

  it("gives back what shrink has left", () => {
    const { permits } = start();
    const permit = taken(permits.tryTake({ requests: 1, bytes: 100 }));

    permit.shrink(70);
    const between = permits.held;
    permit.release();

    assert.deepEqual(between, { requests: 1, bytes: 30 });
    assert.deepEqual(permits.held, { requests: 0, bytes: 0 });
    assert.throws(() => permit.shrink(1), /gives back no more than it holds/);
  });
});

/** What the script does next. `at` picks one of those that wait or hold. */
type Step =
  | { readonly kind: "take"; readonly bytes: number; readonly waitMs: number }
  | { readonly kind: "try"; readonly bytes: number }
  | { readonly kind: "release" | "abort"; readonly at: number }
  | { readonly kind: "advance"; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("take" as const), bytes: fc.nat(12), waitMs: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ kind: fc.constant("try" as const), bytes: fc.nat(12) }),
    fc.record({ kind: fc.constantFrom("release" as const, "abort" as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant("advance" as const), ms: fc.nat(30) }),
  ),
  { maxLength: 60, size: "max" },
);

interface Limits {
  readonly requestsMax: number;
  readonly bytesMax: number;
  readonly waitingMax: number;
}

/** The simplest thing that could be right: one array of waiting, looked at from the front after every step. */
class Model {
  readonly held: { readonly id: number; readonly bytes: number }[] = [];
  readonly outcomes = new Map<number, string>();
  line: { readonly id: number; readonly bytes: number; readonly untilMs: number }[] = [];

  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  fits(bytes: number): boolean {
    const sum = this.held.reduce((total, other) => total + other.bytes, 0);
    return this.held.length < this.#limits.requestsMax && sum + bytes <= this.#limits.bytesMax;
  }

  arrive(id: number, bytes: number, untilMs: number | undefined): void {
    if (bytes > this.#limits.bytesMax) this.outcomes.set(id, "too-heavy");
    else if (this.line.length === 0 && this.fits(bytes)) this.admit(id, bytes);
    else if (untilMs === undefined) this.outcomes.set(id, "busy");
    else if (this.line.length >= this.#limits.waitingMax) this.outcomes.set(id, "line-full");
    else this.line.push({ id, bytes, untilMs });
  }

  leave(id: number, outcome: string): void {
    this.line = this.line.filter((waiting) => waiting.id !== id);
    this.outcomes.set(id, outcome);
    this.letIn();
  }

  release(id: number): void {
    this.held.splice(
      this.held.findIndex((holder) => holder.id === id),
      1,
    );
    this.letIn();
  }

  /** Those whose patience ends leave one after another, in the order their patience ends. */
  advance(nowMs: number): void {
    for (;;) {
      const due = this.line.filter(({ untilMs }) => untilMs <= nowMs).sort((a, b) => a.untilMs - b.untilMs)[0];
      if (due === undefined) return;
      this.leave(due.id, "waited");
    }
  }

  letIn(): void {
    for (let first = this.line[0]; first !== undefined && this.fits(first.bytes); first = this.line[0]) {
      this.line.shift();
      this.admit(first.id, first.bytes);
    }
  }

  admit(id: number, bytes: number): void {
    this.held.push({ id, bytes });
    this.outcomes.set(id, "taken");
  }
}

describe("permits: any script", () => {
  it("agrees with a naive model step by step, and gives everything back at the end", async () => {
    const limits = { requestsMax: 3, bytesMax: 10, waitingMax: 4 };
    await fc.assert(
      fc.asyncProperty(steps, async (script: readonly Step[]) => {
        const clock = new ManualClock();
        const permits = new Permits({ clock, ...limits });
        const model = new Model(limits);
        const outcomes = new Map<number, string>();
        const granted = new Map<number, Permit>();
        const contexts = new Map<number, ReturnType<typeof within>>();
        const settle = (id: number) => (result: Result<Permit, Overloaded>) => {
          outcomes.set(id, reasonOf(result));
          if (result.ok) granted.set(id, result.value);
        };

        for (const [id, step] of script.entries()) {
          if (step.kind === "try") {
            settle(id)(permits.tryTake({ requests: 1, bytes: step.bytes }));
            model.arrive(id, step.bytes, undefined);
          } else if (step.kind === "take") {
            const context = within();
            contexts.set(id, context);
            void permits.take({ requests: 1, bytes: step.bytes }, context, step.waitMs).then(settle(id));
            model.arrive(id, step.bytes, clock.nowMs() + step.waitMs);
          } else if (step.kind === "release" && model.held.length > 0) {
            const holder = model.held[step.at % model.held.length];
            granted.get(holder?.id ?? -1)?.release();
            model.release(holder?.id ?? -1);
          } else if (step.kind === "abort" && model.line.length > 0) {
            const waiting = model.line[step.at % model.line.length];
            contexts.get(waiting?.id ?? -1)?.abort();
            model.leave(waiting?.id ?? -1, "gave-up");
          } else if (step.kind === "advance") {
            await clock.advance(step.ms);
            model.advance(clock.nowMs());
          }
          for (let turn = 0; turn < 8; turn += 1) await undefined;
          const heldBytes = model.held.reduce((sum, { bytes }) => sum + bytes, 0);
          assert.deepEqual(permits.held, { requests: model.held.length, bytes: heldBytes });
          assert.equal(permits.waitingCount, model.line.length);
          assert.deepEqual([...outcomes].sort(byId), [...model.outcomes].sort(byId));
        }

        await clock.advance(100);
        for (const permit of granted.values()) permit.release();
        assert.deepEqual(permits.held, { requests: 0, bytes: 0 });
        assert.equal(clock.armedCount + permits.waitingCount, 0);
      }),
      { numRuns: 300 },
    );
  });
});

function byId([id]: readonly [number, string], [other]: readonly [number, string]): number {
  return id - other;
}

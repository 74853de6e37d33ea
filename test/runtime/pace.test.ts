/** What turns take, how long messages wait, and which calls come too late. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { Dispatcher, TIMED_APART, TIMED_FREE } from "#runtime/dispatcher.ts";
import { ok } from "#runtime/errors.ts";
import { Told } from "#runtime/message.ts";
import { Pace } from "#runtime/pace.ts";
import type { Call } from "#runtime/protocol.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { startActor, testMachine } from "#test/kit/actor.ts";

/** A pace with time by hand: its recent reading may be late, and readings of the clock are counted. */
function paced(mayTime: () => boolean = () => true) {
  const time = { nowMs: 0, recentMs: 0, readings: 0 };
  const clock = {
    nowMs: () => {
      time.readings += 1;
      return time.nowMs;
    },
    recentMs: () => time.recentMs,
    wallMs: () => assert.fail("nobody asks for wall time"),
    after: () => assert.fail("nobody sets a timer"),
  };
  const metrics = new Metrics();
  const dispatcher = { enqueue: () => undefined, mayTime };
  const turnTime = metrics.histogram("turn", "", [0.001]);
  const waitTime = metrics.histogram("wait", "", [0.001]);
  const pace = new Pace("clerk", { clock, dispatcher, turnTime, waitTime });
  /** What was observed since the last call: up to 1 ms, above it, and the sum in ms. */
  const seen = (name: "turn" | "wait"): readonly (number | undefined)[] | undefined => {
    const delta = metrics.takeDeltas().find((each) => each.name === name);
    return delta === undefined ? undefined : [...(delta.counts ?? []), Math.round(delta.value * 1e6) / 1e3];
  };
  return { pace, time, seen };
}

describe("pace: a call that would be too late", () => {
  const isTooLate = (dueMs: number, nowMs: number, recentMs: number, turnMs = 0, turns = 100): boolean => {
    const { pace, time } = paced();
    for (let turn = 0; turn < turns; turn += 1) {
      time.nowMs = turnMs;
      pace.endOfMessage(0);
    }
    Object.assign(time, { nowMs, recentMs });
    return pace.isTooLate(dueMs);
  };

  it("is known by the clock, though the recent reading says otherwise", () => {
    assert.equal(isTooLate(100, 101, 97), true);
    assert.equal(isTooLate(100, 100, 97), true);
    assert.equal(isTooLate(100, 99, 97), false);
  });

  it("costs no reading of the clock while its deadline is far", () => {
    const { pace, time } = paced();

    assert.equal(pace.isTooLate(10_000), false);
    assert.equal(time.readings, 0);
  });

  it("is one that would be late when it is done", () => {
    assert.equal(isTooLate(100, 94, 94, 5), false);
    assert.equal(isTooLate(100, 96, 96, 5), true);
  });

  it("is not told by long turns of another time: what never runs can never show that it is short", () => {
    const { pace, time } = paced();
    for (let turn = 0; turn < 100; turn += 1) {
      time.nowMs += 25;
      pace.endOfMessage(time.nowMs - 25);
    }
    const isLate = (afterMs: number): boolean => {
      Object.assign(time, { nowMs: 2500 + afterMs, recentMs: 2500 + afterMs });
      return pace.isTooLate(time.nowMs + 15);
    };

    assert.deepEqual([isLate(0), isLate(250), isLate(400)], [true, true, false]);
  });

  it("is not told by one long turn", () => {
    const { pace, time } = paced();
    for (let turn = 0; turn < 100; turn += 1) {
      time.nowMs = turn === 99 ? 300 : 0;
      pace.endOfMessage(0);
    }
    Object.assign(time, { nowMs: 98, recentMs: 98 });

    assert.equal(pace.isTooLate(100), false);
  });
});

describe("pace: a message in line", () => {
  it("is followed from its offer to its turn, one at a time", () => {
    const { pace, time, seen } = paced();
    const [first, second] = [new Told("note", 1), new Told("note", 2)];
    pace.offered(first);
    time.nowMs = 3;
    pace.offered(second);
    time.nowMs = 5;
    pace.taken(first);
    time.nowMs = 9;
    pace.taken(second);

    assert.deepEqual(seen("wait"), [0, 1, 5]);
  });

  it("is followed only where the time may be read", () => {
    const { pace, time, seen } = paced(() => false);
    const note = new Told("note", 1);
    pace.offered(note);
    pace.taken(note);

    assert.deepEqual([seen("wait"), time.readings], [undefined, 0]);
  });

  it("gives way to the next one when it is lost", () => {
    const { pace, seen } = paced();
    const [lost, last] = [new Told("note", 1), new Told("note", 2)];
    pace.offered(lost);
    pace.lost(lost);
    pace.offered(last);
    pace.taken(last);

    assert.deepEqual(seen("wait"), [1, 0, 0]);
  });
});

interface ThinkerProtocol {
  think: Call<{ readonly ms: number }, void>;
  muse: Call<{ readonly ms: number }, void>;
}

const thinker: Behavior<ThinkerProtocol, Record<never, never>, ManualClock, ManualClock> = {
  name: "thinker",
  init: (clock) => clock,
  handlers: {
    think: async (clock, { ms }) => {
      await new Promise<void>((resolve) => clock.after(ms, resolve));
      return ok();
    },
    muse: (clock, { ms }, ctx) =>
      ctx.later(
        () => new Promise<void>((resolve) => clock.after(ms, resolve)),
        () => ok(),
      ),
  },
};

describe("actor: what its turns take, and how long messages wait", () => {
  it("is counted by actor: a turn from its beginning to the end of its promise, a wait up to the turn", async () => {
    const machine = testMachine();
    const { actor, ref, clock, metrics } = await startActor(thinker, machine.clock, { machine });
    const within = { timeoutMs: 60_000 };
    const calls = [ref.call("think", { ms: 40 }, within), ref.call("muse", { ms: 500 }, within)];
    await clock.advance(2000);
    await Promise.all(calls);

    const deltas = metrics.takeDeltas();
    const [turns, waits] = ["actor_turn_seconds", "actor_wait_seconds"].map((wanted) =>
      deltas.find(({ name }) => name === wanted),
    );
    const sum = (counts: readonly number[] = []): number => counts.reduce((total, count) => total + count, 0);
    // `think`, `muse` and its settle.
    assert.deepEqual([sum(turns?.counts), actor.turnCount], [3, 3]);
    assert.deepEqual([turns?.labels, waits?.labels], [{ actor: "thinker" }, { actor: "thinker" }]);
    assert.equal(Math.round((turns?.value ?? 0) * 1000), 40);
    // `think` does not wait; while it is followed no other one is.
    assert.equal(sum(waits?.counts), 1);
  });
});

describe("actor: long turns of its timers", () => {
  it("are not what its messages are judged by", async () => {
    let extraMs = 0;
    const machine = testMachine(undefined, undefined, (clock) => ({
      nowMs: () => clock.nowMs() + extraMs,
      recentMs: () => clock.nowMs() + extraMs,
      wallMs: () => clock.wallMs(),
      after: (delayMs, run) => clock.after(delayMs, run),
    }));
    const beats: Behavior<{ ping: Call<undefined, void> }, Record<never, never>, undefined, undefined> = {
      name: "beats",
      init: (_deps, ctx) => {
        for (let beat = 1; beat <= 50; beat += 1) {
          ctx.after(50 * beat, () => {
            extraMs += 30;
          });
        }
      },
      handlers: { ping: () => ok() },
    };
    const { ref, clock } = await startActor(beats, undefined, { machine });
    for (let beat = 1; beat <= 50; beat += 1) {
      await clock.advance(50);
      // Time has passed since the dispatcher began: it gives the loop back.
      await new Promise(setImmediate);
    }

    const answer = await ref.call("ping", undefined, { timeoutMs: 12 });

    assert.equal(extraMs, 1500);
    assert.deepEqual(answer, ok());
  });
});

describe("actor: the wait of a call that never has its turn", () => {
  const ends = [
    { why: "it is given up", capacity: 8, timeoutMs: 20 },
    { why: "a newer one displaced it", capacity: 1, timeoutMs: 60_000 },
  ];
  for (const { why, capacity, timeoutMs } of ends) {
    it(`is not told, and the next one's is, where ${why}`, async () => {
      const machine = testMachine();
      const { ref, clock, metrics } = await startActor(thinker, machine.clock, {
        machine,
        capacity,
        overflow: "drop-oldest",
      });
      const first = ref.call("think", { ms: 100 }, { timeoutMs: 60_000 });
      await clock.settle();
      const never = ref.call("muse", { ms: 1 }, { timeoutMs });
      await clock.advance(50);
      const last = ref.call("muse", { ms: 1 }, { timeoutMs: 60_000 });
      await clock.advance(200);
      assert.deepEqual([(await first).ok, (await never).ok, (await last).ok], [true, false, true]);

      const waits = metrics.takeDeltas().find(({ name }) => name === "actor_wait_seconds");
      assert.equal(
        waits?.counts?.reduce((total, count) => total + count),
        2,
      );
      assert.equal(Math.round((waits?.value ?? 0) * 1000), 50);
    });
  }
});

describe("dispatcher: the clock", () => {
  it("is read for the first few that ask in a pass of the loop, then for one in 64", async () => {
    const dispatcher = new Dispatcher({ clock: new ManualClock(), scheduler: realScheduler });
    const ask = (count: number): number =>
      Array.from({ length: count }, () => dispatcher.mayTime()).filter(Boolean).length;
    dispatcher.enqueue({ runSlot: () => 0 });
    await undefined;

    const first = ask(TIMED_FREE);
    const later = ask(10 * TIMED_APART);
    await new Promise(setImmediate);
    const next = ask(TIMED_FREE);

    assert.deepEqual([first, later, next], [TIMED_FREE, 10, TIMED_FREE]);
  });
});

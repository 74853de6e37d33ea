/** The clock seam: one suite for both clocks, then what only the manual one promises. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "#runtime/clock.ts";
import { Defect } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

/** `pass` lets at least `ms` go by on the clock. */
function clockSuite(name: string, make: () => { clock: Clock; pass: (ms: number) => Promise<void> }): void {
  describe(`clock (${name})`, () => {
    test("nowMs and wallMs advance with time", async () => {
      const { clock, pass } = make();
      const [nowMs, wallMs] = [clock.nowMs(), clock.wallMs()];

      await pass(20.5);

      assert.ok(clock.nowMs() - nowMs >= 19, "monotonic time passed");
      assert.ok(clock.wallMs() - wallMs >= 10, "wall time passed");
      assert.ok(clock.wallMs() > Date.UTC(2025, 0, 1), "wall time counts from 1970");
      assert.ok(Number.isSafeInteger(clock.wallMs()), "in whole milliseconds");
    });

    test("after runs once, and never before its delay has passed", async () => {
      const { clock, pass } = make();
      const dues: number[] = [];
      const ran: number[] = [];
      for (const delayMs of [0, 1, 2.5, 7, 15.9]) {
        dues.push(clock.nowMs() + delayMs);
        clock.after(delayMs, () => ran.push(clock.nowMs()));
      }

      await pass(40);

      assert.equal(ran.length, dues.length);
      for (const [index, dueMs] of dues.entries()) assert.ok((ran[index] ?? 0) >= dueMs, `timer ${index} ran early`);
    });

    test("after never runs synchronously", async () => {
      const { clock, pass } = make();
      let hasRun = false;
      clock.after(0, () => {
        hasRun = true;
      });

      assert.equal(hasRun, false);
      await pass(10);
      assert.equal(hasRun, true);
    });

    test("a cancelled timer does not run, and cancelling is idempotent", async () => {
      const { clock, pass } = make();
      let runs = 0;
      const cancelled = clock.after(5, () => (runs += 1));
      const kept = clock.after(5, () => (runs += 1));

      cancelled.cancel();
      cancelled.cancel();
      await pass(20);
      kept.cancel();

      assert.equal(runs, 1);
    });

    test("the longest delay is 2^31 - 1, and it is not taken for none", async () => {
      const { clock, pass } = make();
      let hasRun = false;
      const timer = clock.after(2 ** 31 - 1, () => {
        hasRun = true;
      });

      await pass(5);

      assert.equal(hasRun, false);
      timer.cancel();
      assert.throws(() => clock.after(2 ** 31, () => undefined), Defect);
      assert.throws(() => clock.after(-1, () => undefined), Defect);
      assert.throws(() => clock.after(Number.NaN, () => undefined), Defect);
    });
  });
}

clockSuite("real", () => ({ clock: realClock, pass: async (ms) => void (await sleep(ms + 2)) }));
clockSuite("manual", () => {
  const clock = new ManualClock();
  return { clock, pass: (ms) => clock.advance(ms) };
});

describe("clock (real): after", () => {
  test("a pending timer does not keep the process alive", () => {
    const script = `import { realClock } from "#runtime/real/clock.ts"; realClock.after(60_000, () => {});`;

    const { status, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 20_000 });

    assert.deepEqual({ status, signal }, { status: 0, signal: null });
  });
});

describe("clock (manual): advance", () => {
  test("a timer sees exactly its due time", async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    clock.after(10, () => clock.after(2.5, () => seen.push(clock.nowMs())));
    clock.after(11, () => seen.push(clock.nowMs()));

    await clock.advance(12.5);

    assert.deepEqual(seen, [11, 12.5]);
  });

  test("timers run in the order of their due times, equal ones in the order they were set", async () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.after(20, () => ran.push("late"));
    clock.after(5, () => ran.push("early"));
    clock.after(5, () => ran.push("early, set later"));

    await clock.advance(40);

    assert.deepEqual(ran, ["early", "early, set later", "late"]);
  });

  test("a timer one past the end waits for the next advance", async () => {
    const clock = new ManualClock();
    const ran: number[] = [];
    clock.after(10, () => ran.push(10));
    clock.after(11, () => ran.push(11));

    await clock.advance(10);
    assert.deepEqual(ran, [10]);
    assert.equal(clock.armedCount, 1);

    await clock.advance(1);
    assert.deepEqual(ran, [10, 11]);
  });

  test("code that awaits between timers makes progress between them", async () => {
    const clock = new ManualClock();
    const slept = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
    const woke: number[] = [];
    const loop = async (): Promise<void> => {
      for (let round = 0; round < 5; round += 1) {
        await slept(10);
        for (let turn = 0; turn < 100; turn += 1) await undefined;
        woke.push(clock.nowMs());
      }
    };
    const looping = loop();

    await clock.advance(50);
    await looping;

    assert.deepEqual(woke, [10, 20, 30, 40, 50]);
  });

  test("what a timer throws rejects the advance, and the clock goes on", async () => {
    const clock = new ManualClock();
    clock.after(1, () => {
      throw new Error("from the timer");
    });

    await assert.rejects(clock.advance(5), /from the timer/);
    await clock.advance(5);

    assert.equal(clock.nowMs(), 6);
  });

  test("wall time jumps without moving the monotonic reading", () => {
    const clock = new ManualClock(1_000_000);

    clock.jumpWall(-500);

    assert.deepEqual([clock.nowMs(), clock.wallMs()], [0, 999_500]);
  });

  test("wall time drifts by so much in a second, until it does not, and what it has gained stays", async () => {
    const clock = new ManualClock(0);

    clock.driftWall(-250);
    await clock.advance(4000);
    clock.driftWall(0);
    await clock.advance(1000);

    assert.deepEqual([clock.nowMs(), clock.wallMs()], [5000, 4000]);
  });

  test("a second advance before the first has ended is a defect", async () => {
    const clock = new ManualClock();

    const first = clock.advance(1);
    await assert.rejects(clock.advance(1), Defect);

    await first;
  });
});

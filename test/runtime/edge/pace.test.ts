/** When a client that does not read is cut, in manual time and with a kernel that says what it holds. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IdleWatch } from "#runtime/edge/idle-watch.ts";
import { Pace } from "#runtime/edge/pace.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

const KiB = 1024;
const limits = { writeIdleMs: 10_000, paceBytesPerSecondMin: 16 * KiB, paceWindowMs: 30_000 };

function start(queued: () => number | undefined) {
  const clock = new ManualClock();
  const cuts: { readonly code: string; readonly atMs: number }[] = [];
  const pace = new Pace({
    clock,
    limits: () => limits,
    queuedBytes: async () => queued(),
    onCut: ({ code }) => cuts.push({ code, atMs: clock.nowMs() }),
  });
  return { clock, pace, cuts };
}

describe("edge: pace", () => {
  it("cuts a write that is pending for writeIdleMs where the system says nothing, not earlier (EDG-6)", async () => {
    const { clock, pace, cuts } = start(() => undefined);

    pace.begin();
    await clock.advance(9_999);
    assert.deepEqual(cuts, []);
    await clock.advance(1);

    assert.deepEqual(cuts, [{ code: "edge.write-idle", atMs: 10_000 }]);
  });

  it("leaves alone a client whose writes settle, however many", async () => {
    const { clock, pace, cuts } = start(() => undefined);

    for (let second = 0; second < 300; second += 5) {
      pace.begin();
      await clock.advance(5_000);
      pace.settle(128 * KiB);
    }

    assert.deepEqual(cuts, []);
  });

  it("sees progress inside one write that is pending for minutes (EDG-6)", async () => {
    let queuedBytes = 10_000 * KiB;
    const { clock, pace, cuts } = start(() => queuedBytes);

    pace.begin();
    // 20 KiB/s, in steps of 64 KiB as a zero window opens.
    for (let step = 0; step < 100; step += 1) {
      await clock.advance(3_200);
      queuedBytes -= 64 * KiB;
    }

    assert.deepEqual(cuts, []);
  });

  it("cuts a client that trickles below the pace, after a window (EDG-6)", async () => {
    let queuedBytes = 10_000 * KiB;
    const { clock, pace, cuts } = start(() => queuedBytes);

    pace.begin();
    for (let second = 0; second < 60 && cuts.length === 0; second += 1) {
      await clock.advance(1000);
      queuedBytes -= 4 * KiB;
    }

    assert.deepEqual(
      cuts.map(({ code }) => code),
      ["edge.reader-too-slow"],
    );
    assert((cuts[0]?.atMs ?? 0) >= 30_000 && (cuts[0]?.atMs ?? 0) <= 40_000);
  });

  it("cuts a client that stops in the middle, a fifth of writeIdleMs late at most", async () => {
    let queuedBytes = 10_000 * KiB;
    const { clock, pace, cuts } = start(() => queuedBytes);

    pace.begin();
    for (let second = 0; second < 20; second += 1) {
      await clock.advance(1000);
      queuedBytes -= 100 * KiB;
    }
    await clock.advance(20_000);

    assert.equal(cuts[0]?.code, "edge.write-idle");
    assert((cuts[0]?.atMs ?? 0) >= 30_000 && (cuts[0]?.atMs ?? 0) <= 32_000, String(cuts[0]?.atMs));
  });

  it("leaves no timer behind", async () => {
    const { clock, pace, cuts } = start(() => undefined);
    pace.begin();
    pace.begin();
    pace.settle(1);

    pace.close();
    await clock.advance(100_000);

    assert.deepEqual([clock.armedCount, cuts], [0, []]);
  });
});

describe("edge: idle watch", () => {
  it("fires once for a wait of idleMs, and never for shorter ones", async () => {
    const clock = new ManualClock();
    const firedMs: number[] = [];
    const watch = new IdleWatch(
      clock,
      () => 100,
      () => firedMs.push(clock.nowMs()),
    );

    for (let wait = 0; wait < 10; wait += 1) {
      watch.start();
      await clock.advance(99);
      watch.stop();
    }
    watch.start();
    await clock.advance(99);
    assert.deepEqual(firedMs, []);
    await clock.advance(1);
    await clock.advance(1000);

    assert.deepEqual(firedMs, [1090]);
    assert.equal(clock.armedCount, 0);
  });
});

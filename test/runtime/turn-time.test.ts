/** What a turn takes, and which calls it comes too late for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Clock } from "#runtime/clock.ts";
import { TurnTime } from "#runtime/turn-time.ts";

/** A clock whose recent reading is late, and that counts its readings. */
function clockAt(nowMs: number, recentMs: number): Clock & { readings: number } {
  return {
    readings: 0,
    nowMs() {
      this.readings += 1;
      return nowMs;
    },
    recentMs: () => recentMs,
    wallMs: () => assert.fail("nobody asks for wall time"),
    after: () => assert.fail("nobody sets a timer"),
  };
}

describe("turn time", () => {
  it("knows by the clock whether a call is too late, though the recent reading is not", () => {
    const turnTime = new TurnTime();

    assert.equal(turnTime.isTooLate(100, clockAt(101, 97)), true);
    assert.equal(turnTime.isTooLate(100, clockAt(100, 97)), true);
    assert.equal(turnTime.isTooLate(100, clockAt(99, 97)), false);
  });

  it("does not read the clock for a call that is far from its deadline", () => {
    const clock = clockAt(10, 5);

    assert.equal(new TurnTime().isTooLate(10_000, clock), false);
    assert.equal(clock.readings, 0);
  });

  it("leaves a call that would be late when it is done", () => {
    const turnTime = new TurnTime();
    for (let turn = 0; turn < 100; turn += 1) turnTime.note(5);

    assert.equal(turnTime.isTooLate(100, clockAt(94, 94)), false);
    assert.equal(turnTime.isTooLate(100, clockAt(96, 96)), true);
  });

  it("is not led astray by one long turn", () => {
    const turnTime = new TurnTime();
    for (let turn = 0; turn < 100; turn += 1) turnTime.note(turn === 99 ? 300 : 0);

    assert.equal(turnTime.isTooLate(100, clockAt(98, 98)), false);
  });
});

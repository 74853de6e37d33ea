/** What is said at most every so often. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Throttle } from "#supervisor/throttle.ts";

function setUp(): { readonly clock: ManualClock; readonly throttle: Throttle; readonly at: readonly number[] } {
  const clock = new ManualClock();
  const startMs = clock.nowMs();
  const at: number[] = [];
  return { clock, at, throttle: new Throttle(clock, 100, () => at.push(clock.nowMs() - startMs)) };
}

describe("throttle", () => {
  it("does at once what comes after a quiet time", async () => {
    const { clock, throttle, at } = setUp();

    throttle.request();
    await clock.advance(100);
    throttle.request();

    assert.deepEqual(at, [0, 100]);
  });

  it("does once, when the interval is over, all that came meanwhile", async () => {
    const { clock, throttle, at } = setUp();

    throttle.request();
    await clock.advance(30);
    throttle.request();
    await clock.advance(30);
    throttle.request();
    await clock.advance(1000);

    assert.deepEqual(at, [0, 100]);
  });

  it("counts what was done out of turn, and does not do it again", async () => {
    const { clock, throttle, at } = setUp();

    throttle.request();
    await clock.advance(50);
    throttle.request();
    throttle.now();
    await clock.advance(60);
    throttle.request();
    await clock.advance(1000);

    assert.deepEqual(at, [0, 50, 150]);
  });

  it("does nothing once it is closed", async () => {
    const { clock, throttle, at } = setUp();

    throttle.request();
    throttle.request();
    throttle.close();
    throttle.request();
    throttle.now();
    await clock.advance(1000);

    assert.deepEqual(at, [0]);
  });
});

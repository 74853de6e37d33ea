/** The sliding window against counting by hand. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SlidingWindow } from "#runtime/sliding-window.ts";
import { minute } from "#runtime/units.ts";

describe("sliding window: exceededBy", () => {
  it("is exceeded by the sixth of five, not by the fifth (SUP-5)", () => {
    const window = new SlidingWindow(5, 1 * minute);

    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].map((ms) => window.exceededBy(ms)),
      [false, false, false, false, false, true],
    );
  });

  it("forgets a moment exactly one period old, and not one a millisecond younger", () => {
    const window = new SlidingWindow(1, 1 * minute);

    assert.equal(window.exceededBy(0), false);
    assert.equal(window.exceededBy(1 * minute), false);
    assert.equal(window.exceededBy(2 * minute - 1), true);
  });

  it("agrees with counting over the whole history", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60, size: "max" });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 5 }), (gapsMs, countMax) => {
        const window = new SlidingWindow(countMax, 100);
        const history: number[] = [];
        let nowMs = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          history.push(nowMs);
          const inside = history.filter((momentMs) => nowMs - momentMs < 100).length;
          assert.equal(window.exceededBy(nowMs), inside > countMax);
        }
      }),
    );
  });

  it("begins anew after clear", () => {
    const window = new SlidingWindow(1, 1 * minute);
    window.exceededBy(0);

    window.clear();

    assert.deepEqual([window.exceededBy(1), window.exceededBy(2)], [false, true]);
  });
});

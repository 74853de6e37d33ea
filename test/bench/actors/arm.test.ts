/** How a work is cut into what is under way at once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BURST, burstsOf, IN_FLIGHT, inFlight } from "#bench/actors/arm.ts";
import { MEMORIES, QUICK, RATES } from "#bench/actors/works.ts";

describe("bench: an arm", () => {
  it("sends bursts that fit the mailbox, and all of them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 * BURST }), (count) => {
        const bursts = burstsOf(count);

        assert.equal(
          bursts.reduce((sum, burst) => sum + burst, 0),
          count,
        );
        assert(bursts.every((burst) => burst > 0 && burst <= BURST));
      }),
    );
  });

  it("has so many calls in flight, no more, and makes all of them", async () => {
    let underWay = 0;
    let most = 0;
    let made = 0;

    await inFlight(10 * IN_FLIGHT, async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await Promise.resolve();
      underWay -= 1;
      made += 1;
    });

    assert.deepEqual([most, made], [IN_FLIGHT, 10 * IN_FLIGHT]);
  });

  it("is given batches that lanes can share, and whole populations", () => {
    assert.deepEqual(
      RATES.filter(({ batch }) => batch % IN_FLIGHT !== 0),
      [],
    );
    assert(MEMORIES.every(({ batch }) => Number.isInteger(batch * QUICK.populationShare)));
  });
});

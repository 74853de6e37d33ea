/** How often something may be done, against a bucket that is filled drop by drop. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Defect } from "#runtime/errors.ts";
import { assertRate, RATE_FULL_MS_MAX, type Rate, takeOne } from "#runtime/redis/rate.ts";

const rates = fc.record({ periodMs: fc.integer({ min: 1, max: 10_000 }), burst: fc.integer({ min: 1, max: 10 }) });
const START_US = 1_790_000_000_000_000;

/** Asks once after each pause; what is kept goes when its time has come, as it does in Redis. */
class Taker {
  readonly #rate: Rate;
  #kept: { readonly fullUs: number; readonly untilUs: number } | undefined;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  take(nowUs: number): ReturnType<typeof takeOne>["verdict"] {
    if (this.#kept !== undefined && nowUs >= this.#kept.untilUs) this.#kept = undefined;
    const { verdict, keep } = takeOne(this.#rate, this.#kept?.fullUs, nowUs);
    if (keep !== undefined) this.#kept = { fullUs: keep.fullUs, untilUs: nowUs + keep.forMs * 1000 };
    return verdict;
  }
}

describe("redis: a rate", () => {
  it("allows what a bucket has, and says when it has more", () => {
    fc.assert(
      fc.property(rates, fc.array(fc.integer({ min: 0, max: 20_000_000 }), { maxLength: 60 }), (rate, pausesUs) => {
        const taker = new Taker(rate);
        const periodUs = rate.periodMs * 1000;
        // In microseconds of filling.
        let level = periodUs * rate.burst;
        let nowUs = START_US;
        for (const pauseUs of pausesUs) {
          nowUs += pauseUs;
          level = Math.min(periodUs * rate.burst, level + pauseUs);

          const verdict = taker.take(nowUs);

          assert.equal(verdict.isAllowed, level >= periodUs);
          if (verdict.isAllowed) level -= periodUs;
          else assert.equal(verdict.retryAfterMs, Math.ceil((periodUs - level) / 1000));
        }
      }),
    );
  });

  it("lets nobody wait for longer than a period, wherever the clock is put", () => {
    fc.assert(
      fc.property(rates, fc.array(fc.integer({ min: -1e12, max: 1e12 }), { maxLength: 60 }), (rate, jumpsUs) => {
        const taker = new Taker(rate);
        let nowUs = START_US;
        for (const jumpUs of jumpsUs) {
          nowUs = Math.max(1, nowUs + jumpUs);
          const verdict = taker.take(nowUs);
          if (verdict.isAllowed) continue;
          assert(verdict.retryAfterMs >= 1 && verdict.retryAfterMs <= rate.periodMs);
          nowUs += verdict.retryAfterMs * 1000;
          assert.equal(taker.take(nowUs).isAllowed, true, "it is as it was told");
        }
      }),
    );
  });

  it("is one that a bucket can have", () => {
    assertRate({ periodMs: 1, burst: 1 });
    assertRate({ periodMs: RATE_FULL_MS_MAX, burst: 1 });
    for (const rate of [
      { periodMs: 0, burst: 1 },
      { periodMs: 1.5, burst: 1 },
      { periodMs: 1, burst: 0 },
      { periodMs: RATE_FULL_MS_MAX, burst: 2 },
    ]) {
      assert.throws(() => assertRate(rate), Defect);
    }
  });
});

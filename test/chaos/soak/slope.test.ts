/** How fast something grows, of samples with noise: what grows is seen, what is flat is not, and what cannot be said is not said. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judgeSlope, type Sample, SLOPE_SAMPLES_MIN, SLOPE_SPAN_MS_MIN, slopeOf } from "#chaos/soak/slope.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { hour, minute } from "#runtime/units.ts";

const LEVEL = 30_000_000;
const SEEDS = 40;

interface Shape {
  readonly percentPerHour: number;
  readonly noisePercent: number;
  readonly spanMs?: number;
  readonly count?: number;
}

/** `noisePercent`: each is off by at most so much, either way. */
function series(seed: number, { percentPerHour, noisePercent, spanMs = 45 * minute, count = 36 }: Shape): Sample[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, at) => {
    const atMs = (spanMs * at) / (count - 1);
    const noise = (random.below(2001) - 1000) / 1000;
    return { atMs, value: LEVEL * (1 + (percentPerHour * atMs) / hour / 100 + (noisePercent * noise) / 100) };
  });
}

/** Of each verdict, how many series have it. */
function verdictsOf(shape: Shape): Readonly<Record<string, number>> {
  const tally = { pass: 0, fail: 0, undecided: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) tally[judgeSlope(slopeOf(series(seed, shape)), 1)] += 1;
  return tally;
}

describe("chaos soak slope", () => {
  it("is that of a line, whatever a few samples say", () => {
    const samples = series(1, { percentPerHour: 3, noisePercent: 0 });
    const spoilt = samples.map((one, at) => (at % 9 === 4 ? { ...one, value: one.value * 3 } : one));

    const slope = slopeOf(samples);
    assert(slope !== undefined);
    assert(Math.abs(slope.percentPerHour - 3) < 0.05 && slope.high - slope.low < 0.1, JSON.stringify(slope));
    // What is far off lifts the mean, to which it is related.
    assert(Math.abs((slopeOf(spoilt)?.percentPerHour ?? 0) - 2.4) < 0.3);
  });

  it("fails what grows by 2 % an hour and passes what is flat, with the noise that there is", () => {
    assert.deepEqual(verdictsOf({ percentPerHour: 2, noisePercent: 0.3 }), { pass: 0, fail: SEEDS, undecided: 0 });
    assert.deepEqual(verdictsOf({ percentPerHour: 0, noisePercent: 0.3 }), { pass: SEEDS, fail: 0, undecided: 0 });
    assert.deepEqual(verdictsOf({ percentPerHour: -2, noisePercent: 0.3 }), { pass: SEEDS, fail: 0, undecided: 0 });
  });

  it("decides nothing where there is more noise than that, or it is about the limit", () => {
    assert((verdictsOf({ percentPerHour: 0, noisePercent: 20 })["undecided"] ?? 0) > SEEDS * 0.8);
    assert((verdictsOf({ percentPerHour: 1, noisePercent: 0.3 })["undecided"] ?? 0) > SEEDS * 0.8);
  });

  it("has the true slope in its interval, 19 times of 20", () => {
    let held = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const slope = slopeOf(series(seed, { percentPerHour: 2, noisePercent: 2 }));
      if (slope !== undefined && slope.low <= 2.05 && slope.high >= 1.95) held += 1;
    }

    assert(held >= 180, `${held} of 200`);
  });

  it("says nothing of one sample too few", () => {
    const shape = { percentPerHour: 9, noisePercent: 0 };

    assert.equal(slopeOf(series(1, { ...shape, count: SLOPE_SAMPLES_MIN - 1 })), undefined);
    assert.equal(judgeSlope(undefined, 1), "undecided");
    assert.equal(judgeSlope(slopeOf(series(1, { ...shape, count: SLOPE_SAMPLES_MIN })), 1), "fail");
  });

  it("does not fail what is young for growing, unless it grows as nothing does that becomes warm", () => {
    const young = (percentPerHour: number, spanMs: number) =>
      judgeSlope(slopeOf(series(1, { percentPerHour, noisePercent: 0.1, spanMs })), 1);

    assert.deepEqual([young(9, SLOPE_SPAN_MS_MIN - 1), young(9, SLOPE_SPAN_MS_MIN)], ["undecided", "fail"]);
    assert.deepEqual([young(240, minute), young(360, minute)], ["undecided", "fail"]);
    assert.equal(young(-60, minute), "pass");
  });
});

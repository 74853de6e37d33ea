/** How many were noticed, of all or of a sample. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Fate } from "#gates/mutation/results.ts";
import { placeOf, scoreOf } from "#gates/mutation/score.ts";

function fates(text: string): readonly Fate[] {
  return [...text] as Fate[];
}

describe("mutation: score", () => {
  it("of all: what fails or never ends is noticed, what no test runs is not", () => {
    assert.deepEqual(scoreOf(fates("kktsu")), {
      ...{ population: 5, tried: 5, killed: 2, late: 1, survived: 1, unreached: 1 },
      ...{ score: 60, low: 60, high: 60 },
    });
  });

  it("of a sample has bounds, which are Wilson's", () => {
    const { population, tried, score, low, high } = scoreOf(
      fates(`${"k".repeat(80)}${"s".repeat(20)}${".".repeat(900)}`),
    );

    assert.deepEqual([population, tried, score], [1000, 100, 80]);
    assert.deepEqual([low.toFixed(1), high.toFixed(1)], ["71.1", "86.7"]);
  });

  it("of a sample counts nothing behind the first that was not tried: it may have been chosen", () => {
    assert.equal(scoreOf(fates("ks.kkkk")).tried, 2);
  });

  it("of nothing is anything", () => {
    const { low, high } = scoreOf(fates(".."));

    assert.deepEqual([low, high], [0, 100]);
  });
});

describe("mutation: order", () => {
  it("is that of the seed, and no other", () => {
    assert.equal(placeOf(1, "a", 2), placeOf(1, "a", 2));
    assert.equal(new Set([placeOf(1, "a", 2), placeOf(2, "a", 2), placeOf(1, "b", 2), placeOf(1, "a", 3)]).size, 4);
  });
});

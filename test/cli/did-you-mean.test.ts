/** A name that is nearly one of those there are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { didYouMean } from "#cli/did-you-mean.ts";

const KNOWN = ["run", "grid", "hunt", "everything-at-once", "every-link-is-slow"];

describe("names: did you mean", () => {
  for (const [given, meant] of [
    ["rnu", "run"],
    ["rin", "run"],
    ["gridd", "grid"],
    ["everyting-at-onec", "everything-at-once"],
    ["everything-at", undefined],
    ["ru", undefined],
    ["fly", undefined],
    ["", undefined],
    // One of three may be wrong, not two.
    ["rap", undefined],
  ] as const) {
    it(`${meant === undefined ? "says nothing of" : `says ${meant} to`} "${given}"`, () => {
      assert.equal(didYouMean(given, KNOWN), meant === undefined ? "" : ` (did you mean ${meant}?)`);
    });
  }

  it("says the nearest of several", () => {
    assert.equal(didYouMean("hunted", ["haunted", "hunter", "hunte"]), " (did you mean haunted?)");
  });
});

/** The least and the greatest of more numbers than fit on the stack. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { greatest, least } from "#runtime/extremes.ts";

describe("extremes", () => {
  it("are found of a million numbers", () => {
    const numbers = Array.from({ length: 1_000_000 }, (_, index) => 500_000 - index);
    assert.deepEqual([least(numbers), greatest(numbers, 0)], [-499_999, 500_000]);
  });

  it("are Infinity, and the floor, where there are none, and the floor where none is greater", () => {
    assert.deepEqual([least([]), greatest([], 3), greatest([1, 2], 3)], [Number.POSITIVE_INFINITY, 3, 3]);
  });
});

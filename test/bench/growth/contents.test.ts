/** Which objects go, and which stay. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { divide } from "#bench/growth/contents.ts";

describe("bench: what of a store goes", () => {
  it("is twice a tenth, two of three of those put first, and of those behind them", () => {
    const addresses = Array.from({ length: 60 }, (_, at) => String(at));

    const { tenths, rest } = divide([addresses, ["a"]]);

    assert.deepEqual(tenths, [
      ["1", "2", "4", "5", "7", "8"],
      ["10", "11", "13", "14", "16", "17"],
    ]);
    assert.deepEqual(new Set([...tenths.flat(), ...rest]), new Set([...addresses, "a"]));
    assert.equal(rest.length, 49);
  });
});

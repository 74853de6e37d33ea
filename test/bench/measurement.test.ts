/** How samples become figures. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { beside, jsonLine, median, percentile, round } from "#bench/measurement.ts";

describe("bench: percentile", () => {
  it("is a sample that at least so many are not above", () => {
    const samples = fc.array(fc.integer(), { minLength: 1, maxLength: 50, size: "max" });
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const value = percentile(values, percent);

        assert(values.includes(value));
        assert(values.filter((other) => other <= value).length >= (percent / 100) * values.length);
        assert(values.filter((other) => other < value).length < (percent / 100) * values.length);
      }),
    );
  });

  it("does not care about order", () => {
    assert.deepEqual([median([3, 1, 2]), percentile([4, 3, 2, 1], 100), percentile([7], 1)], [2, 4, 7]);
  });
});

describe("bench: measurement", () => {
  it("says the ratio beside a peer, and that a peer is absent", () => {
    const ours = { name: "x", value: 50, unit: "/s" };

    assert.deepEqual(beside(ours, "dd", 200), { ...ours, peer: "dd", peer_value: 200, ratio: 0.25 });
    assert.deepEqual(beside(ours, "nginx", undefined), { ...ours, peer: "nginx (absent)" });
  });

  it("prints three digits, as one line of JSON", () => {
    assert.equal(round(123_456), 123_000);
    assert.equal(jsonLine({ name: "x", value: 1.23456, unit: "ms" }), '{"name":"x","value":1.23,"unit":"ms"}');
  });
});

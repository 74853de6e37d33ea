/** What grows with the store, for each GiB. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { reportGrowth } from "#bench/growth/growth-report.ts";

describe("bench: what grows with the store", () => {
  const ofSize = (seconds: number) => [
    { name: "put", value: 100, unit: "MiB/s" },
    { name: "collect-nothing", value: seconds, unit: "s" },
  ];

  it("is told for each GiB, size by size, where it is a time", () => {
    const { lines } = reportGrowth(
      new Map([
        [1, ofSize(0.5)],
        [10, ofSize(20)],
      ]),
    );

    assert.deepEqual(
      lines.map((line) => line.split(/ {2,}/)),
      [[""], ["for each GiB of", "1 GiB", "10 GiB"], ["collect-nothing", "500 ms", "2,000 ms"]],
    );
  });

  it("is not told of one size", () => {
    assert.deepEqual(reportGrowth(new Map([[1, ofSize(0.5)]])), { lines: [], figures: [] });
  });
});

/** What is made of samples: the row, its figures, and whether targets were met. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Showing } from "#bench/actors/contest.ts";
import { reportOf } from "#bench/actors/contest-report.ts";
import type { OverloadResult } from "#bench/actors/overload.ts";
import { checksOf, reportOverload, type Scenario } from "#bench/actors/overload-figures.ts";
import { quantity } from "#bench/actors/quantity.ts";
import { judge } from "#bench/actors/target.ts";
import type { Work } from "#bench/actors/works.ts";

describe("bench: quantity", () => {
  it("has three digits, and does not round whole ones away", () => {
    assert.deepEqual(
      [
        quantity(2_441_000, "/s"),
        quantity(381_234, "/s"),
        quantity(999, "/s"),
        quantity(1536, "B"),
        quantity(0.01837, "ms"),
      ],
      ["2.44 M/s", "381 k/s", "999 /s", "1,536 B", "0.0184 ms"],
    );
  });
});

describe("bench: target", () => {
  it("is met at its value, and missed one beside it", () => {
    const verdicts = [
      judge({ least: 300 }, 300, "/s"),
      judge({ least: 300 }, 299, "/s"),
      judge({ most: 1536 }, 1536, "B"),
      judge({ most: 1536 }, 1537, "B"),
      judge({ least: 4, times: "Erlang" }, 400, "/s", 100),
      judge({ least: 4, times: "Erlang" }, 399, "/s", 100),
    ];

    assert.deepEqual(
      verdicts.map((verdict) => verdict?.met),
      [true, false, true, false, true, false],
    );
  });

  it("says nothing where the other arm is absent", () => {
    assert.equal(judge({ least: 4, times: "Erlang" }, 400, "/s"), undefined);
  });
});

describe("bench: report of a contest", () => {
  const work: Work = {
    name: "cast",
    label: "cast, handled",
    unit: "/s",
    batch: 64,
    arms: ["Cepa", "Erlang", "nact"],
    targets: [{ least: 200 }, { least: 2, times: "Erlang" }, { least: 3, times: "nact" }],
  };
  const showings = new Map<string, Showing>([
    ["Cepa", { samples: [100, 300, 250], waits: [0, 0.5, 0.1] }],
    ["Erlang", { samples: [125, 100, 150], waits: [0, 0, 0.2] }],
    ["nact", "nact is not installed"],
  ]);

  it("has Cepa's own figure, then one beside each peer; who is absent is said, and not judged", () => {
    const own = { name: "actors.cast", value: 250, unit: "/s" };

    const { figures } = reportOf(work, showings);

    assert.deepEqual(figures, [
      { ...own, samples: [100, 300, 250], waited: 0.1, target: "≥ 200 /s", met: true },
      {
        ...own,
        peer: "Erlang",
        peer_value: 125,
        ratio: 2,
        peer_samples: [125, 100, 150],
        peer_waited: 0,
        target: "≥ 2 × Erlang",
        met: true,
      },
      { ...own, peer: "nact (absent)" },
    ]);
  });

  it("is a row with a column for each arm", () => {
    const { lines } = reportOf(work, showings);

    assert.deepEqual(
      lines.map((line) => line.trim().split(/ {2,}/)),
      [
        ["cast, handled", "250 /s", "125 /s", "absent", "–", "–", "–", "–", "–"],
        ["≥ 200 /s: × 1.3, met; ≥ 2 × Erlang: × 1, met"],
      ],
    );
  });
});

describe("bench: report of an overload", () => {
  const scenario: Scenario = { name: "overload", label: "10 × overload", capacity: 100, deadlineMs: 50 };
  const good: OverloadResult = {
    serviceMs: 0.02,
    peakPerSecond: 40_000,
    unloadedP50Ms: 0.03,
    unloadedP99Ms: 0.1,
    p50Ms: 2,
    p99Ms: 2.1,
    latenessP99Ms: 4,
    goodputPerSecond: 36_000,
    offeredPerSecond: 500_000,
    lossNs: 500,
    attempts: 1000,
    outcomes: { ok: 90, "runtime.mailbox-full": 910 },
  };
  const metBy = (change: Partial<OverloadResult>) => checksOf(scenario, { ...good, ...change }).map(({ met }) => met);

  it("meets every check at its bound", () => {
    assert.deepEqual(metBy({ p99Ms: 2.199 }), [true, true, true, true]);
  });

  it("misses what is one past it: bound, deadline, goodput, an answer too few", () => {
    assert.deepEqual(metBy({ p99Ms: 2.2 }), [true, false, true, true]);
    assert.deepEqual(metBy({ p99Ms: 50 }), [false, false, true, true]);
    assert.deepEqual(metBy({ goodputPerSecond: 35_999 }), [true, true, false, true]);
    assert.deepEqual(metBy({ attempts: 1001 }), [true, true, true, false]);
  });

  it("counts losses by their reason, and the calls that were never answered", () => {
    const { figures } = reportOverload(scenario, { ...good, attempts: 1001 }, 0);

    assert.deepEqual(
      figures.filter(({ unit }) => unit === "count").map(({ name, value, met }) => [name, value, met]),
      [
        ["actors.overload.unanswered", 1, false],
        ["actors.overload.lost.runtime.mailbox-full", 910, undefined],
      ],
    );
  });
});

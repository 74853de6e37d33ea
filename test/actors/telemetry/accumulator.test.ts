/** Deltas of several cells, added up. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Accumulator, deltasPerPushMax, labelLengthMax } from "#actors/telemetry/accumulator.ts";
import { checkTelemetryConfig, type TelemetryConfig } from "#actors/telemetry/config.ts";
import type { MetricDelta } from "#runtime/telemetry/metrics.ts";

const limits: TelemetryConfig = { gaugeStaleMs: 10_000, familyCountMax: 3, seriesCountMax: 4 };

function counter(name: string, value: number, labels: Readonly<Record<string, string>> = {}): MetricDelta {
  return { kind: "counter", name, help: "Help.", labels, value };
}

function gauge(name: string, value: number): MetricDelta {
  return { kind: "gauge", name, help: "Help.", labels: {}, value };
}

function histogram(value: number, counts: readonly number[], bounds: readonly number[] = [1, 2]): MetricDelta {
  return { kind: "histogram", name: "h", help: "Help.", labels: {}, value, bounds, counts };
}

/** `name{labels} value` of all that is shown, but for the family of drops. */
function shown(accumulator: Accumulator, nowMs = 0): readonly string[] {
  return accumulator
    .families(limits, nowMs)
    .slice(0, -1)
    .flatMap(({ name, series }) => series.map(({ labels, value }) => `${name}${JSON.stringify(labels)} ${value}`));
}

function dropped(accumulator: Accumulator): Readonly<Record<string, number>> {
  const family = accumulator.families(limits, 0).at(-1);
  assert.equal(family?.name, "telemetry_dropped_deltas_total");
  return Object.fromEntries((family?.series ?? []).map(({ labels, value }) => [labels["reason"] ?? "", value]));
}

describe("telemetry: counters", () => {
  it("add up per cell and labels, in whatever order the labels come", () => {
    const accumulator = new Accumulator();

    accumulator.push("data", [counter("a", 1, { x: "1", y: "2" }), counter("a", 2, { y: "2", x: "1" })], limits, 0);
    accumulator.push("ops", [counter("a", 4, { x: "1", y: "2" })], limits, 0);

    assert.deepEqual(shown(accumulator), ['a{"cell":"data","x":"1","y":"2"} 3', 'a{"cell":"ops","x":"1","y":"2"} 4']);
  });

  it("go on where they were when a cell starts anew (TEL-1)", () => {
    const accumulator = new Accumulator();
    accumulator.push("data", [counter("a", 7)], limits, 0);

    // A new process counts from zero: its first delta is what it counted.
    accumulator.push("data", [counter("a", 1)], limits, 60_000);

    assert.deepEqual(shown(accumulator, 60_000), ['a{"cell":"data"} 8']);
  });

  it("cannot be pushed for another cell through a label (TEL-2)", () => {
    const accumulator = new Accumulator();

    accumulator.push("data", [counter("a", 1, { cell: "ops" })], limits, 0);

    assert.deepEqual(shown(accumulator), ['a{"cell":"data"} 1']);
  });

  it("never go down, whatever is pushed (TEL-1)", () => {
    const any = fc.record({
      kind: fc.constantFrom("counter" as const, "gauge" as const, "histogram" as const),
      name: fc.constantFrom("a", "b", "0 bad", "telemetry_dropped_deltas_total"),
      help: fc.constant("Help."),
      labels: fc.dictionary(fc.constantFrom("x", "le", "__bad", "cell"), fc.constantFrom("1", "2"), { maxKeys: 2 }),
      value: fc.oneof(fc.double(), fc.integer()),
      bounds: fc.constantFrom([], [1, 2], [2, 1]),
      counts: fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("data", "ops"), fc.array(any, { maxLength: 5 }))), (pushes) => {
        const accumulator = new Accumulator();
        const before = new Map<string, number>();
        for (const [cell, deltas] of pushes) {
          accumulator.push(cell, deltas, limits, 0);
          for (const { kind, name, series } of accumulator.families(limits, 0)) {
            if (kind === "gauge") continue;
            for (const { labels, value, counts = [] } of series) {
              const now: number = kind === "counter" ? value : counts.reduce((sum, count) => sum + count, 0);
              const key = `${name}${JSON.stringify(labels)}`;
              assert(now >= (before.get(key) ?? 0), key);
              before.set(key, now);
            }
          }
          assert(accumulator.seriesCount <= limits.seriesCountMax);
        }
      }),
    );
  });
});

describe("telemetry: gauges", () => {
  it("show the last value pushed, and vanish when their cell has not pushed them for the time set (TEL-3)", () => {
    const accumulator = new Accumulator();
    accumulator.push("data", [gauge("g", 1)], limits, 0);
    accumulator.push("ops", [gauge("g", 5)], limits, 0);
    accumulator.push("data", [gauge("g", 2)], limits, 5000);

    assert.deepEqual(shown(accumulator, 9999), ['g{"cell":"data"} 2', 'g{"cell":"ops"} 5']);
    assert.deepEqual(shown(accumulator, 10_000), ['g{"cell":"data"} 2']);
    assert.deepEqual(shown(accumulator, 15_000), []);
    assert.equal(accumulator.seriesCount, 0);
  });

  it("that are stale make room for others (TEL-6)", () => {
    const accumulator = new Accumulator();
    for (const name of ["g1", "g2", "g3"]) accumulator.push("data", [gauge(name, 1)], limits, 0);

    accumulator.push("data", [gauge("g4", 1)], limits, 9999);
    accumulator.push("data", [gauge("g5", 1)], limits, 10_000);

    assert.deepEqual(shown(accumulator, 10_000), ['g5{"cell":"data"} 1']);
    assert.deepEqual(dropped(accumulator), { "families-full": 1 });
  });
});

describe("telemetry: histograms", () => {
  it("add up bucket by bucket, and their sums", () => {
    const accumulator = new Accumulator();

    accumulator.push("data", [histogram(1.5, [1, 0, 0])], limits, 0);
    accumulator.push("data", [histogram(4, [0, 1, 1])], limits, 0);

    const [family] = accumulator.families(limits, 0);
    assert.deepEqual(family?.series, [{ labels: { cell: "data" }, value: 5.5, bounds: [1, 2], counts: [1, 1, 1] }]);
  });
});

describe("telemetry: what it drops", () => {
  it("is a family or a series over the limit, counted, while those it has go on (TEL-6)", () => {
    const accumulator = new Accumulator();

    accumulator.push(
      "data",
      ["a", "b", "c", "d"].map((name) => counter(name, 1)),
      limits,
      0,
    );
    accumulator.push("ops", [counter("a", 1), counter("b", 1), counter("c", 1)], limits, 0);
    accumulator.push("data", [counter("a", 1)], limits, 0);

    assert.deepEqual(shown(accumulator), [
      'a{"cell":"data"} 2',
      'a{"cell":"ops"} 1',
      'b{"cell":"data"} 1',
      'c{"cell":"data"} 1',
    ]);
    assert.deepEqual(dropped(accumulator), { "families-full": 1, "series-full": 2 });
  });

  it("is what disagrees with the kind or the bounds first seen (TEL-5)", () => {
    const accumulator = new Accumulator();

    accumulator.push("data", [counter("a", 1), gauge("a", 9), histogram(1, [1, 0, 0])], limits, 0);
    accumulator.push("ops", [histogram(1, [1, 0, 0], [1, 3]), histogram(1, [1, 0], [1])], limits, 0);

    assert.deepEqual(dropped(accumulator), { mismatch: 3 });
  });

  it("is what Prometheus or arithmetic would not bear (TEL-5)", () => {
    const accumulator = new Accumulator();

    accumulator.push(
      "data",
      [
        counter("a", -1),
        counter("a", Number.NaN),
        counter("not a name", 1),
        counter("a", 1, { "not a label": "x" }),
        counter("a", 1, { le: "x" }),
        counter("telemetry_dropped_deltas_total", 1),
        histogram(1, [1, 0]),
        histogram(1, [1, 0, 0], [2, 1]),
      ],
      limits,
      0,
    );

    assert.deepEqual(shown(accumulator), []);
    assert.deepEqual(dropped(accumulator), { malformed: 8 });
  });

  it("is what one push carries beyond the limit (TEL-7)", () => {
    const accumulator = new Accumulator();
    const deltas = new Array<MetricDelta>(deltasPerPushMax + 2).fill(counter("a", 1));

    accumulator.push("data", deltas.slice(0, deltasPerPushMax), limits, 0);
    const atLimit = dropped(accumulator);
    accumulator.push("data", deltas, limits, 0);

    assert.deepEqual(atLimit, {});
    assert.deepEqual(dropped(accumulator), { "push-too-large": 2 });
    assert.deepEqual(shown(accumulator), [`a{"cell":"data"} ${2 * deltasPerPushMax}`]);
  });

  it("is the end of a long label (TEL-7)", () => {
    const accumulator = new Accumulator();

    accumulator.push("data", [counter("a", 1, { x: "y".repeat(labelLengthMax + 1) })], limits, 0);

    assert.deepEqual(shown(accumulator), [`a{"cell":"data","x":"${"y".repeat(labelLengthMax)}"} 1`]);
  });
});

describe("telemetry: configuration", () => {
  it("leaves room for one series of every family", () => {
    assert.equal(checkTelemetryConfig({ ...limits, familyCountMax: 4 }), undefined);
    assert.equal(typeof checkTelemetryConfig({ ...limits, familyCountMax: 5 }), "string");
  });
});

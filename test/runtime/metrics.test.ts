/** The metrics of one cell: deltas that add up, gauges that stay, bounds that hold. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MetricDelta, Metrics, SERIES_MAX } from "#runtime/telemetry/metrics.ts";

/** Name, labels and value of each delta. */
function taken(metrics: Metrics): readonly (readonly [string, Readonly<Record<string, string>>, number])[] {
  return metrics.takeDeltas().map(({ name, labels, value }: MetricDelta) => [name, labels, value]);
}

describe("metrics: takeDeltas", () => {
  it("gives counters as differences, and nothing where nothing changed", () => {
    const metrics = new Metrics();
    const requests = metrics.counter("requests_total", "Requests.");

    requests.add();
    requests.add(2, { method: "GET" });
    requests.add(3, { method: "GET" });
    const first = taken(metrics);
    const second = taken(metrics);
    requests.add(1);

    assert.deepEqual(first, [
      ["requests_total", {}, 1],
      ["requests_total", { method: "GET" }, 5],
    ]);
    assert.deepEqual(second, []);
    assert.deepEqual(taken(metrics), [["requests_total", {}, 1]]);
  });

  it("gives a gauge every time once it was set, as it is", () => {
    const metrics = new Metrics();
    const depth = metrics.gauge("depth", "Depth.");
    const unset = taken(metrics);

    depth.set(3);
    depth.set(2, { lane: "user" });
    const first = taken(metrics);
    const second = taken(metrics);

    assert.deepEqual(unset, []);
    assert.deepEqual(first, [
      ["depth", {}, 3],
      ["depth", { lane: "user" }, 2],
    ]);
    assert.deepEqual(second, first);
  });

  it("counts an observation in the bucket whose bound it does not exceed, each one once", () => {
    const metrics = new Metrics();
    const latency = metrics.histogram("latency_seconds", "Latency.", [0.1, 1]);

    for (const seconds of [0.05, 0.1, 0.11, 1, 1.5, 99]) latency.observe(seconds);
    const first = metrics.takeDeltas();
    latency.observe(0.5);
    const second = metrics.takeDeltas();

    assert.deepEqual(
      first.map(({ bounds, counts }) => ({ bounds, counts })),
      [{ bounds: [0.1, 1], counts: [2, 2, 2] }],
    );
    assert(Math.abs((first[0]?.value ?? 0) - 101.76) < 1e-9);
    assert.deepEqual(second[0]?.counts, [0, 1, 0]);
    assert.deepEqual(first[0]?.counts, [2, 2, 2], "what was handed out does not change");
  });
});

describe("metrics: families", () => {
  it("are one per name, and keep their kind", () => {
    const metrics = new Metrics();

    metrics.counter("x_total", "X.").add(1);
    metrics.counter("x_total", "X.").add(1);

    assert.deepEqual(taken(metrics), [["x_total", {}, 2]]);
    assert.throws(() => metrics.gauge("x_total", "X."), /keeps its kind/);
  });

  it("hold as many series as they may, and count the rest under overflow", () => {
    const metrics = new Metrics();
    const hits = metrics.counter("hits_total", "Hits.");

    for (let index = 0; index < SERIES_MAX + 2; index += 1) hits.add(1, { path: `/${index}` });
    const deltas = taken(metrics);

    assert.equal(deltas.length, SERIES_MAX + 1);
    assert.deepEqual(deltas.at(-1), ["hits_total", { overflow: "true" }, 2]);
  });

  it("of counters do not go down", () => {
    assert.throws(() => new Metrics().counter("x_total", "X.").add(-1), /only goes up/);
  });
});

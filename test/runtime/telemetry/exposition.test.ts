/** The Prometheus text: families in order, buckets cumulative, labels escaped. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderExposition } from "#runtime/telemetry/exposition.ts";

describe("exposition: text", () => {
  it("has help, type and a line for every series", async () => {
    const { text, contentType } = await renderExposition([
      {
        kind: "counter",
        name: "requests_total",
        help: "Requests.",
        series: [
          { labels: { cell: "data", method: "GET" }, value: 3 },
          { labels: { cell: "ops" }, value: 1 },
        ],
      },
      { kind: "gauge", name: "depth", help: "Depth.", series: [{ labels: {}, value: 0.5 }] },
    ]);

    assert.equal(contentType, "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(
      text,
      `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{cell="data",method="GET"} 3
requests_total{cell="ops"} 1

# HELP depth Depth.
# TYPE depth gauge
depth 0.5
`,
    );
  });

  it("renders a histogram cumulative, with +Inf, sum and count", async () => {
    const { text } = await renderExposition([
      {
        kind: "histogram",
        name: "latency_seconds",
        help: "Latency.",
        series: [{ labels: { cell: "data" }, value: 12.5, bounds: [0.1, 1], counts: [2, 3, 4] }],
      },
    ]);

    assert.equal(
      text,
      `# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{cell="data",le="0.1"} 2
latency_seconds_bucket{cell="data",le="1"} 5
latency_seconds_bucket{cell="data",le="+Inf"} 9
latency_seconds_sum{cell="data"} 12.5
latency_seconds_count{cell="data"} 9
`,
    );
  });

  it("escapes what would break a line", async () => {
    const { text } = await renderExposition([
      { kind: "gauge", name: "x", help: "two\nlines", series: [{ labels: { path: 'a"b\\c\nd' }, value: 1 }] },
    ]);

    assert.equal(text, '# HELP x two\\nlines\n# TYPE x gauge\nx{path="a\\"b\\\\c\\nd"} 1\n');
  });
});

/** Telemetry, driven through its protocol alone. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { actorModule, telemetryBehavior } from "#actors/telemetry/actor.ts";
import { telemetryConfigSchema } from "#actors/telemetry/config.ts";
import { readSection } from "#runtime/config/section.ts";
import { ConfigHolder } from "#runtime/config/snapshot.ts";
import { renderExposition } from "#runtime/telemetry/exposition.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { startActor } from "#test/kit/actor.ts";

const options = { timeoutMs: 1000 };

async function startTelemetry() {
  const defaults = readSection(telemetryConfigSchema, "telemetry", {}, {});
  assert(defaults.ok);
  const deps = { config: new ConfigHolder(defaults.value), render: renderExposition };
  return await startActor(telemetryBehavior, deps);
}

describe("telemetry: scrape", () => {
  it("answers with what the cells pushed, as Prometheus text", async () => {
    const { ref, clock } = await startTelemetry();
    const metrics = new Metrics();
    metrics.counter("requests_total", "Requests.").add(2, { method: "GET" });
    metrics.gauge("depth", "Depth.").set(7);

    ref.cast("pushMetrics", { cell: "data", deltas: metrics.takeDeltas() });
    ref.cast("pushMetrics", { cell: "data", deltas: metrics.takeDeltas() });
    const answer = ref.call("scrape", {}, options);
    await clock.settle();
    const scraped = await answer;

    assert(scraped.ok);
    assert.match(scraped.value.contentType, /^text\/plain/);
    assert.match(scraped.value.text, /^depth\{cell="data"\} 7$/m);
    assert.match(scraped.value.text, /^requests_total\{cell="data",method="GET"\} 2$/m);
  });

  it("keeps counters and forgets gauges of a cell that is gone for ten seconds", async () => {
    const { ref, clock } = await startTelemetry();
    const metrics = new Metrics();
    metrics.counter("requests_total", "Requests.").add(2);
    metrics.gauge("depth", "Depth.").set(7);
    ref.cast("pushMetrics", { cell: "data", deltas: metrics.takeDeltas() });
    await clock.settle();

    await clock.advance(10_000);
    const scraped = await ref.call("scrape", {}, options);

    assert(scraped.ok);
    assert.match(scraped.value.text, /^requests_total\{cell="data"\} 2$/m);
    assert.doesNotMatch(scraped.value.text, /depth/);
  });
});

describe("telemetry: module", () => {
  it("checks its configuration and is called as the tree calls it", () => {
    assert.equal(actorModule.behavior.name, "telemetry");
    assert.equal(actorModule.checkConfig?.({ gaugeStaleMs: 1, familyCountMax: 2, seriesCountMax: 2 }), undefined);
  });
});

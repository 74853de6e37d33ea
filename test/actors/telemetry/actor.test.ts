/** Telemetry, driven through its protocol alone. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { actorModule, type TelemetryDeps, telemetryBehavior } from "#actors/telemetry/actor.ts";
import { telemetryConfigSchema } from "#actors/telemetry/config.ts";
import { readSection } from "#runtime/config/section.ts";
import { ConfigHolder } from "#runtime/config/snapshot.ts";
import { renderExposition } from "#runtime/telemetry/exposition.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { startActor } from "#test/kit/actor.ts";

const options = { timeoutMs: 1000 };

async function startTelemetry(render: TelemetryDeps["render"] = renderExposition) {
  const defaults = readSection(telemetryConfigSchema, "telemetry", {}, {});
  assert(defaults.ok);
  const deps = { config: new ConfigHolder(defaults.value), render };
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

  it("keeps counters and forgets gauges of a cell that is gone for ten seconds (TEL-1, TEL-3)", async () => {
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

  it("answers with the numbers of one moment, and takes pushes while they are rendered (TEL-4)", async () => {
    const renderings: (() => void)[] = [];
    const { ref, clock, actor } = await startTelemetry(async (families) => {
      await new Promise<void>((resolve) => renderings.push(resolve));
      return renderExposition(families);
    });
    const metrics = new Metrics();
    const requests = metrics.counter("requests_total", "Requests.");
    const push = (): void => {
      requests.add(1);
      ref.cast("pushMetrics", { cell: "data", deltas: metrics.takeDeltas() });
    };
    push();
    const early = ref.call("scrape", {}, options);
    await clock.settle();
    push();
    await clock.settle();
    const left = actor.mailboxDepth;
    const late = ref.call("scrape", {}, options);
    await clock.settle();

    for (const render of renderings) render();
    const [first, second] = await Promise.all([early, late]);

    assert(first.ok && second.ok);
    assert.equal(left, 0);
    assert.match(first.value.text, /^requests_total\{cell="data"\} 1$/m);
    assert.match(second.value.text, /^requests_total\{cell="data"\} 2$/m);
  });

  it("begins at zero again after a crash of its own, and takes what is pushed from then on (TEL-8)", async () => {
    const { ref, clock, crash } = await startTelemetry();
    const metrics = new Metrics();
    const requests = metrics.counter("requests_total", "Requests.");
    requests.add(2);
    ref.cast("pushMetrics", { cell: "data", deltas: metrics.takeDeltas() });
    await clock.settle();

    await crash();
    requests.add(3);
    ref.cast("pushMetrics", { cell: "data", deltas: metrics.takeDeltas() });
    const scraped = await ref.call("scrape", {}, options);

    assert(scraped.ok);
    assert.match(scraped.value.text, /^requests_total\{cell="data"\} 3$/m);
  });
});

describe("telemetry: module", () => {
  it("checks its configuration and is called as the tree calls it", () => {
    assert.equal(actorModule.behavior.name, "telemetry");
    assert.equal(
      actorModule.checkConfig?.({ gaugeStaleMs: 1, familyCountMax: 2, seriesCountMax: 2 }, { amnesia: false }),
      undefined,
    );
  });
});

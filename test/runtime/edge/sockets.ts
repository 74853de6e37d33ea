/** An edge on real sockets with manual time, for tests. */
import assert from "node:assert/strict";
import type { Edge, EdgeLimits, EdgeService } from "#runtime/edge/edge.ts";
import { must } from "#runtime/errors.ts";
import { realEdges } from "#runtime/real/edge.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { bodyOf } from "#test/runtime/edge/raw-client.ts";
import { readAll, serviceOf, testLimits, textResponse } from "#test/runtime/edge/service.ts";

export const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** Answers with the body that was sent, or with why there is none. */
export const echo: EdgeService = serviceOf(async ({ body }) => textResponse(await readAll(body)));

export interface OpenEdge {
  readonly edge: Edge;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
}

export async function open(service: EdgeService | undefined, changes: Partial<EdgeLimits> = {}): Promise<OpenEdge> {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const limits = { ...testLimits, ...changes };
  const options = { host: "127.0.0.1", port: 0, limits: () => limits, clock, random: seededRandom(1), metrics };
  const edge = must(await realEdges.listen(options), "listening");
  if (service !== undefined) edge.attach(service);
  return { edge, clock, metrics };
}

/** Time passes for the edge until `isDone`; sockets get their turn in between. */
export async function passTime(clock: ManualClock, stepMs: number, isDone: () => boolean): Promise<void> {
  for (let step = 0; step < 1000 && !isDone(); step += 1) {
    await clock.advance(stepMs);
    await new Promise(setImmediate);
  }
  assert(isDone(), "it happened in time");
}

/** The failure code in the last answer. */
export function codeIn(text: string): unknown {
  return (JSON.parse(bodyOf(text)) as Record<string, unknown>)["code"];
}

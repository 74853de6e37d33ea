/** What ten times too much does to an actor, and whether it sheds as it should: what is answered is answered in time. */
import { AskedChild } from "#bench/actors/asked-child.ts";
import { nodeCommand } from "#bench/actors/node-command.ts";
import type { OverloadResult } from "#bench/actors/overload.ts";
import { quantity } from "#bench/actors/quantity.ts";
import type { Effort } from "#bench/actors/works.ts";
import { beside, type Measurement } from "#bench/measurement.ts";
import type { Report } from "#bench/report.ts";

/** Of peak goodput. */
const GOODPUT_SHARE_MIN = 0.9;

export interface Scenario {
  readonly name: string;
  readonly label: string;
  readonly capacity: number;
  readonly deadlineMs: number;
}

const SCENARIOS: readonly Scenario[] = [
  // The default mailbox is full long before a deadline passes: what is refused is refused at once.
  { name: "overload", label: "10 × overload, mailbox of 128", capacity: 128, deadlineMs: 50 },
  // This one holds four deadlines of work: most of what waits in it expires.
  { name: "overload-deep", label: "10 × overload, mailbox of 4096", capacity: 4096, deadlineMs: 20 },
];

export async function* benchOverload({ overloadMs }: Effort): AsyncGenerator<Report> {
  for (const scenario of SCENARIOS) {
    const { capacity, deadlineMs, label } = scenario;
    await using child = new AskedChild(label, nodeCommand("overload.ts", capacity, deadlineMs, overloadMs));
    await child.heard();
    // Both sides are ours.
    const { said, waitedMs, elapsedMs } = await child.askWatched("round");
    yield reportOverload(scenario, said as unknown as OverloadResult, waitedMs / elapsedMs);
  }
}

interface Check {
  readonly name: string;
  readonly met: boolean;
}

export function checksOf({ capacity, deadlineMs }: Scenario, result: OverloadResult): readonly Check[] {
  const { p99Ms, serviceMs, unloadedP99Ms, goodputPerSecond, peakPerSecond, attempts } = result;
  const boundMs = capacity * serviceMs + 2 * unloadedP99Ms;
  const share = goodputPerSecond / peakPerSecond;
  return [
    { name: `p99 < deadline (${deadlineMs} ms)`, met: p99Ms < deadlineMs },
    { name: `p99 < capacity × service + 2 × unloaded p99 (${quantity(boundMs, "ms")})`, met: p99Ms < boundMs },
    {
      name: `goodput ≥ ${GOODPUT_SHARE_MIN * 100} % of peak (${(share * 100).toFixed(1)} %)`,
      met: share >= GOODPUT_SHARE_MIN,
    },
    { name: `outcomes = attempts (${answeredOf(result)} = ${attempts})`, met: answeredOf(result) === attempts },
  ];
}

/** The lines, and a figure for each number; a check rides on the figure that it is about. */
export function reportOverload(scenario: Scenario, result: OverloadResult, waited: number): Report {
  return { lines: linesOf(scenario, result, waited), figures: figuresOf(scenario, result, waited) };
}

function linesOf(scenario: Scenario, result: OverloadResult, waited: number): readonly string[] {
  const ms = (value: number): string => quantity(value, "ms");
  const rate = (value: number): string => quantity(value, "/s");
  const { offeredPerSecond, goodputPerSecond, peakPerSecond, p50Ms, p99Ms, unloadedP50Ms, unloadedP99Ms } = result;
  const lost = lossesOf(result).map(([code, count]) => `${code} ${count.toLocaleString("en")}`);
  return [
    `${scenario.label}, deadline ${scenario.deadlineMs} ms, service ${ms(result.serviceMs)}`,
    `  offered ${rate(offeredPerSecond)}, answered ${rate(goodputPerSecond)}; at peak ${rate(peakPerSecond)}`,
    `  answered after p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}; unloaded p50 ${ms(unloadedP50Ms)}, p99 ${ms(unloadedP99Ms)}`,
    `  offered later than due by p99 ${ms(result.latenessP99Ms)}`,
    `  waited for a core: ${(waited * 100).toFixed(0)} % of the time, which counts in latencies`,
    `  a call that is lost takes ${quantity(result.lossNs, "ns")} of the core, to make and to refuse`,
    `  lost: ${lost.join(", ") || "nothing"}`,
    ...checksOf(scenario, result).map(({ name, met }) => `  ${name}: ${met ? "met" : "missed"}`),
  ];
}

function figuresOf(scenario: Scenario, result: OverloadResult, waited: number): readonly Measurement[] {
  const prefix = `actors.${scenario.name}`;
  const [timely, bounded, busy, whole] = checksOf(scenario, result).map(({ name, met }) => ({ target: name, met }));
  const goodput = { name: `${prefix}.goodput`, value: result.goodputPerSecond, unit: "/s" };
  return [
    { name: `${prefix}.p50`, value: result.p50Ms, unit: "ms", waited },
    { name: `${prefix}.p99`, value: result.p99Ms, unit: "ms", ...timely },
    {
      ...beside({ name: `${prefix}.p99`, value: result.p99Ms, unit: "ms" }, "unloaded", result.unloadedP99Ms),
      ...bounded,
    },
    { ...beside(goodput, "peak", result.peakPerSecond), ...busy },
    { name: `${prefix}.offered`, value: result.offeredPerSecond, unit: "/s" },
    { name: `${prefix}.offered-late-p99`, value: result.latenessP99Ms, unit: "ms" },
    { name: `${prefix}.loss`, value: result.lossNs, unit: "ns" },
    { name: `${prefix}.unanswered`, value: result.attempts - answeredOf(result), unit: "count", ...whole },
    ...lossesOf(result).map(([code, count]) => ({ name: `${prefix}.lost.${code}`, value: count, unit: "count" })),
  ];
}

function lossesOf({ outcomes }: OverloadResult): readonly (readonly [code: string, count: number])[] {
  return Object.entries(outcomes).filter(([code]) => code !== "ok");
}

function answeredOf({ outcomes }: OverloadResult): number {
  return Object.values(outcomes).reduce((sum, count) => sum + count, 0);
}

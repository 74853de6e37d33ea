/**
 * A run as one page that needs nothing else: what was done to the node over how it did, what held and what did not, and how
 * to see it again.
 */
import { CHECKS, type CheckName } from "#chaos/checks.ts";
import { lastsMs, titleOf } from "#chaos/fault.ts";
import type { Outcome, Sample } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";

const WIDTH = 1000;
const CHART_HEIGHT = 120;
const LANE_HEIGHT = 18;

/** One line over time, and what it shows. */
interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly of: (sample: Sample) => number | undefined;
}

const CHARTS: readonly Chart[] = [
  { title: "served", unit: "requests", of: ({ served }) => served },
  { title: "refused or unanswered", unit: "requests", of: ({ refused, unanswered }) => refused + unanswered },
  { title: "99th percentile of latency", unit: "ms", of: ({ p99Ms }) => p99Ms },
  { title: "restarts, in all", unit: "", of: ({ restarts }) => restarts },
  { title: "fullest mailbox", unit: "messages", of: ({ depth }) => depth },
];

export function pageOf(plan: Plan, outcome: Outcome): string {
  const { scenario, seed, executor, verdict } = outcome;
  const endMs = Math.max(plan.durationMs, ...outcome.samples.map(({ atMs }) => atMs));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${inHtml(scenario)}, seed ${seed}: ${verdict}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: ${WIDTH + 40}px; margin: 2rem auto; padding: 0 20px; color: #1a1a1a; background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .25rem .6rem .25rem 0; vertical-align: top; border-bottom: 1px solid #ddd }
.pass { color: #116329 } .fail { color: #b3261e } .not-run { color: #7a5901 }
svg { width: 100%; height: auto; display: block } code { background: #f3f3f3; padding: .1rem .3rem; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { color: #e8e8e8; background: #161616 } td, th { border-color: #3a3a3a } code { background: #262626 }
.pass { color: #6fdd8b } .fail { color: #ff8a80 } .not-run { color: #ffd166 } svg text { fill: #ccc } }
</style></head><body>
<h1>${inHtml(scenario)}: <span class="${verdict}">${verdict}</span></h1>
<p>Seed <code>${seed}</code>, executor <code>${executor}</code>, ${plan.clients} clients for ${plan.durationMs / 1000} s, ${outcome.events} events, digest <code>${outcome.digest.slice(0, 16)}</code>.${outcome.reason === undefined ? "" : ` Not run: ${inHtml(outcome.reason)}.`}</p>
<p>Again: <code>./cepa chaos replay ${seed}</code></p>
<h2>Checks</h2>
<table>${Object.entries(outcome.checks)
    .map(([name, said]) => rowOf(name, said))
    .join("")}</table>
<h2>Faults</h2>
${lanesOf(plan, endMs)}
${CHARTS.map((chart) => chartOf(chart, outcome.samples, endMs, plan)).join("\n")}
<h2>Answers</h2>
<table>${Object.entries(outcome.tally)
    .map(([what, count]) => `<tr><td>${inHtml(what)}</td><td>${count}</td></tr>`)
    .join("")}</table>
</body></html>
`;
}

function rowOf(name: string, said: string): string {
  const meaning = name in CHECKS ? CHECKS[name as CheckName] : "";
  return `<tr><td>${inHtml(name)}<br><small>${inHtml(meaning)}</small></td><td class="${said === "pass" ? "pass" : "fail"}">${inHtml(said)}</td></tr>`;
}

/** A lane for each kind of fault. */
function lanesOf({ faults }: Plan, endMs: number): string {
  const kinds = [...new Set(faults.map(({ kind }) => kind))];
  const marks = faults.map((fault) => {
    const x = across(fault.atMs, endMs);
    const width = Math.max(3, across(lastsMs(fault), endMs));
    const y = kinds.indexOf(fault.kind) * LANE_HEIGHT + 3;
    return `<rect x="${x}" y="${y}" width="${width}" height="${LANE_HEIGHT - 6}" fill="#c2185b" opacity=".75"><title>${inHtml(titleOf(fault))} at ${fault.atMs} ms</title></rect>`;
  });
  const names = kinds.map(
    (kind, lane) => `<text x="2" y="${lane * LANE_HEIGHT + 13}" font-size="11">${inHtml(kind)}</text>`,
  );
  const height = Math.max(1, kinds.length) * LANE_HEIGHT;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="faults over time">${marks.join("")}${names.join("")}</svg>`;
}

function chartOf({ title, unit, of }: Chart, samples: readonly Sample[], endMs: number, plan: Plan): string {
  const points = samples.flatMap((sample) => {
    const value = of(sample);
    return value === undefined ? [] : [{ x: across(sample.atMs, endMs), value }];
  });
  const top = Math.max(1, ...points.map(({ value }) => value));
  const line = points
    .map(({ x, value }) => `${x},${round(CHART_HEIGHT - (value / top) * (CHART_HEIGHT - 16))}`)
    .join(" ");
  const shades = plan.faults.map((fault) => {
    const width = Math.max(1, across(lastsMs(fault), endMs));
    return `<rect x="${across(fault.atMs, endMs)}" y="0" width="${width}" height="${CHART_HEIGHT}" fill="#c2185b" opacity=".12"/>`;
  });
  return `<h2>${inHtml(title)}</h2>
<svg viewBox="0 0 ${WIDTH} ${CHART_HEIGHT}" role="img" aria-label="${inHtml(title)} over time">${shades.join("")}<polyline points="${line}" fill="none" stroke="#1565c0" stroke-width="1.5"/><text x="2" y="12" font-size="11">${round(top)} ${unit}</text></svg>`;
}

function across(ms: number, endMs: number): number {
  return round((ms / Math.max(1, endMs)) * WIDTH);
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function inHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

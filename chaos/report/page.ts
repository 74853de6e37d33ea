/**
 * A run as one page that needs nothing else: what was done to the node over how it did, what held and what did not, and how
 * to see it again.
 */
import { CHECKS, type CheckName } from "#chaos/checks.ts";
import type { Outcome } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { plantedBug } from "#chaos/plants.ts";
import { type Chart, chartOf, lanesOf, shadesOf } from "#chaos/report/chart.ts";
import { inHtml } from "#chaos/report/html.ts";
import { STYLE } from "#chaos/report/style.ts";
import { second } from "#runtime/units.ts";

const CHARTS: readonly Chart[] = [
  { title: "Served", unit: "requests/s", of: ({ served }, stretchMs) => rate(served, stretchMs) },
  {
    title: "Refused or unanswered",
    unit: "requests/s",
    of: ({ refused, unanswered }, stretchMs) => rate(refused + unanswered, stretchMs),
  },
  { title: "99th percentile of latency", unit: "ms", of: ({ p99Ms }) => p99Ms },
  { title: "Restarts of actors and cells, in all", unit: "restarts", of: ({ restarts }) => restarts },
  { title: "Depth of the fullest mailbox", unit: "messages", of: ({ depth }) => depth },
];

/** `plant`: the name of the bug that was in the node. */
export function pageOf(plan: Plan, outcome: Outcome, plant?: string): string {
  const { scenario, seed, executor, verdict, digest, reason } = outcome;
  const endMs = Math.max(plan.durationMs, ...outcome.samples.map(({ atMs }) => atMs));
  const planted = plant === undefined ? "" : `, with ${plant} planted`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${inHtml(`${scenario}, seed ${seed}${planted}: ${verdict}`)}</title>
<style>${STYLE}</style></head><body>
<h1>${inHtml(scenario)}: <span class="${verdict}">${verdict}</span></h1>
${plantOf(plant)}<p>Seed <code>${seed}</code>, executor <code>${executor}</code>, ${plan.clients} clients for ${plan.durationMs / second} s, ${outcome.events} events, digest <code>${inHtml(digest.slice(0, 16))}</code>.${reason === undefined ? "" : ` Not run: ${inHtml(reason)}.`}</p>
<p>Again: <code>./cepa chaos replay ${seed}</code></p>
<h2>Checks</h2>
${checksOf(outcome.checks)}
<h2>Faults <small>${plan.faults.length} of them; after ${plan.durationMs / second} s all heals, and everything is read</small></h2>
${shadesOf(plan, endMs)}${lanesOf(plan, endMs)}
${CHARTS.map((chart) => chartOf(chart, outcome.samples, endMs)).join("\n")}
<h2>Answers</h2>
${answersOf(outcome.tally)}
</body></html>
`;
}

/** First of all: what a run of such a node has shown is of such a node alone. */
function plantOf(plant: string | undefined): string {
  if (plant === undefined) return "";
  const says = plantedBug(plant)?.says ?? "there is no such bug any more";
  return `<p class="plant">with the bug <code>${inHtml(plant)}</code> planted: ${inHtml(says)}</p>\n`;
}

function checksOf(checks: Outcome["checks"]): string {
  const rows = Object.entries(checks).map(([name, said]) => {
    const meaning = name in CHECKS ? CHECKS[name as CheckName] : "the run came to its end";
    return `<tr><td>${inHtml(name)}<br><small>${inHtml(meaning)}</small></td><td class="${said === "pass" ? "pass" : "fail"}">${inHtml(said)}</td></tr>`;
  });
  return rows.length === 0 ? "<p>None was made.</p>" : `<table>${rows.join("")}</table>`;
}

/** The most frequent ones first. */
function answersOf(tally: Outcome["tally"]): string {
  const sorted = Object.entries(tally).toSorted(
    ([oneWhat, one], [otherWhat, other]) => other - one || (oneWhat < otherWhat ? -1 : 1),
  );
  if (sorted.length === 0) return "<p>None.</p>";
  const rows = sorted.map(([what, count]) => `<tr><td>${inHtml(what)}</td><td>${count.toLocaleString("en")}</td></tr>`);
  return `<table class="count"><tr><th>what</th><th>times</th></tr>${rows.join("")}</table>`;
}

function rate(count: number, stretchMs: number): number | undefined {
  return stretchMs <= 0 ? undefined : (count * second) / stretchMs;
}

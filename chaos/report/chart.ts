/**
 * A line over time, as a figure: its scale beside it, the time under it, the faults behind it. Where there was nothing to show
 * there is a gap, and never a line across it.
 *
 * What is drawn stretches with the window; what is written is text of the page, as large in a narrow one.
 */
import { lastsMs, titleOf } from "#chaos/fault.ts";
import type { Sample } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { timeTicks, topOf } from "#chaos/report/axis.ts";
import { inHtml, round } from "#chaos/report/html.ts";

/** What one line shows. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  /** `stretchMs`: since the sample before. Undefined: nothing was seen of it. */
  readonly of: (sample: Sample, stretchMs: number) => number | undefined;
}

interface Point {
  readonly atMs: number;
  readonly value: number;
}

/** Of what is drawn; the window has its own. */
const WIDTH = 1000;
const HEIGHT = 100;
/** Of a fault at one moment. */
const MARK_WIDTH = 2;
/** Of the time, percent: a label that begins later would stand over the edge, and ends there. */
const LABEL_AT_MAX = 88;

/** Drawn once, and used behind each chart. */
export function shadesOf({ faults }: Plan, endMs: number): string {
  const shades = faults.map((fault) => {
    const width = Math.max(MARK_WIDTH, across(lastsMs(fault), endMs));
    return `<rect x="${across(fault.atMs, endMs)}" y="0" width="${width}" height="${HEIGHT}"/>`;
  });
  return `<svg class="hidden" aria-hidden="true"><defs><g id="faults">${shades.join("")}</g></defs></svg>`;
}

export function chartOf({ title, unit, of }: Chart, samples: readonly Sample[], endMs: number): string {
  const seen = samples.map((sample, index): Point | undefined => {
    const value = of(sample, sample.atMs - (samples[index - 1]?.atMs ?? 0));
    return value === undefined ? undefined : { atMs: sample.atMs, value };
  });
  const points = seen.filter((point) => point !== undefined);
  const top = topOf(Math.max(0, ...points.map(({ value }) => value)));
  const lines = stretchesOf(seen).map((stretch) => `<path d="${pathOf(stretch, top, endMs)}"/>`);
  return `<h2>${inHtml(title)} <small>${inHtml(summaryOf(points, unit))}</small></h2>
<figure><div class="scale"><span>${top.toLocaleString("en")}</span><span>${top === 1 ? "" : (top / 2).toLocaleString("en")}</span><span>0</span></div>
<div class="plot"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${inHtml(`${title}, ${unit}, over time`)}"><use href="#faults"/><path class="grid" d="M0 ${HEIGHT / 2}H${WIDTH}"/>${lines.join("")}</svg></div>
${timeAxis(endMs)}</figure>`;
}

/** A lane for each kind of fault, under its name. */
export function lanesOf({ faults }: Plan, endMs: number): string {
  if (faults.length === 0) return "<p>None.</p>";
  const kinds = [...new Set(faults.map(({ kind }) => kind))];
  const lanes = kinds.map((kind) => {
    const marks = faults
      .filter((fault) => fault.kind === kind)
      .map((fault) => {
        const [left, width] = [fault.atMs, lastsMs(fault)].map((ms) => round(across(ms, endMs) / 10));
        return `<i style="left:${left}%;width:${width}%" title="${inHtml(`${titleOf(fault)} at ${fault.atMs} ms`)}"></i>`;
      });
    return `<div class="lane"><span>${inHtml(kind)}</span><div>${marks.join("")}</div></div>`;
  });
  return `<figure><div class="plot lanes">${lanes.join("")}</div>${timeAxis(endMs)}</figure>`;
}

function timeAxis(endMs: number): string {
  const labels = timeTicks(endMs).map(({ at, label }) => {
    return `<span${at > LABEL_AT_MAX ? ' class="last"' : ""} style="left:${round(at)}%">${label}</span>`;
  });
  return `<div class="time">${labels.join("")}</div>`;
}

/** Points that follow each other without a gap. */
function stretchesOf(seen: readonly (Point | undefined)[]): readonly (readonly Point[])[] {
  const stretches: Point[][] = [];
  for (const [index, point] of seen.entries()) {
    if (point === undefined) continue;
    if (seen[index - 1] === undefined) stretches.push([]);
    stretches.at(-1)?.push(point);
  }
  return stretches;
}

/** A point that stands alone is a dot. */
function pathOf(points: readonly Point[], top: number, endMs: number): string {
  const places = points.map(({ atMs, value }) => `${across(atMs, endMs)} ${round(HEIGHT - (value / top) * HEIGHT)}`);
  return places.length === 1 ? `M${places[0]}h0` : `M${places.join("L")}`;
}

/** What a line cannot say where it lies on an edge, or is not there. */
function summaryOf(points: readonly Point[], unit: string): string {
  if (points.length === 0) return "nothing was seen of it";
  const values = points.map(({ value }) => round(value));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? `${low} ${unit} throughout`.replace("  ", " ") : `${low} to ${high} ${unit}`.trim();
}

function across(ms: number, endMs: number): number {
  return round((ms / Math.max(1, endMs)) * WIDTH);
}

/** Seconds for each GiB, by size: what grows as the store does has one figure in its row. */
import { type Measurement, round } from "#bench/measurement.ts";
import type { Report } from "#bench/report.ts";
import { second } from "#runtime/units.ts";

const WIDTHS = { work: 24, size: 12 };

/** By size in GiB. Nothing is said of a single one. */
export function reportGrowth(figures: ReadonlyMap<number, readonly Measurement[]>): Report {
  if (figures.size < 2) return { lines: [], figures: [] };
  const rows = new Map<string, string[]>();
  for (const [gib, ofSize] of figures) {
    for (const { name, unit, value } of ofSize) {
      if (unit !== "s") continue;
      const cells = rows.get(name) ?? [];
      cells.push(`${round((value * second) / gib).toLocaleString("en")} ms`);
      rows.set(name, cells);
    }
  }
  const head = row(
    "for each GiB of",
    [...figures.keys()].map((gib) => `${gib} GiB`),
  );
  return { lines: ["", head, ...[...rows].map(([work, cells]) => row(work, cells))], figures: [] };
}

function row(work: string, cells: readonly string[]): string {
  return `${work.padEnd(WIDTHS.work)}${cells.map((cell) => cell.padStart(WIDTHS.size)).join("")}`;
}

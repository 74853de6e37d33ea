/** What a suite has to say at one time: lines for people, and the same as figures for scripts. */
import { type Measurement, tableRow } from "#bench/measurement.ts";

export interface Report {
  readonly lines: readonly string[];
  readonly figures: readonly Measurement[];
}

const WIDTHS = [40, 14, 36, 8];

/** A figure by itself, on a line. */
export function reportFigure(figure: Measurement): Report {
  const row = tableRow(figure).map((cell, column) => cell.padEnd(WIDTHS[column] ?? 0));
  return { lines: [row.join("  ").trimEnd()], figures: [figure] };
}

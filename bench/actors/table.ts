/** The table for people: a row for each work, a column for each arm, below it what should be reached. */
import { quantity } from "#bench/actors/quantity.ts";
import { type Verdict, verdictText } from "#bench/actors/target.ts";
import { ARMS } from "#bench/actors/works.ts";

const LABEL_WIDTH = 34;
const COLUMN_WIDTH = 11;

/** A figure; `absent` where its arm is not there; undefined where the arm has no such thing. */
export type Cell = number | "absent" | undefined;

export function headLine(): string {
  return line("", ARMS);
}

export function rowLines(label: string, unit: string, cells: readonly Cell[], verdicts: readonly Verdict[]): string[] {
  const texts = cells.map((cell) => (typeof cell === "number" ? quantity(cell, unit) : (cell ?? "–")));
  const row = line(label, texts);
  return verdicts.length === 0 ? [row] : [row, `    ${verdicts.map(verdictText).join("; ")}`];
}

function line(label: string, cells: readonly string[]): string {
  return `${label.padEnd(LABEL_WIDTH)}${cells.map((cell) => cell.padStart(COLUMN_WIDTH)).join("")}`.trimEnd();
}

/** How fast each process of a soak grows, as a row for people and for scripts: the slope, its interval, and what it comes to. */
import { round } from "#bench/measurement.ts";
import { reportFigure } from "#bench/report.ts";
import type { Slope } from "#chaos/soak/slope.ts";
import { growthCheck, SOAK_GROWTH_PERCENT_MAX, type SoakVerdict, verdictIn } from "#chaos/soak/verdict.ts";

export interface GrowthRow {
  /** `soak.growth-` and the process. */
  readonly name: string;
  /** Not there: too few samples. */
  readonly value?: number;
  readonly unit: "%/h";
  /** Between which it is, 19 times of 20. */
  readonly low?: number;
  readonly high?: number;
  readonly target: string;
  readonly verdict: SoakVerdict;
  /** For people. */
  readonly line: string;
}

const UNIT = "%/h";
const TARGET = `≤ ${SOAK_GROWTH_PERCENT_MAX} ${UNIT}`;

export function growthRows(slopes: Readonly<Record<string, Slope | undefined>>): readonly GrowthRow[] {
  return Object.entries(slopes).map(([process, slope]) => {
    const name = `soak.growth-${process}`;
    const said = growthCheck(slope);
    const verdict = verdictIn(said);
    if (slope === undefined) return { name, unit: UNIT, target: TARGET, verdict, line: `${name}  ${said}` };
    const { percentPerHour: value, low, high } = slope;
    const [figure = ""] = reportFigure({ name, value, unit: UNIT }).lines;
    // What a failure says would be the figure again.
    const word = verdict === "fail" ? `fail: ${TARGET} wanted` : said;
    const line = `${figure}  (${round(low)} to ${round(high)}): ${word}`;
    return { name, value: round(value), unit: UNIT, low: round(low), high: round(high), target: TARGET, verdict, line };
  });
}

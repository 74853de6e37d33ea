/**
 * What a soak has come to: checks that are exact, and how fast what each process holds has grown.
 *
 * Each check is `pass`, `undecided: …`, or says what is wrong. It passes when all do, and fails when one says what is wrong.
 */
import { type RestCounts, restProblem } from "#chaos/soak/rest.ts";
import { judgeSlope, type Sample, type Slope, slopeOf } from "#chaos/soak/slope.ts";
import { told } from "#chaos/soak/told.ts";

/** What a process holds after a collection may grow by so much in an hour, while as many objects come as go. */
export const SOAK_GROWTH_PERCENT_MAX = 1;

export type SoakVerdict = "pass" | "fail" | "undecided";
export type SoakChecks = Readonly<Record<string, string>>;

export interface SoakFindings {
  /** Undefined where it is right. */
  readonly problems: Readonly<Record<string, string | undefined>>;
  /** What each process held after collections, once it was warm: by its name. */
  readonly held: Readonly<Record<string, readonly Sample[]>>;
  readonly restBefore: RestCounts;
  readonly restAfter: RestCounts;
}

export interface SoakJudged {
  readonly verdict: SoakVerdict;
  readonly checks: SoakChecks;
  /** Undefined: too few samples. */
  readonly slopes: Readonly<Record<string, Slope | undefined>>;
}

const UNDECIDED = "undecided: ";

export function judgeSoak({ problems, held, restBefore, restAfter }: SoakFindings): SoakJudged {
  const slopes = Object.fromEntries(Object.entries(held).map(([name, samples]) => [name, slopeOf(samples)]));
  const checks: SoakChecks = {
    ...Object.fromEntries(Object.entries(problems).map(([name, problem]) => [name, problem ?? "pass"])),
    "as-much-at-rest-as-before": restProblem(restBefore, restAfter) ?? "pass",
    "heaps-do-not-grow": heapCheck(slopes),
  };
  const said = Object.values(checks);
  const isUndecided = (check: string): boolean => check.startsWith(UNDECIDED);
  if (said.some((check) => check !== "pass" && !isUndecided(check))) return { verdict: "fail", checks, slopes };
  return { verdict: said.some(isUndecided) ? "undecided" : "pass", checks, slopes };
}

function heapCheck(slopes: Readonly<Record<string, Slope | undefined>>): string {
  const names = Object.keys(slopes);
  const judged = (wanted: SoakVerdict): readonly string[] =>
    names
      .filter((name) => judgeSlope(slopes[name], SOAK_GROWTH_PERCENT_MAX) === wanted)
      .map((name) => `${name} ${rangeOf(slopes[name])}`);
  const failed = told(judged("fail"));
  if (failed !== undefined) return `it grows: ${failed}`;
  const open = names.length === 0 ? "nothing was looked at" : told(judged("undecided"));
  return open === undefined ? "pass" : `${UNDECIDED}${open}`;
}

export function rangeOf(slope: Slope | undefined): string {
  if (slope === undefined) return "of too few samples";
  const { percentPerHour, low, high } = slope;
  return `${percentPerHour.toFixed(2)} %/h (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

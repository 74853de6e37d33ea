/**
 * What a soak has come to: checks that are exact, and how fast what each process holds has grown.
 *
 * Each check is `pass`, `undecided: …`, or says what is wrong. It passes when all do, and fails when one says what is wrong.
 */
import { type RestCounts, restProblem } from "#chaos/soak/rest.ts";
import { judgeSlope, type Sample, SLOPE_SPAN_MS_MIN, type Slope, slopeOf } from "#chaos/soak/slope.ts";
import { told } from "#chaos/soak/told.ts";
import { minute } from "#runtime/units.ts";

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
/** So many minutes are enough for what is judged over a time: a quarter of them warms up. */
const MINUTES_ENOUGH = 60;

export function judgeSoak({ problems, held, restBefore, restAfter }: SoakFindings): SoakJudged {
  const slopes = Object.fromEntries(Object.entries(held).map(([name, samples]) => [name, slopeOf(samples)]));
  const checks: SoakChecks = {
    ...Object.fromEntries(Object.entries(problems).map(([name, problem]) => [name, problem ?? "pass"])),
    "as-much-at-rest-as-before": restProblem(restBefore, restAfter) ?? "pass",
    "heaps-do-not-grow": heapCheck(slopes),
  };
  const verdicts = Object.values(checks).map(verdictIn);
  const verdict = (["fail", "undecided"] as const).find((worst) => verdicts.includes(worst)) ?? "pass";
  return { verdict, checks, slopes };
}

/** What a check has come to, of what it says. */
export function verdictIn(check: string): SoakVerdict {
  if (check === "pass") return "pass";
  return check.startsWith(UNDECIDED) ? "undecided" : "fail";
}

/** Of one process, as a check says it: `pass`, `undecided: …`, or how it grows. */
export function growthCheck(slope: Slope | undefined): string {
  switch (judgeSlope(slope, SOAK_GROWTH_PERCENT_MAX)) {
    case "pass":
      return "pass";
    case "fail":
      return `grows by ${rangeOf(slope)}`;
    default:
      return `${UNDECIDED}${openOf(slope)}`;
  }
}

function heapCheck(slopes: Readonly<Record<string, Slope | undefined>>): string {
  const checks = Object.entries(slopes).map(([name, slope]) => ({ name, slope, said: growthCheck(slope) }));
  const failed = told(
    checks.filter(({ said }) => verdictIn(said) === "fail").map(({ name, slope }) => `${name} ${rangeOf(slope)}`),
  );
  if (failed !== undefined) return `it grows: ${failed}`;
  if (checks.length === 0) return `${UNDECIDED}nothing was looked at`;
  const open = checks.filter(({ said }) => verdictIn(said) === "undecided");
  if (open.length === 0) return "pass";
  const first = open[0]?.slope;
  // All of them were looked at for as long, and as often: one sentence says why of all.
  if (first === undefined || isYoung(first)) return `${UNDECIDED}${openOf(first)}`;
  return `${UNDECIDED}${told(open.map(({ name, slope }) => `${name} ${rangeOf(slope)}`))}: ${openOf(first)}`;
}

function isYoung({ spanMs }: Slope): boolean {
  return spanMs < SLOPE_SPAN_MS_MIN;
}

/** Why it is open, and what to do. */
function openOf(slope: Slope | undefined): string {
  if (slope === undefined) return "too few samples";
  const overMin = (slope.spanMs / minute).toFixed(1);
  if (isYoung(slope)) return `judged over ${overMin} min, give --minutes ${MINUTES_ENOUGH}`;
  return `${SOAK_GROWTH_PERCENT_MAX} %/h is between these, judged over ${overMin} min, give more --minutes`;
}

function rangeOf(slope: Slope | undefined): string {
  if (slope === undefined) return "of too few samples";
  const { percentPerHour, low, high } = slope;
  return `${percentPerHour.toFixed(2)} %/h (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

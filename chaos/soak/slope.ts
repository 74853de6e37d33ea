/**
 * How fast something grows, and how sure that is: the median of the slopes between all pairs of samples (Theil–Sen), which a few
 * samples that are far off do not move, with Sen's interval for it.
 *
 * An interval that lies on both sides of a limit decides nothing, and is said to: a run may be too short for its noise.
 */
import { hour, minute } from "#runtime/units.ts";

export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

export interface Slope {
  /** Percent of the mean in an hour, and within which bounds it is, 19 times of 20. */
  readonly percentPerHour: number;
  readonly low: number;
  readonly high: number;
  /** From the first sample to the last. */
  readonly spanMs: number;
}

export type SlopeVerdict = "pass" | "fail" | "undecided";

/** Of fewer samples nothing is said. */
export const SLOPE_SAMPLES_MIN = 10;
/** Of a shorter time a slope alone says nothing: a young process still compiles and adapts to what it does. */
export const SLOPE_SPAN_MS_MIN: number = 20 * minute;
/** What has grown by more than so much has not only become warm, however short the time was. */
export const YOUNG_GROWTH_PERCENT_MAX = 5;

/** The normal deviate of an interval of 95 %. */
const DEVIATE = 1.96;

/** Undefined where there is too little to say it of. */
export function slopeOf(samples: readonly Sample[]): Slope | undefined {
  const count = samples.length;
  if (count < SLOPE_SAMPLES_MIN) return undefined;
  const mean = samples.reduce((sum, { value }) => sum + value, 0) / count;
  const slopes = samples.flatMap((one, at) =>
    samples.slice(at + 1).map((other) => ((other.value - one.value) * hour * 100) / (other.atMs - one.atMs) / mean),
  );
  slopes.sort((one, other) => one - other);
  // Variance of Kendall's score of so many samples without a trend.
  const spread = DEVIATE * Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18);
  const at = (place: number): number => slopes[Math.min(slopes.length - 1, Math.max(0, place))] ?? Number.NaN;
  const half = slopes.length / 2;
  return {
    percentPerHour: (at(Math.ceil(half) - 1) + at(Math.floor(half))) / 2,
    low: at(Math.floor(half - spread / 2) - 1),
    high: at(Math.ceil(half + spread / 2)),
    spanMs: (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0),
  };
}

/** Passes where all of the interval is within the limit, fails where all of it is beyond and the process was not just young. */
export function judgeSlope(slope: Slope | undefined, percentPerHourMax: number): SlopeVerdict {
  if (slope === undefined) return "undecided";
  const { low, high, spanMs } = slope;
  if (high <= percentPerHourMax) return "pass";
  const isTelling = spanMs >= SLOPE_SPAN_MS_MIN || (low * spanMs) / hour > YOUNG_GROWTH_PERCENT_MAX;
  return low > percentPerHourMax && isTelling ? "fail" : "undecided";
}

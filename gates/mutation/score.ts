/**
 * How many mutants are noticed, and how sure that is when only some were tried.
 *
 * A sample is the beginning of one random order of all mutants, as far as every one of them was tried: whatever else was tried, because
 * somebody looked at one file, does not count for it. The bounds are those of Wilson at 95 %.
 */
import { createHash } from "node:crypto";
import type { Fate } from "#gates/mutation/results.ts";

export interface Score {
  /** Of so many. */
  readonly population: number;
  readonly tried: number;
  readonly killed: number;
  readonly late: number;
  readonly survived: number;
  readonly unreached: number;
  /** Per cent; with `low` and `high`, between which it is at 95 %, the same where all were tried. */
  readonly score: number;
  readonly low: number;
  readonly high: number;
}

/** The 97.5th percentile of the normal distribution. */
const Z = 1.96;

/** The place of a mutant in the order of `seed`. */
export function placeOf(seed: number, path: string, index: number): string {
  return createHash("sha256").update(`${seed} ${path} ${index}`).digest("hex");
}

/** `fates` are in the order of the sample. */
export function scoreOf(fates: readonly Fate[]): Score {
  const open = fates.indexOf(".");
  const tried = open === -1 ? fates : fates.slice(0, open);
  const count = (wanted: Fate): number => tried.filter((fate) => fate === wanted).length;
  const killed = count("k");
  const late = count("t");
  const share = tried.length === 0 ? 0 : (killed + late) / tried.length;
  const [low, high] = open === -1 ? [share, share] : bounds(share, tried.length);
  return {
    population: fates.length,
    tried: tried.length,
    ...{ killed, late, survived: count("s"), unreached: count("u") },
    ...{ score: 100 * share, low: 100 * low, high: 100 * high },
  };
}

function bounds(share: number, count: number): readonly [low: number, high: number] {
  if (count === 0) return [0, 1];
  const middle = share + (Z * Z) / (2 * count);
  const spread = Z * Math.sqrt((share * (1 - share)) / count + (Z * Z) / (4 * count * count));
  const whole = 1 + (Z * Z) / count;
  return [(middle - spread) / whole, (middle + spread) / whole];
}

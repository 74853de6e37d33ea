/** What a figure should reach, and whether it does. Nothing fails over it: the bench informs. */
import { quantity } from "#bench/actors/quantity.ts";
import type { Measurement } from "#bench/measurement.ts";

/** In the figure's unit, or as so many times the figure of another arm. */
export type Target =
  | { readonly least: number; readonly times?: string }
  | { readonly most: number; readonly times?: never };

export interface Verdict {
  /** `≥ 4 M/s`, `≥ 4 × Erlang`. */
  readonly target: string;
  /** What was reached, in what the target is in. */
  readonly reached: number;
  /** `reached` to the target. */
  readonly ratio: number;
  readonly met: boolean;
}

/** Undefined where the other arm is absent. */
export function judge(target: Target, value: number, unit: string, peer?: number): Verdict | undefined {
  if ("most" in target) {
    const { most } = target;
    return { target: `≤ ${quantity(most, unit)}`, reached: value, ratio: value / most, met: value <= most };
  }
  const { least, times } = target;
  if (times === undefined) {
    return { target: `≥ ${quantity(least, unit)}`, reached: value, ratio: value / least, met: value >= least };
  }
  if (peer === undefined) return undefined;
  const reached = value / peer;
  return { target: `≥ ${least} × ${times}`, reached, ratio: reached / least, met: reached >= least };
}

/** `≥ 4 M/s: × 0.61, missed`. */
export function verdictText({ target, ratio, met }: Verdict): string {
  return `${target}: × ${Number(ratio.toPrecision(2))}, ${met ? "met" : "missed"}`;
}

/** As it rides on a figure. */
export function targeted(verdict: Verdict | undefined): Partial<Measurement> {
  return verdict === undefined ? {} : { target: verdict.target, met: verdict.met };
}

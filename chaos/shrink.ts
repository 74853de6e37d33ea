/**
 * The smallest part of a plan that still fails, found by leaving faults out: halves first, then quarters, and so on, down to
 * single ones. What is left cannot lose any one of its faults.
 */
import type { Fault } from "#chaos/fault.ts";

export interface Shrunk {
  readonly faults: readonly Fault[];
  /** Runs that it took. */
  readonly runs: number;
}

/** `fails` runs the plan with these faults alone. The whole of them fails. */
export async function shrink(
  whole: readonly Fault[],
  fails: (faults: readonly Fault[]) => Promise<boolean>,
): Promise<Shrunk> {
  let faults = whole;
  let runs = 0;
  for (let parts = 2; faults.length > 0; ) {
    const size = Math.ceil(faults.length / parts);
    let smaller: readonly Fault[] | undefined;
    for (let from = 0; from < faults.length && smaller === undefined; from += size) {
      const rest = [...faults.slice(0, from), ...faults.slice(from + size)];
      runs += 1;
      if (await fails(rest)) smaller = rest;
    }
    if (smaller !== undefined) {
      faults = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(faults.length, 2 * parts);
  }
  return { faults, runs };
}

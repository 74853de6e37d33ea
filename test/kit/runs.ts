/**
 * How a test draws at random. `CEPA_RUNS` says how many runs there are of what takes about a millisecond; of what takes longer,
 * `slowness` times as long, there are as many fewer, so that no test holds up all others. With `CEPA_SEED` they are always the
 * same, and with `CEPA_SHRINK=no` the first that fails is told as it is.
 */
const { CEPA_RUNS, CEPA_SEED, CEPA_SHRINK } = process.env;

interface Usual {
  readonly usual: number;
  readonly slowness: number;
}

export function runsOf({ usual, slowness }: Usual): number {
  return CEPA_RUNS === undefined ? usual : Math.ceil(Number(CEPA_RUNS) / slowness);
}

/** The same for a property. */
export function drawnAs(runs: Usual): { readonly numRuns: number; readonly endOnFailure: boolean; seed?: number } {
  const seed = CEPA_SEED === undefined ? {} : { seed: Number(CEPA_SEED) };
  return { numRuns: runsOf(runs), endOnFailure: CEPA_SHRINK === "no", ...seed };
}

/**
 * How many runs a test makes of what it draws at random: `CEPA_RUNS` says it for runs of about a millisecond. Of what takes
 * longer, `slowness` times as long, there are as many fewer, so that no test holds up all others.
 */
const { CEPA_RUNS } = process.env;

export function runsOf({ usual, slowness }: { readonly usual: number; readonly slowness: number }): number {
  return CEPA_RUNS === undefined ? usual : Math.ceil(Number(CEPA_RUNS) / slowness);
}

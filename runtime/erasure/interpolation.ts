/**
 * Reed–Solomon as interpolation: the bytes of all shards at one offset are the values of one polynomial, shard `i` having
 * the value at the point `i`. Any `k` of them determine it, and with it all the others.
 *
 * The data shards are the values at the points 0 … k − 1 themselves, so parity is the same question as a lost shard.
 * This is the code that Backblaze and klauspost write as a Vandermonde matrix times the inverse of its own top: row `t`
 * of that product are the numbers which `weights` gives for the target `t`.
 */
import { divide, multiply } from "#runtime/erasure/field.ts";

/**
 * What each source counts for in each target: `target = ∑ weight × source`, one row for a target.
 *
 * Points are distinct, and no target is a source; the number of sources is the number of data shards.
 */
export function weights(sources: readonly number[], targets: readonly number[]): readonly (readonly number[])[] {
  return targets.map((target) =>
    sources.map((source) => {
      let weight = 1;
      // The polynomial that is one at this source and zero at the others, at the target. Differences are `^` too.
      for (const other of sources) {
        if (other !== source) weight = divide(multiply(weight, target ^ other), source ^ other);
      }
      return weight;
    }),
  );
}

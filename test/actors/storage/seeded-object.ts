/** The object of a seed, the same in every process. */
import { KiB, MiB } from "#runtime/units.ts";
import { randomBytes } from "#test/kit/objects.ts";

/** Every size class: empty, one segment, several, on the pool, larger than small, larger than a pack. */
const sizes: readonly number[] = [0, 1, 700, 3 * KiB, 5 * KiB, 64 * KiB, 100 * KiB, 600 * KiB, 1 * MiB + 5, 3 * MiB];

export function objectOf(seed: number): Buffer {
  const size = sizes[(seed * 7) % sizes.length] ?? 0;
  // The small ones of different seeds differ too, by their first bytes.
  return randomBytes(size + (seed % 3), seed);
}

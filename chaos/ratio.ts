/** So many of so many: a probability that is the same on every machine, which a floating-point number is not. */
import type { Random } from "#runtime/random.ts";

/** `[3, 10]`: three of ten. Both are whole numbers, the second from 1 on, the first no larger. */
export type Ratio = readonly [count: number, of: number];

/** Parts that one ratio may have. */
export const RATIO_PARTS_MAX = 1_000_000;

export const NEVER: Ratio = [0, 1];

export function draws([count, of]: Ratio, random: Random): boolean {
  return count > 0 && random.below(of) < count;
}

/** The objects of a store with many of them, so that its catalog has many pages and its packs are quickly copied. */
import { randomBytes } from "#test/kit/objects.ts";

/** The same in every process. */
export function servedObject(seed: number): Buffer {
  return randomBytes(1 + seed * 37, seed);
}

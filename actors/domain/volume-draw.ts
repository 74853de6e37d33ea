/**
 * What a volume draws for a chunk: a time to wait, exponentially distributed (`specs/formats/shards.md`).
 *
 * Shifts, sums and products of whole numbers below 2^53, which are exact: engines may round a logarithm as they like, and two
 * machines that disagree about one bit would disagree about a place.
 */
import { assert } from "#runtime/errors.ts";

const ID = /^([0-9a-f]{8})([0-9a-f]{8})$/;
const FRACTION_BITS = 20;
const MANTISSA_BITS = 25;
const MANTISSA_ONE: number = 1 << MANTISSA_BITS;

/**
 * `-log2(u / 2^32)` in units of 2^-20, rounded up: 1 … 2^25, for the `u` that a volume draws for a chunk. `seed` are the first
 * two words of the chunk's digest. Every `u` is equally likely, so the times of several volumes, each divided by a weight,
 * are shortest in proportion to their weights.
 */
export function waitOf(seed: readonly [number, number], id: string): number {
  const drawn = Math.max(1, draw(seed, id));
  let logarithm = 31 - Math.clz32(drawn);
  // In [1, 2), as a whole number of 2^-25; its square fits into 52 bits.
  let mantissa =
    logarithm > MANTISSA_BITS ? drawn >>> (logarithm - MANTISSA_BITS) : drawn << (MANTISSA_BITS - logarithm);
  // The bits of a logarithm are found one by one: squaring a number doubles its logarithm.
  for (let bit = 0; bit < FRACTION_BITS; bit += 1) {
    mantissa = Math.floor((mantissa * mantissa) / MANTISSA_ONE);
    const isTwo = mantissa >= 2 * MANTISSA_ONE;
    if (isTwo) mantissa >>>= 1;
    logarithm = 2 * logarithm + (isTwo ? 1 : 0);
  }
  return 32 * (1 << FRACTION_BITS) - logarithm;
}

/** 32 bits out of the 64 of a volume's id and the first 64 of a digest. */
function draw([low, high]: readonly [number, number], id: string): number {
  const [, first = "", second = ""] = ID.exec(id) ?? [];
  assert(first !== "", "a volume's id is 16 hex digits");
  return mix(mix(low ^ Number.parseInt(first, 16)) ^ high ^ Number.parseInt(second, 16));
}

/** Every bit of the result depends on every bit of the word (the last steps of MurmurHash3). */
function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

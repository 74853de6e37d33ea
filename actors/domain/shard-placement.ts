/**
 * Where the shards of a chunk should be: weighted rendezvous hashing over volumes, seeded by the chunk's digest.
 *
 * Every volume draws a number for the chunk, which nothing but the two decides, and waits for it the shorter the larger its
 * weight is; the first ones have the chunk. Invariants:
 * - no domain has two shards of a chunk while another one has none; below that, the numbers of shards in two domains
 *   differ by one at most, and in one domain those of two volumes do;
 * - when a volume goes, only its shards move; when one comes, shards move to it only;
 * - with one shard a volume is chosen in proportion to its weight; with almost as many shards as domains each has nearly
 *   all chunks, whatever it weighs;
 * - every machine finds the same: there are whole numbers below 2^53 only, and no function that engines may round
 *   differently.
 *
 * This is where shards belong. Where they are is written down elsewhere, and `settle` brings the two together.
 */
import { bytesFromDigest, type Digest } from "#actors/domain/address.ts";
import { assert } from "#runtime/errors.ts";
import { GiB } from "#runtime/units.ts";

export interface Volume {
  /** 16 lower-case hex digits, drawn once and at random: they are half of what the volume draws for a chunk. */
  readonly id: string;
  /** 1 … `WEIGHT_MAX`; see `weightOf`. */
  readonly weight: number;
  /** What is lost together has the same. */
  readonly domain: string;
}

/** A heavier volume weighs this: 1 PiB. */
export const WEIGHT_MAX: number = 2 ** 20;

/** Whole GiB, at least 1. The capacity, not what is free: shards would move with every write. */
export function weightOf(capacityBytes: number): number {
  return Math.min(WEIGHT_MAX, Math.max(1, Math.floor(capacityBytes / GiB)));
}

/** The volumes that should have a shard each, best first; one that should have several is there as often. */
export function placeShards(chunk: Digest, shardCount: number, volumes: readonly Volume[]): readonly Volume[] {
  assert(volumes.length > 0 || shardCount === 0, "shards have somewhere to be");
  const domains = [...Map.groupBy(rank(chunk, volumes), ({ volume }) => volume.domain).values()];
  const chosen: Volume[] = [];
  // In every round each domain has one more. The last round may not be whole: then those are first whose volume has fewer.
  for (let round = 0; chosen.length < shardCount; round += 1) {
    const candidates = domains.flatMap((members) => {
      const next = members[round % members.length];
      return next === undefined ? [] : [{ ...next, shardCount: Math.floor(round / members.length) }];
    });
    candidates.sort((one, other) => one.shardCount - other.shardCount || one.rank - other.rank);
    chosen.push(...candidates.slice(0, shardCount - chosen.length).map(({ volume }) => volume));
  }
  return chosen;
}

/**
 * Who should hold each shard, by its number: whoever holds it and may, else a volume of `places` that is left over.
 * `holders` are those who hold shards now, `undefined` for a shard that is lost or new.
 */
export function settle(places: readonly Volume[], holders: readonly (string | undefined)[]): readonly string[] {
  assert(places.length === holders.length, "every shard has a place");
  const left = places.map(({ id }) => id);
  const kept = holders.map((holder) => {
    const at = holder === undefined ? -1 : left.indexOf(holder);
    return at < 0 ? undefined : left.splice(at, 1)[0];
  });
  let next = 0;
  return kept.map((holder) => {
    if (holder !== undefined) return holder;
    const volume = left[next];
    assert(volume !== undefined, "as many places are left as shards have none");
    next += 1;
    return volume;
  });
}

/** Best first: rank 0. */
interface Ranked {
  readonly volume: Volume;
  readonly rank: number;
}

function rank(chunk: Digest, volumes: readonly Volume[]): readonly Ranked[] {
  const bytes = Buffer.from(bytesFromDigest(chunk));
  const seed = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)] as const;
  const waits = volumes.map((volume) => {
    assert(
      Number.isInteger(volume.weight) && volume.weight >= 1 && volume.weight <= WEIGHT_MAX,
      "a volume has a weight",
    );
    return { volume, wait: waitOf(draw(seed, volume.id)) };
  });
  // `wait / weight`, compared without a division: below 2^26 × 2^20.
  waits.sort((one, other) => {
    const difference = one.wait * other.volume.weight - other.wait * one.volume.weight;
    return difference !== 0 ? difference : one.volume.id < other.volume.id ? -1 : 1;
  });
  return waits.map(({ volume }, position) => ({ volume, rank: position }));
}

/** 32 bits out of the 64 of a volume's id and the first 64 of a digest. */
function draw([low, high]: readonly [number, number], id: string): number {
  const [, first = "", second = ""] = ID.exec(id) ?? [];
  assert(first !== "", "a volume's id is 16 hex digits");
  return mix(mix(low ^ Number.parseInt(first, 16)) ^ high ^ Number.parseInt(second, 16));
}

const ID = /^([0-9a-f]{8})([0-9a-f]{8})$/;

/** Every bit of the result depends on every bit of the word (the last steps of MurmurHash3). */
function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

const FRACTION_BITS = 20;
const MANTISSA_BITS = 25;
const MANTISSA_ONE: number = 1 << MANTISSA_BITS;

/**
 * `-log2(drawn / 2^32)` in units of 2^-20, rounded up: 1 … 2^25. A draw is equally likely to be any number, so this is a
 * time of exponential waiting, and the first of several that wait is each in proportion to its weight.
 *
 * The bits of a logarithm are found one by one: squaring a number doubles its logarithm.
 */
function waitOf(drawn: number): number {
  const atLeastOne = Math.max(1, drawn);
  let logarithm = 31 - Math.clz32(atLeastOne);
  // In [1, 2), as a whole number of 2^-25; its square fits into 52 bits.
  let mantissa =
    logarithm > MANTISSA_BITS ? atLeastOne >>> (logarithm - MANTISSA_BITS) : atLeastOne << (MANTISSA_BITS - logarithm);
  for (let bit = 0; bit < FRACTION_BITS; bit += 1) {
    mantissa = Math.floor((mantissa * mantissa) / MANTISSA_ONE);
    const isTwo = mantissa >= 2 * MANTISSA_ONE;
    if (isTwo) mantissa >>>= 1;
    logarithm = 2 * logarithm + (isTwo ? 1 : 0);
  }
  return 32 * (1 << FRACTION_BITS) - logarithm;
}

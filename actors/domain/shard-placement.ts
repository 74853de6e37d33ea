/**
 * Where the shards of a chunk should be: weighted rendezvous hashing over volumes, seeded by the chunk's digest.
 *
 * Every volume draws a time to wait for the chunk, which nothing but the two decides, and divides it by its weight; those that
 * come first have the chunk. Invariants:
 * - no domain has two shards of a chunk while another one has none; below that, the numbers of shards in two domains
 *   differ by one at most, and in one domain those of two volumes do;
 * - when a volume goes, only its shards move; when one comes, shards move to it only;
 * - with one shard a volume is chosen in proportion to its weight; with almost as many shards as domains each has nearly
 *   all chunks, whatever it weighs;
 * - every machine finds the same: there are whole numbers below 2^53 only (`volume-draw.ts`).
 *
 * This is where shards belong. Where they are is in the catalog: one that is elsewhere is read there, and stays.
 */
import { bytesFromDigest, type Digest } from "#actors/domain/address.ts";
import { waitOf } from "#actors/domain/volume-draw.ts";
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
export function placeShards<V extends Volume>(chunk: Digest, shardCount: number, volumes: readonly V[]): readonly V[] {
  assert(volumes.length > 0 || shardCount === 0, "shards have somewhere to be");
  const domains = [...Map.groupBy(rank(chunk, volumes), ({ volume }) => volume.domain).values()];
  const chosen: V[] = [];
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

/** Best first: rank 0. */
interface Ranked<V extends Volume> {
  readonly volume: V;
  readonly rank: number;
}

function rank<V extends Volume>(chunk: Digest, volumes: readonly V[]): readonly Ranked<V>[] {
  const bytes = Buffer.from(bytesFromDigest(chunk));
  const seed = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)] as const;
  const waits = volumes.map((volume) => {
    assert(
      Number.isInteger(volume.weight) && volume.weight >= 1 && volume.weight <= WEIGHT_MAX,
      "a volume has a weight",
    );
    return { volume, wait: waitOf(seed, volume.id) };
  });
  // `wait / weight`, compared without a division: below 2^26 × 2^20.
  waits.sort((one, other) => {
    const difference = one.wait * other.volume.weight - other.wait * one.volume.weight;
    return difference !== 0 ? difference : one.volume.id < other.volume.id ? -1 : 1;
  });
  return waits.map(({ volume }, position) => ({ volume, rank: position }));
}

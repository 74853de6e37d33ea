/**
 * How a soak is divided: rounds of the same number of events, after each of which everything comes to rest and is looked at.
 *
 * The first rounds warm up. Before their end all removals are over: those are remembered, and what is held would grow by them.
 */
import { assert } from "#runtime/errors.ts";
import { KiB, MiB } from "#runtime/units.ts";

export interface SoakRound {
  /** Numbers of events, the second of them not of this round. */
  readonly events: readonly [from: number, to: number];
  /** Objects that are put. */
  readonly objects: number;
  /** What is seen of it is not judged. */
  readonly isWarmUp: boolean;
}

/** Each is a sample of what is held. */
export const SOAK_ROUNDS = 48;
const WARM_UP_ROUNDS = 12;
const BUSY_ROUNDS = 10;
/** So that each round has one of both, and what is read while it is kept is there. */
export const SOAK_EVENTS_MIN = 1000;
export const SOAK_OBJECTS_MIN = 400;
export const SOAK_EVENTS_MAX = 100_000_000;
export const SOAK_OBJECTS_MAX = 10_000_000;

/** `warmUpCount` of the objects are put in the rounds that warm up. */
export function roundsOf(eventCount: number, objectCount: number, warmUpCount: number): readonly SoakRound[] {
  assert(eventCount >= SOAK_EVENTS_MIN && objectCount >= SOAK_OBJECTS_MIN, "each round has something to do");
  const objectsBy = (round: number): number =>
    round <= WARM_UP_ROUNDS
      ? share(warmUpCount, Math.min(round, BUSY_ROUNDS), BUSY_ROUNDS)
      : warmUpCount + share(objectCount - warmUpCount, round - WARM_UP_ROUNDS, SOAK_ROUNDS - WARM_UP_ROUNDS);
  return Array.from({ length: SOAK_ROUNDS }, (_, round) => ({
    events: [share(eventCount, round, SOAK_ROUNDS), share(eventCount, round + 1, SOAK_ROUNDS)],
    objects: objectsBy(round + 1) - objectsBy(round),
    isWarmUp: round < WARM_UP_ROUNDS,
  }));
}

function share(count: number, part: number, parts: number): number {
  return Math.floor((count * part) / parts);
}

/** In Postgres with its log, and in Redis. */
const EVENT_DISK_KIB = 3;
/** In packs, the catalog and the index, with what is not compacted yet. */
const OBJECT_DISK_KIB = 14;
/** Of servers that are new, what they write ahead, and what the store keeps free for itself. */
const NODE_DISK_MIB = 768;

/** Room on the disk that a soak takes at most, about. */
export function diskBytesOf(eventCount: number, objectCount: number): number {
  return NODE_DISK_MIB * MiB + (eventCount * EVENT_DISK_KIB + objectCount * OBJECT_DISK_KIB) * KiB;
}

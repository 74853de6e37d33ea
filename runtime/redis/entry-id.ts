/**
 * Ids of stream entries: milliseconds and a number among those of the same millisecond, 64 bits each, as one number that
 * compares as they do.
 */

const SEQUENCE_BITS = 64n;
const SEQUENCE_MAX = 2n ** SEQUENCE_BITS - 1n;
/** No id is larger. */
export const ENTRY_ID_LAST: bigint = 2n ** 128n - 1n;

/** What is written for an id: it may have no second number, and a range may leave one of its ends open. */
export interface WrittenId {
  readonly id: bigint;
  /** `5-*`: the number is to be found. */
  readonly isOpen: boolean;
}

export function writeId(id: bigint): string {
  return `${id >> SEQUENCE_BITS}-${id & SEQUENCE_MAX}`;
}

/** `missing` is what stands for a second number that is not there. */
export function parseId(text: string, missing: "first" | "last" = "first"): WrittenId | undefined {
  const [, ms = "", sequence] = /^(\d{1,20})(?:-(\d{1,20}|\*))?$/.exec(text) ?? [];
  if (ms === "" || BigInt(ms) > SEQUENCE_MAX) return undefined;
  const first = BigInt(ms) << SEQUENCE_BITS;
  if (sequence === "*") return { id: first, isOpen: true };
  const second = sequence === undefined ? (missing === "first" ? 0n : SEQUENCE_MAX) : BigInt(sequence);
  return second > SEQUENCE_MAX ? undefined : { id: first + second, isOpen: false };
}

/** The first of a millisecond. */
export function entryIdAt(ms: number): bigint {
  return BigInt(ms) << SEQUENCE_BITS;
}

/** The id of something new at `nowMs`; undefined when there is none left. */
export function nextId(last: bigint, nowMs: number): bigint | undefined {
  const present = entryIdAt(nowMs);
  if (present > last) return present;
  return last === ENTRY_ID_LAST ? undefined : last + 1n;
}

/** The first that is free in the millisecond of `open`; undefined when there is none left in it. */
export function nextIdIn(open: bigint, last: bigint): bigint | undefined {
  if (open >> SEQUENCE_BITS !== last >> SEQUENCE_BITS) return open;
  return (last & SEQUENCE_MAX) === SEQUENCE_MAX ? undefined : last + 1n;
}

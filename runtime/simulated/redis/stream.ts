/**
 * The entries of a stream, and what is known of how far a group has read.
 *
 * Redis counts the entries that a group has read, and knows the count of an id without walking only at certain places: before
 * the first entry, on it, on the last one, and wherever nothing was deleted by its id behind it.
 */
import { ENTRY_ID_LAST } from "#runtime/redis/entry-id.ts";
import type { Entry, Group, StreamValue } from "#runtime/simulated/redis/keyspace.ts";
import { between, removeById } from "#runtime/simulated/redis/sorted.ts";

/** What `~` lets stand is a part of a block of so many. */
const BLOCK_ENTRIES = 100;

/** What an entry takes beside its fields, about. */
const ENTRY_BYTES = 32;

/** How much is to stay. */
export interface Trim {
  readonly keep:
    | { readonly kind: "count"; readonly countMax: number }
    | { readonly kind: "since"; readonly id: bigint };
  /** `~`: a little more may stay. */
  readonly isAbout: boolean;
}

export function addEntry(stream: StreamValue, entry: Entry): void {
  stream.entries.push(entry);
  stream.lastId = entry.id;
  stream.addedCount += 1;
}

/** How many went; of what is trimmed about no more than `countMax`. */
export function trimStream(
  stream: StreamValue,
  { keep, isAbout }: Trim,
  countMax: number = Number.POSITIVE_INFINITY,
): number {
  const { entries } = stream;
  const surplus =
    keep.kind === "count"
      ? Math.max(0, entries.length - keep.countMax)
      : entries.length - between(entries, keep.id, ENTRY_ID_LAST).length;
  const wanted = Math.min(surplus, countMax);
  const count = isAbout ? wanted - (wanted % BLOCK_ENTRIES) : surplus;
  entries.splice(0, count);
  return count;
}

/** What its entries take, about. */
export function sizeBytesOf({ entries }: StreamValue): number {
  return entries.reduce((sum, { fields }) => fields.reduce((of, field) => of + field.length, sum + ENTRY_BYTES), 0);
}

/** Whether it was there. */
export function deleteEntry(stream: StreamValue, id: bigint): boolean {
  if (!removeById(stream.entries, id)) return false;
  if (id > stream.deletedId) stream.deletedId = id;
  return true;
}

/** Entries that the group has not been given; undefined where that is not known. */
export function lagOf(stream: StreamValue, group: Group): number | undefined {
  if (stream.addedCount === 0) return 0;
  const isCounted = group.readCount !== undefined && !hasGapFrom(stream, group.lastId);
  const readCount = isCounted ? group.readCount : countUpTo(stream, group.lastId);
  return readCount === undefined ? undefined : stream.addedCount - readCount;
}

/** The group is given the entry `id`, which comes after all that it was given before. */
export function moveGroup(stream: StreamValue, group: Group, id: bigint): void {
  const isCounted = group.readCount !== undefined && !hasGapFrom(stream, id);
  group.readCount = isCounted ? (group.readCount ?? 0) + 1 : countUpTo(stream, id);
  group.lastId = id;
}

function hasGapFrom({ entries, deletedId }: StreamValue, id: bigint): boolean {
  const [first] = entries;
  // What was deleted before all that is there is no gap.
  return first !== undefined && deletedId >= first.id && deletedId >= id;
}

function countUpTo({ entries, addedCount, lastId, deletedId }: StreamValue, id: bigint): number | undefined {
  if (addedCount === 0) return 0;
  const [first] = entries;
  if (id === lastId || (first === undefined && id < lastId)) return addedCount;
  if (id > lastId || first === undefined || (deletedId > 0n && deletedId >= first.id)) return undefined;
  if (id < first.id) return addedCount - entries.length;
  return id === first.id ? addedCount - entries.length + 1 : undefined;
}

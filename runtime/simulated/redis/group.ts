/** Groups that read a stream: what was given to whom, and is not acknowledged. */

import { ENTRY_ID_LAST } from "#runtime/redis/entry-id.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";
import type { Consumer, Entry, Group, Pending, StreamValue } from "#runtime/simulated/redis/keyspace.ts";
import { entryReply, idReply } from "#runtime/simulated/redis/reply.ts";
import { between, findById, insertById } from "#runtime/simulated/redis/sorted.ts";
import { moveGroup } from "#runtime/simulated/redis/stream.ts";

/** Who reads, as what, and when. */
export interface Reader {
  readonly group: Group;
  readonly consumer: string;
  readonly nowMs: number;
}

/** Made where it is not there; it is seen now. */
export function meetConsumer({ group, consumer, nowMs }: Reader): Consumer {
  const found = group.consumers.get(consumer) ?? { seenMs: nowMs };
  found.seenMs = nowMs;
  group.consumers.set(consumer, found);
  return found;
}

/** Entries that nobody of the group was given yet: they are given now. */
export function giveNew(
  stream: StreamValue,
  reader: Reader,
  countMax: number,
  isAcknowledged: boolean,
): readonly Entry[] {
  const { group, consumer, nowMs } = reader;
  const entries = between(stream.entries, group.lastId + 1n, ENTRY_ID_LAST, countMax);
  for (const { id } of entries) {
    moveGroup(stream, group, id);
    // A group that was set back gives again what somebody may have still.
    if (!isAcknowledged) insertById(group.pending, { id, consumer, deliveredMs: nowMs, deliveredCount: 1 });
  }
  return entries;
}

/** What the consumer was given, after `after`, and did not acknowledge. An entry that is gone has nothing but its id. */
export function giveAgain(stream: StreamValue, reader: Reader, after: bigint, countMax: number): readonly RedisReply[] {
  const { group, consumer, nowMs } = reader;
  const own = group.pending.filter((pending) => pending.consumer === consumer && pending.id > after);
  return own.slice(0, countMax).map((pending) => {
    const entry = findById(stream.entries, pending.id);
    if (entry === undefined) return [idReply(pending.id), null];
    pending.deliveredMs = nowMs;
    pending.deliveredCount += 1;
    return entryReply(entry);
  });
}

/** It is the reader's from now on. To be told its id alone does not count as being given it. */
export function takeOver(pending: Pending, reader: Reader, isJustId: boolean): void {
  meetConsumer(reader);
  pending.consumer = reader.consumer;
  pending.deliveredMs = reader.nowMs;
  if (!isJustId) pending.deliveredCount += 1;
}

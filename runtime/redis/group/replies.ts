/** What a Redis answers to one who reads as one of a group. Another form is no Redis of ours, and a defect. */
import { assert } from "#runtime/errors.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";

/** An entry as it came. */
export interface GivenEntry {
  readonly id: string;
  /** Undefined: it is gone from the stream. */
  readonly fields: ReadonlyMap<string, Uint8Array> | undefined;
  /** As a `StreamEntry` has it. */
  readonly repeated?: ReadonlySet<string>;
  /** Of its names and values. */
  readonly sizeBytes: number;
}

/** Given to somebody, and not acknowledged. */
export interface PendingRow {
  readonly id: string;
  /** Since it was given last. */
  readonly idleMs: number;
  readonly deliveryCount: number;
}

export interface ConsumerRow {
  readonly name: Uint8Array;
  readonly pendingCount: number;
  /** Since it last asked for anything. */
  readonly idleMs: number;
}

export interface GroupFacts {
  readonly name: string;
  readonly pendingCount: number;
  /** Entries that nobody was given yet; undefined where Redis does not know, which is where some were deleted by their ids. */
  readonly unreadCount: number | undefined;
  /** Of the last entry that anybody was given, which may be gone; `0-0` where nobody was given any. */
  readonly lastId: string;
}

/** Of `XREADGROUP` from one stream. */
export function readStreams(reply: RedisReply): readonly GivenEntry[] {
  if (reply === null) return [];
  const [stream] = listIn(reply);
  const [, entries = null] = listIn(stream ?? null);
  return readEntries(entries);
}

export function readEntries(reply: RedisReply): readonly GivenEntry[] {
  return listIn(reply).map((each) => {
    const [id = null, fields = null] = listIn(each);
    return { id: textIn(id), ...fieldsIn(fields) };
  });
}

/** Of `XPENDING` with a range. */
export function readPending(reply: RedisReply): readonly PendingRow[] {
  return listIn(reply).map((row) => {
    const [id = null, , idleMs = null, deliveryCount = null] = listIn(row);
    return { id: textIn(id), idleMs: numberIn(idleMs), deliveryCount: numberIn(deliveryCount) };
  });
}

/** Of `XAUTOCLAIM`: what it gives, and the ids of what is gone from the stream and is pending no more. */
export function readClaimed(reply: RedisReply): { readonly given: readonly GivenEntry[]; readonly goneCount: number } {
  const [, given = null, gone = null] = listIn(reply);
  return { given: readEntries(given), goneCount: listIn(gone).length };
}

/** Of `XINFO GROUPS`. */
export function readGroups(reply: RedisReply): readonly GroupFacts[] {
  return listIn(reply).map((group) => {
    const facts = factsIn(group);
    const lag = facts.get("lag") ?? null;
    return {
      name: textIn(facts.get("name") ?? null),
      pendingCount: numberIn(facts.get("pending") ?? null),
      unreadCount: lag === null ? undefined : numberIn(lag),
      lastId: textIn(facts.get("last-delivered-id") ?? null),
    };
  });
}

/** Of `XINFO CONSUMERS`. */
export function readConsumers(reply: RedisReply): readonly ConsumerRow[] {
  return listIn(reply).map((consumer) => {
    const facts = factsIn(consumer);
    const name = facts.get("name");
    assert(name instanceof Uint8Array, "a consumer has a name");
    return {
      name,
      pendingCount: numberIn(facts.get("pending") ?? null),
      idleMs: numberIn(facts.get("idle") ?? null),
    };
  });
}

export function listIn(reply: RedisReply): readonly RedisReply[] {
  assert(Array.isArray(reply), "Redis answers with a list");
  return reply;
}

export function numberIn(reply: RedisReply): number {
  assert(typeof reply === "number", "Redis answers with a number");
  return reply;
}

/** A character for each byte. */
function textIn(reply: RedisReply): string {
  assert(reply instanceof Uint8Array, "Redis answers with words");
  return Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).toString("latin1");
}

/** Names and values in turn. */
function factsIn(reply: RedisReply): ReadonlyMap<string, RedisReply> {
  const words = listIn(reply);
  const facts = new Map<string, RedisReply>();
  for (let at = 0; at < words.length; at += 2) facts.set(textIn(words[at] ?? null), words[at + 1] ?? null);
  return facts;
}

function fieldsIn(reply: RedisReply): Omit<GivenEntry, "id"> {
  if (reply === null) return { fields: undefined, sizeBytes: 0 };
  const words = listIn(reply);
  const fields = new Map<string, Uint8Array>();
  const repeated = new Set<string>();
  let sizeBytes = 0;
  for (let at = 0; at < words.length; at += 2) {
    const name = textIn(words[at] ?? null);
    const value = words[at + 1] ?? null;
    assert(value instanceof Uint8Array, "a field has a value");
    sizeBytes += name.length + value.length;
    if (fields.has(name)) repeated.add(name);
    fields.set(name, value);
  }
  for (const name of repeated) fields.delete(name);
  return repeated.size === 0 ? { fields, sizeBytes } : { fields, repeated, sizeBytes };
}

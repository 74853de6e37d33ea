/** Answers of a simulated Redis, as copies: who is answered may do with them what he likes. */

import { writeId } from "#runtime/redis/entry-id.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";
import type { Entry } from "#runtime/simulated/redis/keyspace.ts";

export function okReply(): RedisReply {
  return text("OK");
}

export function text(words: string): RedisReply {
  return Buffer.from(words);
}

/** A name has a character for each byte. */
export function named(name: string): RedisReply {
  return Buffer.from(name, "latin1");
}

export function bytes(value: Uint8Array): Uint8Array {
  return Buffer.from(value);
}

export function idReply(id: bigint): RedisReply {
  return text(writeId(id));
}

export function entryReply({ id, fields }: Entry): RedisReply {
  return [idReply(id), fields.map(bytes)];
}

/** Names and values in turn. */
export function fieldsReply(fields: Readonly<Record<string, RedisReply>>): RedisReply {
  return Object.entries(fields).flatMap(([name, value]) => [text(name), value]);
}

/** A command of a simulated Redis: what it does with what is held, at a moment by the wall. */
import type { RedisReply } from "#runtime/redis/redis.ts";
import { findValue, type Group, type Keyspace, type StreamValue } from "#runtime/simulated/redis/keyspace.ts";
import { noGroup, type Refusal, WRONG_TYPE } from "#runtime/simulated/redis/refusal.ts";
import type { Words } from "#runtime/simulated/redis/words.ts";

export interface Moment {
  readonly keyspace: Keyspace;
  readonly nowMs: number;
  /** No memory is left: what takes more is refused. */
  readonly isFull: boolean;
}

/** `undefined`: there is nothing yet, and whoever asked is ready to wait. */
export type Outcome = RedisReply | Refusal | undefined;

export interface Command {
  /** It is refused when memory is short. */
  readonly isGrowing?: boolean;
  readonly run: (words: Words, moment: Moment) => Outcome;
}

export type CommandTable = Readonly<Record<string, Command>>;

/** The stream at `key`; undefined where there is none. What else is there is refused. */
export function findStream(words: Words, key: string, { keyspace, nowMs }: Moment): StreamValue | undefined {
  const value = findValue(keyspace, key, nowMs);
  if (value === undefined || value.kind === "stream") return value;
  words.refuse(WRONG_TYPE);
  return undefined;
}

/** Of a stream that may not be there. */
export function findGroup(
  words: Words,
  stream: StreamValue | undefined,
  { key, group, where }: { readonly key: string; readonly group: string; readonly where?: string },
): Group | undefined {
  const found = stream?.groups.get(group);
  if (found === undefined) words.refuse(noGroup(key, group, where));
  return found;
}

/** What a simulated Redis is asked to do, as something that can be done again: at a moment, on what is held then. */

import { APPEND_KEPT_PART, assertAppend, type NewEntry, type StreamBounds } from "#runtime/redis/append.ts";
import { blockMsOf, nameOf } from "#runtime/redis/commands.ts";
import { ENTRY_ID_LAST, entryIdAt } from "#runtime/redis/entry-id.ts";
import { assertRate, type Rate, type RateVerdict, takeOne } from "#runtime/redis/rate.ts";
import type { RedisCommand, RedisReply, RedisWord } from "#runtime/redis/redis.ts";
import { STREAM_AHEAD_MS_MAX } from "#runtime/redis/set-back.ts";
import { TRIM_ENTRIES_MAX } from "#runtime/redis/trim.ts";
import type { Moment } from "#runtime/simulated/redis/command.ts";
import { execute, isGrowing } from "#runtime/simulated/redis/execute.ts";
import { findValue, putValue } from "#runtime/simulated/redis/keyspace.ts";
import { pinEnds } from "#runtime/simulated/redis/read-commands.ts";
import { NO_MEMORY, Refusal, WRONG_TYPE } from "#runtime/simulated/redis/refusal.ts";
import { sizeBytesOf, trimStream } from "#runtime/simulated/redis/stream.ts";

const usPerMs = 1000;

export interface Work<Value> {
  /** Of its commands, in capitals. */
  readonly names: readonly string[];
  /** How long it waits where there is nothing for it yet. */
  readonly blockMs?: number | undefined;
  /** Undefined where there is nothing yet. */
  readonly run: (moment: Moment) => Value | undefined;
  /** The same, with what only the moment says at which it came. Of what waits. */
  readonly pin?: (moment: Moment) => Work<Value>;
}

/** The words are copied here: the caller may change them as soon as it has asked. */
export function commandWork(command: RedisCommand): Work<RedisReply | Refusal> {
  return wordsWork(command.map(bytesOf), [nameOf(command)], blockMsOf(command));
}

/** All of it, or nothing where one of them is refused before it is run; what is insisted on is not for want of memory. */
export function transactionWork(
  commands: readonly RedisCommand[],
  kind: "refusable" | "insisted",
): Work<readonly (RedisReply | Refusal)[] | Refusal> {
  const all = commands.map((command) => command.map(bytesOf));
  return {
    names: commands.map(nameOf),
    run: (moment) => {
      if (kind === "insisted") return all.map((words) => execute(words, { ...moment, isFull: false }) ?? null);
      if (moment.isFull && all.some(isGrowing)) return NO_MEMORY;
      return all.map((words) => execute(words, moment) ?? null);
    },
  };
}

export function takeWork(key: string, rate: Rate): Work<RateVerdict | Refusal> {
  assertRate(rate);
  const name = Buffer.from(key).toString("latin1");
  return { names: ["TAKE"], run: (moment) => take(name, rate, moment) };
}

export function trimWork(stream: string): Work<number | Refusal> {
  const name = Buffer.from(stream).toString("latin1");
  return { names: ["TRIM"], run: (moment) => trim(name, moment) };
}

export function appendWork(stream: string, entries: readonly NewEntry[], bounds: StreamBounds): Work<number | Refusal> {
  assertAppend(entries, bounds);
  const all = entries.map((entry) => ["XADD", stream, "*", ...entry].map(bytesOf));
  const name = Buffer.from(stream).toString("latin1");
  return { names: ["APPEND"], run: (moment) => append(name, all, bounds, moment) };
}

export function setBackWork(stream: string): Work<boolean | Refusal> {
  const name = Buffer.from(stream).toString("latin1");
  return { names: ["SET-BACK"], run: (moment) => setBack(name, moment) };
}

function wordsWork(
  words: readonly Uint8Array[],
  names: readonly string[],
  blockMs: number | undefined,
): Work<RedisReply | Refusal> {
  return {
    names,
    blockMs,
    run: (moment) => execute(words, moment) ?? (blockMs === undefined ? null : undefined),
    pin: (moment) => wordsWork(pinEnds(words, moment), names, blockMs),
  };
}

function take(key: string, rate: Rate, { keyspace, nowMs }: Moment): RateVerdict | Refusal {
  const held = findValue(keyspace, key, nowMs);
  if (held !== undefined && held.kind !== "text") return WRONG_TYPE;
  const fullUs = held === undefined ? undefined : Number(Buffer.from(held.bytes).toString());
  const { verdict, keep } = takeOne(rate, fullUs, nowMs * usPerMs);
  if (keep === undefined) return verdict;
  putValue(keyspace, key, { kind: "text", bytes: Buffer.from(String(keep.fullUs)) }, nowMs + keep.forMs);
  return verdict;
}

function trim(key: string, { keyspace, nowMs }: Moment): number | Refusal {
  const stream = findValue(keyspace, key, nowMs);
  if (stream === undefined) return 0;
  if (stream.kind !== "stream") return WRONG_TYPE;
  const ids = [...stream.groups.values()].map(({ pending, lastId }) => pending[0]?.id ?? lastId);
  const [first, ...others] = ids;
  if (first === undefined) return 0;
  const id = others.reduce((least, other) => (other < least ? other : least), first);
  return trimStream(stream, { keep: { kind: "since", id }, isAbout: true }, TRIM_ENTRIES_MAX);
}

function setBack(key: string, { keyspace, nowMs }: Moment): boolean | Refusal {
  const stream = findValue(keyspace, key, nowMs);
  if (stream === undefined) return false;
  if (stream.kind !== "stream") return WRONG_TYPE;
  const groups = [...stream.groups.values()];
  if (groups.length === 0 || groups.some(({ pending }) => pending.length > 0)) return false;
  const lowest = groups.reduce((least, { lastId }) => (lastId < least ? lastId : least), ENTRY_ID_LAST);
  const top = stream.entries.at(-1);
  const last = top === undefined ? stream.lastId : lowest;
  if (last < entryIdAt(nowMs + STREAM_AHEAD_MS_MAX + 1) || (top !== undefined && last < top.id)) return false;
  stream.entries = [];
  stream.lastId = entryIdAt(nowMs);
  for (const group of groups) {
    group.lastId = stream.lastId;
    group.readCount = undefined;
  }
  return true;
}

function append(
  key: string,
  adds: readonly (readonly Uint8Array[])[],
  { countMax, sizeBytesMax }: StreamBounds,
  moment: Moment,
): number | Refusal {
  for (const words of adds) {
    const added = execute(words, { ...moment, isFull: false });
    if (added instanceof Refusal) return added;
  }
  const stream = findValue(moment.keyspace, key, moment.nowMs);
  if (stream === undefined) return 0;
  if (stream.kind !== "stream") return WRONG_TYPE;
  const { entries } = stream;
  const keep = (count: number): number =>
    trimStream(stream, { keep: { kind: "count", countMax: count }, isAbout: false });
  let wentCount = keep(countMax);
  while (entries.length > 1 && sizeBytesOf(stream) > sizeBytesMax) {
    wentCount += keep(Math.floor(entries.length * APPEND_KEPT_PART));
  }
  return wentCount;
}

function bytesOf(word: RedisWord): Uint8Array {
  return new Uint8Array(word instanceof Uint8Array ? word : Buffer.from(String(word)));
}

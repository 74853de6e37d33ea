/** Commands of a simulated Redis on the entries of one stream. */

import { nextId, nextIdIn, type WrittenId } from "#runtime/redis/entry-id.ts";
import {
  type Command,
  type CommandTable,
  findStream,
  type Moment,
  type Outcome,
} from "#runtime/simulated/redis/command.ts";
import { newStream, putValue, type StreamValue } from "#runtime/simulated/redis/keyspace.ts";
import { Refusal } from "#runtime/simulated/redis/refusal.ts";
import { entryReply, fieldsReply, idReply } from "#runtime/simulated/redis/reply.ts";
import { between } from "#runtime/simulated/redis/sorted.ts";
import { addEntry, deleteEntry, type Trim, trimStream } from "#runtime/simulated/redis/stream.ts";
import type { Words } from "#runtime/simulated/redis/words.ts";

const NOT_LARGER = new Refusal("ERR The ID specified in XADD is equal or smaller than the target stream top item");
const NOT_ZERO = new Refusal("ERR The ID specified in XADD must be greater than 0-0");
const EXHAUSTED = new Refusal("ERR The stream has exhausted the last possible ID, unable to add more items");
const WRONG_COUNT = new Refusal("ERR wrong number of arguments for 'xadd' command");
/** A key, an id, and a field with its value. */
const ADD_WORDS_MIN = 4;
const NO_KEY = new Refusal("ERR no such key");

export const STREAM_COMMANDS: CommandTable = {
  XADD: { isGrowing: true, run: add },

  XLEN: {
    run: (words, moment) => {
      const stream = findStream(words, words.name(), moment);
      return words.problem ?? stream?.entries.length ?? 0;
    },
  },

  XRANGE: rangeCommand("forwards"),
  XREVRANGE: rangeCommand("backwards"),

  XDEL: {
    run: (words, moment) => {
      const stream = findStream(words, words.name(), moment);
      if (stream === undefined) return words.problem ?? 0;
      const ids = idsOf(words);
      return words.problem ?? ids.filter((id) => deleteEntry(stream, id)).length;
    },
  },

  XTRIM: {
    run: (words, moment) => {
      const key = words.name();
      const trim = trimOf(words);
      words.end();
      const stream = words.problem === undefined ? findStream(words, key, moment) : undefined;
      if (words.problem !== undefined) return words.problem;
      return stream === undefined || trim === undefined ? 0 : trimStream(stream, trim);
    },
  },
};

/** `XINFO STREAM`, but for what it says of trees that are not here. */
export function describeStream(words: Words, moment: Moment): Outcome {
  const stream = findStream(words, words.name(), moment);
  words.end();
  if (stream === undefined) return words.problem ?? NO_KEY;
  const { entries, lastId, deletedId, addedCount, groups } = stream;
  const [first, last] = [entries[0], entries.at(-1)];
  return fieldsReply({
    length: entries.length,
    "last-generated-id": idReply(lastId),
    "max-deleted-entry-id": idReply(deletedId),
    "entries-added": addedCount,
    "recorded-first-entry-id": idReply(first?.id ?? 0n),
    groups: groups.size,
    "first-entry": first === undefined ? null : entryReply(first),
    "last-entry": last === undefined ? null : entryReply(last),
  });
}

/** All that is left. */
export function idsOf(words: Words): readonly bigint[] {
  const ids: bigint[] = [];
  while (words.leftCount > 0) ids.push(words.id());
  return ids;
}

function add(words: Words, moment: Moment): Outcome {
  const { keyspace, nowMs } = moment;
  if (words.leftCount < ADD_WORDS_MIN) return WRONG_COUNT;
  const key = words.name();
  let isOnlyExisting = false;
  let trim: Trim | undefined;
  for (;;) {
    if (words.option("NOMKSTREAM") !== undefined) isOnlyExisting = true;
    else {
      const given = trimOf(words);
      if (given === undefined) break;
      trim = given;
    }
  }
  words.unknown("LIMIT");
  const written = words.option("*") === undefined ? words.newId() : undefined;
  const fields = words.rest();
  if (words.problem !== undefined) return words.problem;
  if (fields.length === 0 || fields.length % 2 === 1) return WRONG_COUNT;
  if (written?.id === 0n && !written.isOpen) return NOT_ZERO;

  const found = findStream(words, key, moment);
  if (words.problem !== undefined) return words.problem;
  if (found === undefined && isOnlyExisting) return null;
  const stream = found ?? newStream();
  const id = idFor(stream, written, nowMs);
  if (id instanceof Refusal) return id;
  if (found === undefined) putValue(keyspace, key, stream);
  addEntry(stream, { id, fields });
  if (trim !== undefined) trimStream(stream, trim);
  return idReply(id);
}

function idFor({ lastId }: StreamValue, written: WrittenId | undefined, nowMs: number): bigint | Refusal {
  if (written === undefined) return nextId(lastId, nowMs) ?? EXHAUSTED;
  const id = written.isOpen ? nextIdIn(written.id, lastId) : written.id;
  if (nextId(lastId, 0) === undefined) return EXHAUSTED;
  return id === undefined || id <= lastId ? NOT_LARGER : id;
}

/** Undefined where there is nothing about trimming. */
function trimOf(words: Words): Trim | undefined {
  const kind = words.option("MAXLEN", "MINID");
  if (kind === undefined) return undefined;
  const isAbout = words.option("~", "=") === "~";
  if (kind === "MINID") return { keep: { kind: "since", id: words.id() }, isAbout };
  const countMax = words.integer();
  if (countMax < 0) words.refuse(new Refusal("ERR The MAXLEN argument must be >= 0."));
  return { keep: { kind: "count", countMax }, isAbout };
}

function rangeCommand(direction: "forwards" | "backwards"): Command {
  return {
    run: (words, moment) => {
      const key = words.name();
      const isForwards = direction === "forwards";
      const [one, other] = [words.name(), words.name()];
      const first = words.first(isForwards ? one : other);
      const last = words.last(isForwards ? other : one);
      const countMax = words.option("COUNT") === undefined ? undefined : Math.max(0, words.integer());
      words.end();
      const stream = words.problem === undefined ? findStream(words, key, moment) : undefined;
      if (words.problem !== undefined) return words.problem;
      if (stream === undefined) return [];
      if (countMax === 0) return null;
      const found = between(stream.entries, first, last);
      return (isForwards ? found : found.toReversed()).slice(0, countMax).map(entryReply);
    },
  };
}

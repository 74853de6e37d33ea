/**
 * Commands of a simulated Redis that read streams. Where there is nothing yet they say so, and are run again after whatever
 * may have changed that: what `$` means has to be written into them before (`pinEnds`).
 */
import { assert, Defect } from "#runtime/errors.ts";
import { ENTRY_ID_LAST, writeId } from "#runtime/redis/entry-id.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";
import {
  type CommandTable,
  findGroup,
  findStream,
  type Moment,
  type Outcome,
} from "#runtime/simulated/redis/command.ts";
import { giveAgain, giveNew, meetConsumer } from "#runtime/simulated/redis/group.ts";
import { findValue } from "#runtime/simulated/redis/keyspace.ts";
import { Refusal } from "#runtime/simulated/redis/refusal.ts";
import { entryReply, named } from "#runtime/simulated/redis/reply.ts";
import { between } from "#runtime/simulated/redis/sorted.ts";
import type { Words } from "#runtime/simulated/redis/words.ts";

const NEW = ">";
const END = "$";
const MEANINGLESS_END = new Refusal(
  "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a " +
    "proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
);
const NEW_WITHOUT_GROUP = new Refusal(
  "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
);

export const READ_COMMANDS: CommandTable = {
  XREAD: { run: read },
  XREADGROUP: { run: readAsGroup },
};

/** The same words, with the last id of each stream in the place of `$`. */
export function pinEnds(words: readonly Uint8Array[], { keyspace, nowMs }: Moment): readonly Uint8Array[] {
  const texts = words.map((word) => Buffer.from(word).toString("latin1"));
  const streams = texts.findIndex((word) => word.toUpperCase() === "STREAMS");
  const count = (words.length - streams - 1) / 2;
  return words.map((word, at) => {
    if (texts[0]?.toUpperCase() !== "XREAD" || at <= streams + count || texts[at] !== END) return word;
    const value = findValue(keyspace, texts[at - count] ?? "", nowMs);
    return Buffer.from(writeId(value?.kind === "stream" ? value.lastId : 0n));
  });
}

function read(words: Words, moment: Moment): Outcome {
  const { countMax, streams } = asked(words);
  const found: RedisReply[] = [];
  for (const { key, from } of streams) {
    const stream = findStream(words, key, moment);
    if (from === NEW) words.refuse(NEW_WITHOUT_GROUP);
    const after = words.idIn(from);
    const entries = between(stream?.entries ?? [], after + 1n, ENTRY_ID_LAST, countMax);
    if (entries.length > 0) found.push([named(key), entries.map(entryReply)]);
  }
  return words.problem ?? (found.length > 0 ? found : undefined);
}

function readAsGroup(words: Words, moment: Moment): Outcome {
  if (words.option("GROUP") === undefined) throw new Defect("a simulated Redis knows GROUP as the first option alone");
  const [name, consumer] = [words.name(), words.name()];
  const { countMax, isAcknowledged, streams } = asked(words);
  // All of it is looked at before anything is given.
  const readings = streams.map(({ key, from }) => {
    const stream = findStream(words, key, moment);
    const group = findGroup(words, stream, { key, group: name, where: " in XREADGROUP with GROUP option" });
    if (from === END) words.refuse(MEANINGLESS_END);
    // The last id of all is how a real one writes down that only new ones are wanted.
    const after = from === NEW ? ENTRY_ID_LAST : words.idIn(from);
    return { key, stream, group, after: after === ENTRY_ID_LAST ? undefined : after };
  });
  if (words.problem !== undefined) return words.problem;

  const found: RedisReply[] = [];
  for (const { key, stream, group, after } of readings) {
    if (stream === undefined || group === undefined) continue;
    const reader = { group, consumer, nowMs: moment.nowMs };
    const isThere = (stream.entries.at(-1)?.id ?? 0n) > group.lastId;
    if (after === undefined && !isThere) continue;
    meetConsumer(reader);
    const given =
      after === undefined
        ? giveNew(stream, reader, countMax, isAcknowledged).map(entryReply)
        : giveAgain(stream, reader, after, countMax);
    found.push([named(key), given]);
  }
  return found.length > 0 ? found : undefined;
}

interface Asked {
  readonly countMax: number;
  readonly isAcknowledged: boolean;
  readonly streams: readonly { readonly key: string; readonly from: string }[];
}

function asked(words: Words): Asked {
  let countMax = Number.POSITIVE_INFINITY;
  let isAcknowledged = false;
  for (;;) {
    const option = words.option("COUNT", "BLOCK", "NOACK", "STREAMS");
    if (option === undefined) throw new Defect("a simulated Redis knows COUNT, BLOCK, NOACK and STREAMS");
    if (option === "STREAMS") break;
    // How long it may wait is the server's affair.
    if (option === "BLOCK") words.integer();
    if (option === "NOACK") isAcknowledged = true;
    if (option === "COUNT") countMax = countOf(words.integer());
  }
  const names = words.rest().map((word) => Buffer.from(word).toString("latin1"));
  const half = names.length / 2;
  assert(half >= 1 && Number.isInteger(half), "each stream has an id to read from");
  const streams = names.slice(0, half).map((key, at) => ({ key, from: names[half + at] ?? "" }));
  return { countMax, isAcknowledged, streams };
}

/** None, or less, is as many as there are. */
function countOf(count: number): number {
  return count > 0 ? count : Number.POSITIVE_INFINITY;
}

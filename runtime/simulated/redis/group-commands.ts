/** Commands of a simulated Redis that make, change and describe groups. */
import { type CommandTable, findStream, type Moment, type Outcome } from "#runtime/simulated/redis/command.ts";
import { meetConsumer } from "#runtime/simulated/redis/group.ts";
import { type Group, newStream, putValue, type StreamValue } from "#runtime/simulated/redis/keyspace.ts";
import { Refusal, shown } from "#runtime/simulated/redis/refusal.ts";
import { fieldsReply, idReply, named, okReply } from "#runtime/simulated/redis/reply.ts";
import { lagOf } from "#runtime/simulated/redis/stream.ts";
import { describeStream } from "#runtime/simulated/redis/stream-commands.ts";
import type { Words } from "#runtime/simulated/redis/words.ts";

const NO_STREAM = new Refusal(
  "ERR The XGROUP subcommand requires the key to exist. " +
    "Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);
const BUSY_GROUP = new Refusal("BUSYGROUP Consumer Group name already exists");
const NO_KEY = new Refusal("ERR no such key");

export const GROUP_COMMANDS: CommandTable = {
  "XGROUP CREATE": { isGrowing: true, run: create },
  "XGROUP SETID": { run: setId },
  "XGROUP DESTROY": {
    run: (words, moment) => {
      const stream = findStream(words, words.name(), moment);
      const name = words.name();
      words.end();
      if (stream === undefined) return words.problem ?? NO_STREAM;
      return stream.groups.delete(name) ? 1 : 0;
    },
  },
  "XGROUP CREATECONSUMER": {
    isGrowing: true,
    run: (words, moment) => {
      const group = groupOf(words, moment);
      const consumer = words.name();
      words.end();
      if (group === undefined) return words.problem;
      if (group.consumers.has(consumer)) return 0;
      meetConsumer({ group, consumer, nowMs: moment.nowMs });
      return 1;
    },
  },
  "XGROUP DELCONSUMER": {
    run: (words, moment) => {
      const group = groupOf(words, moment);
      const consumer = words.name();
      words.end();
      if (group === undefined) return words.problem;
      const before = group.pending.length;
      group.pending = group.pending.filter((pending) => pending.consumer !== consumer);
      group.consumers.delete(consumer);
      return before - group.pending.length;
    },
  },
  "XINFO STREAM": { run: describeStream },
  "XINFO GROUPS": { run: describeGroups },
  "XINFO CONSUMERS": { run: describeConsumers },
};

function create(words: Words, moment: Moment): Outcome {
  const [key, name, written] = [words.name(), words.name(), words.name()];
  const makesStream = words.option("MKSTREAM") !== undefined;
  words.end();
  const found = findStream(words, key, moment);
  if (found === undefined && !makesStream) return words.problem ?? NO_STREAM;
  const stream = found ?? newStream();
  const lastId = written === "$" ? stream.lastId : words.idIn(written);
  if (words.problem !== undefined) return words.problem;
  if (stream.groups.has(name)) return BUSY_GROUP;
  if (found === undefined) putValue(moment.keyspace, key, stream);
  stream.groups.set(name, { lastId, readCount: undefined, pending: [], consumers: new Map() });
  return okReply();
}

function setId(words: Words, moment: Moment): Outcome {
  const key = words.name();
  const stream = findStream(words, key, moment);
  const group = knownGroup(words, stream, key);
  const written = words.name();
  words.end();
  if (group === undefined || stream === undefined) return words.problem;
  const id = written === "$" ? stream.lastId : words.idIn(written);
  if (words.problem !== undefined) return words.problem;
  group.lastId = id;
  group.readCount = undefined;
  return okReply();
}

function describeGroups(words: Words, moment: Moment): Outcome {
  const stream = findStream(words, words.name(), moment);
  words.end();
  if (stream === undefined) return words.problem ?? NO_KEY;
  return inOrder(stream.groups).map(([name, group]) =>
    fieldsReply({
      name: named(name),
      consumers: group.consumers.size,
      pending: group.pending.length,
      "last-delivered-id": idReply(group.lastId),
      "entries-read": group.readCount ?? null,
      lag: lagOf(stream, group) ?? null,
    }),
  );
}

function describeConsumers(words: Words, moment: Moment): Outcome {
  const key = words.name();
  const stream = findStream(words, key, moment);
  const name = words.name();
  words.end();
  if (stream === undefined) return words.problem ?? NO_KEY;
  const group = stream.groups.get(name);
  if (group === undefined) return unknownGroup(name, key);
  return inOrder(group.consumers).map(([consumer, { seenMs }]) =>
    fieldsReply({
      name: named(consumer),
      pending: group.pending.filter((pending) => pending.consumer === consumer).length,
      idle: Math.max(0, moment.nowMs - seenMs),
    }),
  );
}

/** The stream and the group that the next two words name. */
function groupOf(words: Words, moment: Moment): Group | undefined {
  const key = words.name();
  return knownGroup(words, findStream(words, key, moment), key);
}

function knownGroup(words: Words, stream: StreamValue | undefined, key: string): Group | undefined {
  const name = words.name();
  const group = stream?.groups.get(name);
  if (group === undefined) words.refuse(stream === undefined ? NO_STREAM : unknownGroup(name, key));
  return group;
}

function unknownGroup(group: string, key: string): Refusal {
  return new Refusal(`NOGROUP No such consumer group '${shown(group)}' for key name '${shown(key)}'`);
}

/** Of their names. */
function inOrder<Value>(byName: ReadonlyMap<string, Value>): readonly (readonly [name: string, value: Value])[] {
  return [...byName].sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Commands of a simulated Redis on what was given and is not acknowledged. */
import type { RedisReply } from "#runtime/redis/redis.ts";
import {
  type CommandTable,
  findGroup,
  findStream,
  type Moment,
  type Outcome,
} from "#runtime/simulated/redis/command.ts";
import { type Reader, takeOver } from "#runtime/simulated/redis/group.ts";
import type { Pending, StreamValue } from "#runtime/simulated/redis/keyspace.ts";
import { Refusal, shown } from "#runtime/simulated/redis/refusal.ts";
import { entryReply, idReply, named, text } from "#runtime/simulated/redis/reply.ts";
import { between, findById, placeOf, removeById } from "#runtime/simulated/redis/sorted.ts";
import { idsOf } from "#runtime/simulated/redis/stream-commands.ts";
import type { Words } from "#runtime/simulated/redis/words.ts";

/** What one `XAUTOCLAIM` gives, unless it is told otherwise; and how many it looks at for each of them. */
const CLAIMED_DEFAULT = 100;
const LOOKS_EACH = 10;
const BAD_COUNT = new Refusal("ERR COUNT must be > 0");

export const PENDING_COMMANDS: CommandTable = {
  XACK: {
    run: (words, moment) => {
      const stream = findStream(words, words.name(), moment);
      const group = stream?.groups.get(words.name());
      if (group === undefined) return words.problem ?? 0;
      const ids = idsOf(words);
      return words.problem ?? ids.filter((id) => removeById(group.pending, id)).length;
    },
  },
  XPENDING: { run: (words, moment) => (words.leftCount === 2 ? summarize(words, moment) : list(words, moment)) },
  XCLAIM: { run: claim },
  XAUTOCLAIM: { run: claimNext },
};

function summarize(words: Words, moment: Moment): Outcome {
  const [key, name] = [words.name(), words.name()];
  const group = findGroup(words, findStream(words, key, moment), { key, group: name });
  if (group === undefined) return words.problem;
  const { pending } = group;
  const [first, last] = [pending[0], pending.at(-1)];
  if (first === undefined || last === undefined) return [0, null, null, null];
  const counts = Map.groupBy(pending, ({ consumer }) => consumer);
  const names = [...counts.keys()].sort();
  const consumers = names.map((consumer) => [named(consumer), text(String(counts.get(consumer)?.length))]);
  return [pending.length, idReply(first.id), idReply(last.id), consumers];
}

function list(words: Words, moment: Moment): Outcome {
  const [key, name] = [words.name(), words.name()];
  const idleMsMin = words.option("IDLE") === undefined ? 0 : words.integer();
  const [first, last] = [words.first(), words.last()];
  const countMax = Math.max(0, words.integer());
  const consumer = words.leftCount > 0 ? words.name() : undefined;
  words.end();
  if (words.problem !== undefined) return words.problem;
  const group = findGroup(words, findStream(words, key, moment), { key, group: name });
  if (group === undefined) return words.problem;
  return between(group.pending, first, last)
    .filter((pending) => consumer === undefined || pending.consumer === consumer)
    .map((pending) => ({ ...pending, idleMs: Math.max(0, moment.nowMs - pending.deliveredMs) }))
    .filter(({ idleMs }) => idleMs >= idleMsMin)
    .slice(0, countMax)
    .map((pending) => [idReply(pending.id), named(pending.consumer), pending.idleMs, pending.deliveredCount]);
}

function claim(words: Words, moment: Moment): Outcome {
  const who = readWho(words);
  const found = findClaim(words, moment, who);
  const idleMsMin = readIdle(words, "XCLAIM");
  const ids: bigint[] = [];
  let isJustId = false;
  while (words.leftCount > 0) {
    isJustId = words.option("JUSTID") !== undefined;
    if (isJustId) break;
    const written = words.name();
    ids.push(words.idIn(written, new Refusal(`ERR Unrecognized XCLAIM option '${shown(written)}'`)));
  }
  words.end();
  if (found === undefined || words.problem !== undefined) return words.problem;
  const { stream, reader } = found;
  return ids.flatMap((id) => {
    const pending = findById(reader.group.pending, id);
    if (pending === undefined) return [];
    const entry = findById(stream.entries, id);
    // Of what is gone nobody can be given anything.
    if (entry === undefined) removeById(reader.group.pending, id);
    if (entry === undefined || !isIdle(pending, reader, idleMsMin)) return [];
    takeOver(pending, reader, isJustId);
    return [isJustId ? idReply(id) : entryReply(entry)];
  });
}

function claimNext(words: Words, moment: Moment): Outcome {
  const who = readWho(words);
  const idleMsMin = readIdle(words, "XAUTOCLAIM");
  const first = words.first();
  const countMax = words.option("COUNT") === undefined ? CLAIMED_DEFAULT : words.integer();
  const isJustId = words.option("JUSTID") !== undefined;
  words.end();
  if (countMax <= 0) words.refuse(BAD_COUNT);
  const found = words.problem === undefined ? findClaim(words, moment, who) : undefined;
  if (found === undefined) return words.problem;

  const { stream, reader } = found;
  const { pending: all } = reader.group;
  const claimed: RedisReply[] = [];
  const gone: RedisReply[] = [];
  let at = placeOf(all, first);
  for (let looks = countMax * LOOKS_EACH; looks > 0 && claimed.length + gone.length < countMax; looks -= 1) {
    const pending = all[at];
    if (pending === undefined) break;
    const entry = findById(stream.entries, pending.id);
    if (entry === undefined) {
      all.splice(at, 1);
      gone.push(idReply(pending.id));
      continue;
    }
    at += 1;
    if (!isIdle(pending, reader, idleMsMin)) continue;
    takeOver(pending, reader, isJustId);
    claimed.push(isJustId ? idReply(pending.id) : entryReply(entry));
  }
  return [idReply(all[at]?.id ?? 0n), claimed, gone];
}

/** Who claims, in the words of both ways to claim. */
interface Claim {
  readonly key: string;
  readonly group: string;
  readonly consumer: string;
}

function readWho(words: Words): Claim {
  return { key: words.name(), group: words.name(), consumer: words.name() };
}

/** For how long nobody must have been given it. */
function readIdle(words: Words, command: string): number {
  return words.integer(new Refusal(`ERR Invalid min-idle-time argument for ${command}`));
}

function findClaim(
  words: Words,
  moment: Moment,
  { key, group: name, consumer }: Claim,
): { readonly stream: StreamValue; readonly reader: Reader } | undefined {
  const stream = findStream(words, key, moment);
  const group = findGroup(words, stream, { key, group: name });
  if (stream === undefined || group === undefined) return undefined;
  return { stream, reader: { group, consumer, nowMs: moment.nowMs } };
}

function isIdle({ deliveredMs }: Pending, { nowMs }: Reader, idleMsMin: number): boolean {
  return nowMs - deliveredMs >= idleMsMin;
}

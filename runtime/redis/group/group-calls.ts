/** The commands of one consumer of a group on one stream: how they are asked, and what their answers mean. */
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import { parseId, writeId } from "#runtime/redis/entry-id.ts";
import {
  type ConsumerRow,
  type GivenEntry,
  type GroupFacts,
  listIn,
  numberIn,
  type PendingRow,
  readClaimed,
  readConsumers,
  readGroups,
  readPending,
  readStreams,
} from "#runtime/redis/group/replies.ts";
import type { Redis, RedisCommand, RedisFailure, RedisRefused, RedisReply } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";

export interface GroupPlace {
  /** For what is answered at once. Others may use it too. */
  readonly redis: Redis;
  /** For reads that wait, which hold up all that comes after them: nobody else's. */
  readonly waiting: Redis;
  /** Its key. */
  readonly stream: string;
  readonly group: string;
  /**
   * Of one reader at a time, and the same after a restart, so that what was pending comes first then: two that have one name
   * are both given what is pending to it.
   */
  readonly consumer: string;
}

/** What was pending to somebody and is now given again. */
export interface GivenAgain {
  readonly given: readonly GivenEntry[];
  /** Those whose entries are gone from the stream. They are pending no more. */
  readonly goneCount: number;
}

/** What a group has before it, and the stream that it reads, at one moment. */
export interface GroupSurvey {
  readonly group: GroupFacts;
  /** Entries in the stream. */
  readonly length: number;
}

/** Ids acknowledged by one command. */
const ACK_IDS = 1000;
const NO_GROUP: Result<never, RedisRefused> = fail({
  code: "redis.refused",
  kind: "NOGROUP",
  message: "the stream has no such group",
});

/** The group is not there: the stream was deleted, or all that Redis held. */
export function isGroupGone(failure: RedisFailure): boolean {
  if (failure.code !== "redis.refused") return false;
  if (failure.kind === "NOGROUP" || failure.kind === "UNBLOCKED") return true;
  return failure.kind === "ERR" && failure.message === "no such key";
}

export class GroupCalls {
  readonly #place: GroupPlace;

  constructor(place: GroupPlace) {
    this.#place = place;
  }

  /** Entries that nobody was given yet, waited for where there are none. */
  async fresh(countMax: number, blockMs: number, within: Within): Promise<Result<readonly GivenEntry[], RedisFailure>> {
    const { waiting, stream, group, consumer } = this.#place;
    const options = ["COUNT", countMax, "BLOCK", blockMs, "STREAMS", stream, ">"] as const;
    return map(await waiting.call(["XREADGROUP", "GROUP", group, consumer, ...options], within), readStreams);
  }

  /** What is pending, in the order of ids: `first` is `-`, or `(` and an id before it. Of one consumer where `isOwn`. */
  async pending(
    { first, countMax, isOwn }: { readonly first: string; readonly countMax: number; readonly isOwn: boolean },
    within: Within,
  ): Promise<Result<readonly PendingRow[], RedisFailure>> {
    const { stream, group, consumer } = this.#place;
    const whose = isOwn ? [consumer] : [];
    return map(await this.#ask(["XPENDING", stream, group, first, "+", countMax, ...whose], within), readPending);
  }

  /** What is pending to this consumer, from `firstId` on. */
  async again(firstId: string, countMax: number, within: Within): Promise<Result<GivenAgain, RedisFailure>> {
    const { stream, group, consumer } = this.#place;
    const options = ["COUNT", countMax, "STREAMS", stream, idBefore(firstId)] as const;
    const read = map(await this.#ask(["XREADGROUP", "GROUP", group, consumer, ...options], within), readStreams);
    if (!read.ok) return read;
    const given = read.value.filter(({ fields }) => fields !== undefined);
    const goneIds = read.value.filter(({ fields }) => fields === undefined).map(({ id }) => id);
    if (goneIds.length === 0) return ok({ given, goneCount: 0 });
    const acknowledged = await this.#ask(["XACK", stream, group, ...goneIds], within);
    return map(acknowledged, (reply) => ({ given, goneCount: numberIn(reply) }));
  }

  /** What is pending to anybody from `firstId` on and was given to nobody for `idleMs`: it is this consumer's from now on. */
  async claim(
    { firstId, countMax, idleMs }: { readonly firstId: string; readonly countMax: number; readonly idleMs: number },
    within: Within,
  ): Promise<Result<GivenAgain, RedisFailure>> {
    const { stream, group, consumer } = this.#place;
    const claim = ["XAUTOCLAIM", stream, group, consumer, idleMs, firstId, "COUNT", countMax] as const;
    return map(await this.#ask(claim, within), readClaimed);
  }

  /** Those of `ids` that are pending are this consumer's from now on. That is no delivery. */
  async refresh(ids: readonly string[], within: Within): Promise<void> {
    const { redis, stream, group, consumer } = this.#place;
    const claims = inParts(ids).map((part): RedisCommand => ["XCLAIM", stream, group, consumer, 0, ...part, "JUSTID"]);
    await redis.batch(claims, within);
  }

  async acknowledge(ids: readonly string[], within: Within): Promise<readonly Result<RedisReply, RedisFailure>[]> {
    const { redis, stream, group } = this.#place;
    return await redis.batch(
      inParts(ids).map((part): RedisCommand => ["XACK", stream, group, ...part]),
      within,
    );
  }

  /**
   * A failure of which `isGroupGone` is true where there is no such group. Not by `XINFO STREAM`, which tells the first and the
   * last entry as they are: of any size, and once a second.
   */
  async survey(within: Within): Promise<Result<GroupSurvey, RedisFailure>> {
    const { redis, stream, group } = this.#place;
    const asked = await redis.transaction(
      [
        ["XLEN", stream],
        ["XINFO", "GROUPS", stream],
      ],
      within,
    );
    if (!asked.ok) return asked;
    const [length, groups] = asked.value;
    if (length === undefined || !length.ok) return length ?? NO_GROUP;
    if (groups === undefined || !groups.ok) return groups ?? NO_GROUP;
    const found = readGroups(groups.value).find(({ name }) => name === group);
    return found === undefined ? NO_GROUP : ok({ group: found, length: numberIn(length.value) });
  }

  /**
   * Makes the group, at the front of the stream and with it where there is none. `isMade`: by this call and by nobody before.
   * `hasOld`: something up to `lastId` is there.
   */
  async make(
    lastId: string,
    within: Within,
  ): Promise<Result<{ readonly isMade: boolean; readonly hasOld: boolean }, RedisFailure>> {
    const { redis, stream, group } = this.#place;
    // Were it refused for want of memory, nobody would read what takes it.
    const asked = await redis.insist(
      [
        ["XGROUP", "CREATE", stream, group, "0", "MKSTREAM"],
        ["XRANGE", stream, "-", lastId, "COUNT", 1],
      ],
      within,
    );
    if (!asked.ok) return asked;
    const [made, old] = asked.value;
    if (made === undefined || (!made.ok && made.failure.kind !== "BUSYGROUP")) return made ?? NO_GROUP;
    if (old === undefined || !old.ok) return old ?? NO_GROUP;
    return ok({ isMade: made.ok, hasOld: listIn(old.value).length > 0 });
  }

  async consumers(within: Within): Promise<Result<readonly ConsumerRow[], RedisFailure>> {
    const { stream, group } = this.#place;
    return map(await this.#ask(["XINFO", "CONSUMERS", stream, group], within), readConsumers);
  }

  async removeConsumers(names: readonly Uint8Array[], within: Within): Promise<Result<void, RedisFailure>> {
    const { redis, stream, group } = this.#place;
    const removed = await redis.batch(
      names.map((name): RedisCommand => ["XGROUP", "DELCONSUMER", stream, group, name]),
      within,
    );
    return removed.find((each) => !each.ok) ?? ok();
  }

  async #ask(command: RedisCommand, within: Within): Promise<Result<RedisReply, RedisFailure>> {
    return await this.#place.redis.call(command, within);
  }
}

/** The last one that is smaller. No entry has the id 0-0. */
function idBefore(id: string): string {
  const written = parseId(id);
  assert(written !== undefined && written.id > 0n, "Redis gives ids that it takes");
  return writeId(written.id - 1n);
}

function inParts(ids: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / ACK_IDS) }, (_, at) =>
    ids.slice(at * ACK_IDS, (at + 1) * ACK_IDS),
  );
}

function map<Value>(
  answer: Result<RedisReply, RedisFailure>,
  read: (reply: RedisReply) => Value,
): Result<Value, RedisFailure> {
  return answer.ok ? ok(read(answer.value)) : answer;
}

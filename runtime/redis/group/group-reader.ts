/**
 * Reads a stream as one of a group that shares it: every entry is given to one reader, and to another where that one does not
 * acknowledge it in time.
 *
 * What a page holds: after a start, and after a failure that leaves open what Redis did, entries that are pending to this
 * consumer; then, now and then, what others were given long ago and did not acknowledge; else new ones, waited for.
 *
 * - What the caller was given and has not acknowledged is not given to it again, by one reader. Only where the group itself was
 *   gone, or has forgotten, all that the stream still has is given as new, and what was in hand may come twice.
 * - At least once: whoever acts on an entry has to stand its coming again, here or at another reader. That is also all the
 *   fence there is: an acknowledgement takes the entry from whoever has claimed it meanwhile, which loses nothing, for whoever
 *   acknowledges has acted on it.
 * - A group that is not there is made, at the front of the stream: with the first reader, and when a Redis was replaced by an
 *   empty one, or emptied. Then, if nothing of what was there is left, `lostCount` tells what the one that made it anew knows
 *   was there, unread or given to somebody else (`Backlog` has how exact that is). It knows nothing of the time before its own
 *   start.
 * - Entries that were trimmed or deleted while they were pending count as lost too, once: unless the answer that said so was
 *   lost itself. What is trimmed before anybody was given it is not counted: whoever adds has chosen to.
 * - What the caller has in hand stays its own for as long as it attends to it, however long that takes: nobody claims it, and its
 *   deliveries are those of lives that ended.
 * - A reader that ends for good hands nothing back: others claim it after `claimIdleMs`. Consumers that have nothing pending
 *   and did not ask for a day are removed, so that their names do not pile up. One that comes back is made again; what it may
 *   be given between the look at it and its removal would not be given again, if it died then.
 */
import type { Clock } from "#runtime/clock.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import { REDIS_BLOCK_MS_MAX } from "#runtime/redis/commands.ts";
import { isUndone } from "#runtime/redis/failures.ts";
import { Backlog } from "#runtime/redis/group/backlog.ts";
import { type GivenAgain, GroupCalls, type GroupPlace, isGroupGone } from "#runtime/redis/group/group-calls.ts";
import { type PageBounds, PageSize } from "#runtime/redis/group/page-size.ts";
import type { GivenEntry, PendingRow } from "#runtime/redis/group/replies.ts";
import type { StreamEntry, StreamPage } from "#runtime/redis/group/stream-entry.ts";
import type { RedisFailure } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { hour, second } from "#runtime/units.ts";
import { withinMs } from "#runtime/within-ms.ts";

/** What a group has before it is asked no more often; what it has then is what can be told when it is gone. */
export const GROUP_SURVEY_MS: number = 1 * second;
/** How often what is in hand is taken anew in the time after which others would claim it. */
const REFRESHES_PER_IDLE = 4;
/** Longest wait for one look at what is in hand: a read waits for it. */
export const ATTEND_MS_MAX: number = 10 * second;
/** A consumer that has nothing pending and asked for nothing for so long is removed. */
export const CONSUMER_STALE_MS: number = 24 * hour;
/** Consumers are looked through no more often. */
const SWEEP_MS: number = 1 * hour;
/** Consumers removed by one look. */
export const CONSUMERS_REMOVED_MAX = 100;
/** Rows of what is pending that are asked for at once. */
const LISTED = 1000;
const FRONT = "-";

export interface GroupReaderOptions extends GroupPlace, PageBounds {
  readonly clock: Clock;
  /** Entries that the caller has and did not acknowledge. To ask for more is a defect. */
  readonly heldCountMax: number;
  /** How long one page is waited for. */
  readonly blockMs: number;
  /** Between two looks for what others have left. */
  readonly claimIntervalMs: number;
  /** Much more than a reader that lives takes for what it was given: what nobody acknowledged for so long is given again. */
  readonly claimIdleMs: number;
}

/** A way through what is pending, in the order of ids. */
interface Walk {
  /** Where it goes on; undefined where it is over. */
  first: string | undefined;
  readonly isOwn: boolean;
  readonly isWanted: (row: PendingRow) => boolean;
  /** Those of a run of rows, from the first on. */
  readonly take: (firstId: string, countMax: number, within: Within) => Promise<Result<GivenAgain, RedisFailure>>;
}

type Given = Result<readonly StreamEntry[], RedisFailure>;

const NOTHING: Given = ok([]);

export class GroupReader {
  readonly #options: GroupReaderOptions;
  readonly #calls: GroupCalls;
  readonly #pageSize: PageSize;
  /** Ids of what the caller was given and has not acknowledged. */
  readonly #held = new Set<string>();
  readonly #own: Walk;
  readonly #left: Walk;
  #claimAtMs: number;
  #surveyAtMs: number;
  #sweepAtMs: number;
  #backlog: Backlog | undefined;
  #acknowledgingCount = 0;
  #lostCount = 0;
  /** Whether it was asked to make the group, and nobody knows what came of it. */
  #mayHaveMade = false;
  #isReading = false;
  #refreshAtMs: number;
  #attending: Promise<void> = Promise.resolve();

  constructor(options: GroupReaderOptions) {
    const { clock, stream, group, consumer, blockMs, claimIdleMs, pageCountMax, heldCountMax } = options;
    assert(blockMs >= 1 && blockMs <= REDIS_BLOCK_MS_MAX, "a page is waited for 1 … REDIS_BLOCK_MS_MAX ms");
    assert(pageCountMax >= 1 && pageCountMax <= heldCountMax, "a page is no more than may be held");
    for (const name of [stream, group, consumer]) assert(/^[!-~]+$/.test(name), "names here are of plain characters");
    this.#options = options;
    const calls = new GroupCalls(options);
    this.#calls = calls;
    this.#pageSize = new PageSize(options);
    this.#own = {
      first: FRONT,
      isOwn: true,
      isWanted: ({ id }) => !this.#held.has(id),
      take: (firstId, countMax, within) => calls.again(firstId, countMax, within),
    };
    this.#left = {
      first: undefined,
      isOwn: false,
      isWanted: ({ id, idleMs }) => idleMs >= claimIdleMs && !this.#held.has(id),
      take: (firstId, countMax, within) => calls.claim({ firstId, countMax, idleMs: claimIdleMs }, within),
    };
    this.#claimAtMs = clock.nowMs();
    this.#refreshAtMs = clock.nowMs();
    this.#surveyAtMs = clock.nowMs();
    this.#sweepAtMs = clock.nowMs();
  }

  /** Entries that the caller was given and has not acknowledged. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** What the group has before it, as it was asked last; undefined before it could be. */
  get backlog(): Pick<Backlog, "unreadCount" | "pendingCount"> | undefined {
    return this.#backlog;
  }

  /**
   * The next page, one at a time. A failure loses nothing: what Redis may have given is in a later page. Ask again after a
   * pause.
   */
  async read(within: Within): Promise<Result<StreamPage, RedisFailure>> {
    assert(!this.#isReading, "one page is asked for at a time");
    assert(this.#held.size < this.#options.heldCountMax, "who holds as much as it may acknowledges before it reads");
    this.#isReading = true;
    await this.#attending;
    const given = await this.#next(within);
    this.#isReading = false;
    // What was given and never heard of is pending to this consumer now.
    if (!given.ok && !isUndone(given.failure)) this.#own.first = FRONT;
    if (!given.ok) return given;
    for (const { id } of given.value) this.#held.add(id);
    const lostCount = this.#lostCount;
    this.#lostCount = 0;
    return ok({ entries: given.value, lostCount });
  }

  /**
   * For as long as the caller works with what it was given: keeps that its own, and `backlog` as it is, while it does not read.
   * Settles when `within.signal` is aborted.
   */
  async attend(within: Within): Promise<void> {
    const { clock, claimIdleMs } = this.#options;
    const pauseMs = Math.min(GROUP_SURVEY_MS, claimIdleMs / REFRESHES_PER_IDLE);
    while (!within.signal.aborted) {
      await pause(clock, pauseMs, within.signal);
      // Who reads looks for itself.
      if (this.#isReading || within.signal.aborted) continue;
      this.#attending = this.#attend(withinMs(within, ATTEND_MS_MAX, clock));
      await this.#attending;
    }
  }

  /**
   * Says that the caller is done with these: they are given to nobody any more. After a failure they may still be, and it may
   * be said again. Whatever was given can be acknowledged at any time, also while a page is waited for.
   */
  async ack(ids: readonly string[], within: Within): Promise<Result<void, RedisFailure>> {
    if (ids.length === 0) return ok();
    this.#acknowledgingCount += ids.length;
    const answers = await this.#calls.acknowledge(ids, within);
    this.#acknowledgingCount -= ids.length;
    const failed = answers.find((answer) => !answer.ok);
    // In a batch some may have been done: they are not pending, and are acknowledged again for nothing.
    if (failed !== undefined && !failed.ok) return failed;
    for (const id of ids) this.#held.delete(id);
    return ok();
  }

  async #next(within: Within): Promise<Given> {
    if (!this.#mayHaveMade) {
      const given = await this.#ask(within);
      if (given.ok || !isGroupGone(given.failure)) return given;
    }
    // So that what was lost is told before anything else is.
    const made = await this.#make(within);
    return made.ok ? NOTHING : made;
  }

  async #ask(within: Within): Promise<Given> {
    const { clock, claimIntervalMs } = this.#options;
    const nowMs = clock.nowMs();
    const surveyed = nowMs >= this.#surveyAtMs ? await this.#survey(within) : ok();
    if (!surveyed.ok) return surveyed;
    const own = await this.#walk(this.#own, within);
    if (!own.ok || own.value.length > 0) return own;
    if (nowMs >= this.#claimAtMs) {
      this.#left.first ??= FRONT;
      this.#claimAtMs = nowMs + claimIntervalMs;
    }
    const left = await this.#walk(this.#left, within);
    if (!left.ok || left.value.length > 0) return left;
    const swept = nowMs >= this.#sweepAtMs ? await this.#sweep(within) : ok();
    return swept.ok ? await this.#fresh(within) : swept;
  }

  async #fresh(within: Within): Promise<Given> {
    const { clock, blockMs } = this.#options;
    const leftMs = Math.floor(within.deadlineMs - clock.nowMs());
    const given = await this.#calls.fresh(this.#countMax(), Math.max(1, Math.min(blockMs, leftMs)), within);
    if (!given.ok) return given;
    this.#saw(given.value);
    this.#backlog?.gaveNew(given.value.map(({ id }) => id));
    return ok(given.value.flatMap((entry) => toEntry(entry, 1)));
  }

  /** The next entries on the way; none where it is over. What is in hand stands in it and is passed over. */
  async #walk(walk: Walk, within: Within): Promise<Given> {
    while (walk.first !== undefined) {
      const { isOwn, first } = walk;
      const listed = await this.#calls.pending({ first, countMax: LISTED, isOwn }, within);
      if (!listed.ok) return listed;
      const run = firstRun(listed.value, walk.isWanted, this.#countMax());
      const [from] = run;
      if (from === undefined) {
        walk.first = listed.value.length < LISTED ? undefined : after(listed.value);
        continue;
      }
      const taken = await walk.take(from.id, run.length, within);
      if (!taken.ok) return taken;
      walk.first = after(run);
      const entries = this.#takenOf(taken.value, run);
      if (entries.length > 0) return ok(entries);
    }
    return NOTHING;
  }

  #takenOf({ given, goneCount }: GivenAgain, run: readonly PendingRow[]): readonly StreamEntry[] {
    this.#saw(given);
    this.#lostCount += goneCount;
    const counts = new Map(run.map(({ id, deliveryCount }) => [id, deliveryCount + 1]));
    // Others than those of the run came because some of it were acknowledged meanwhile: they may be in hand.
    const entries = given.flatMap((entry) => toEntry(entry, counts.get(entry.id)));
    this.#backlog?.gavePending(entries.length + goneCount);
    return entries;
  }

  /** What fails here is tried again a second later, and told by whoever needs it. */
  async #attend(within: Within): Promise<void> {
    const { clock, claimIdleMs } = this.#options;
    if (this.#held.size > 0 && clock.nowMs() >= this.#refreshAtMs) {
      this.#refreshAtMs = clock.nowMs() + claimIdleMs / REFRESHES_PER_IDLE;
      await this.#calls.refresh([...this.#held], within);
    }
    await this.#survey(within);
  }

  async #survey(within: Within): Promise<Result<void, RedisFailure>> {
    // What is being acknowledged was sent before, and is done before.
    const heldCount = this.#held.size - this.#acknowledgingCount;
    const surveyed = await this.#calls.survey(within);
    if (!surveyed.ok) return surveyed;
    this.#backlog = new Backlog(surveyed.value, heldCount);
    this.#surveyAtMs = this.#options.clock.nowMs() + GROUP_SURVEY_MS;
    return ok();
  }

  async #make(within: Within): Promise<Result<void, RedisFailure>> {
    const before = this.#backlog;
    const made = await this.#calls.make(before?.lastId ?? "0-0", within);
    if (!made.ok) {
      this.#mayHaveMade ||= !isUndone(made.failure);
      return made;
    }
    const { isMade, hasOld } = made.value;
    // Of all that find it gone, the one that makes it tells. Where something old is left all of it is given anew.
    if ((isMade || this.#mayHaveMade) && !hasOld) this.#lostCount += before?.leftCount ?? 0;
    this.#mayHaveMade = false;
    this.#backlog = undefined;
    this.#surveyAtMs = this.#options.clock.nowMs();
    return ok();
  }

  async #sweep(within: Within): Promise<Result<void, RedisFailure>> {
    const listed = await this.#calls.consumers(within);
    if (!listed.ok) return listed;
    const stale = listed.value.filter(({ pendingCount, idleMs }) => pendingCount === 0 && idleMs >= CONSUMER_STALE_MS);
    const names = stale.slice(0, CONSUMERS_REMOVED_MAX).map(({ name }) => name);
    const removed = await this.#calls.removeConsumers(names, within);
    if (removed.ok) this.#sweepAtMs = this.#options.clock.nowMs() + SWEEP_MS;
    return removed;
  }

  #saw(given: readonly GivenEntry[]): void {
    this.#pageSize.saw(
      given.length,
      given.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    );
  }

  #countMax(): number {
    return Math.min(this.#pageSize.count, this.#options.heldCountMax - this.#held.size);
  }
}

/** As many as `countMax` that follow one another, from the first that is wanted on. */
function firstRun(
  rows: readonly PendingRow[],
  isWanted: (row: PendingRow) => boolean,
  countMax: number,
): readonly PendingRow[] {
  const start = rows.findIndex(isWanted);
  if (start < 0) return [];
  const end = rows.findIndex((row, at) => at > start && !isWanted(row));
  return rows.slice(start, Math.min(end < 0 ? rows.length : end, start + countMax));
}

/** Where to go on. */
function after(rows: readonly PendingRow[]): string | undefined {
  const last = rows.at(-1);
  return last === undefined ? undefined : `(${last.id}`;
}

function toEntry({ id, fields, repeated }: GivenEntry, deliveryCount: number | undefined): readonly StreamEntry[] {
  if (fields === undefined || deliveryCount === undefined) return [];
  return [repeated === undefined ? { id, fields, deliveryCount } : { id, fields, repeated, deliveryCount }];
}

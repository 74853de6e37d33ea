/**
 * One reader of the stream `events`: a page is read, judged, kept, and acknowledged, then the next one.
 *
 * Acknowledged is what lasts: rows that were committed or spilled, and dead letters that were added. While something is away the
 * page stays in hand, and what of it does not last yet is tried again, from its judgement on, because what was allowed may not be
 * any more. Only a life that ends before an acknowledgement has the others judged anew as well: a dead letter may then come
 * twice, with one `id`, and one of an event that is a row.
 *
 * Where nobody can say of an entry whether it may be written, it is put aside and asked about again, and those behind it go on.
 *
 * An entry that was in hand when a life ended may be why. So one that was delivered often is taken alone: it ends nobody else's
 * page, and is the only one that becomes poison.
 */
import type { DeadLetter } from "#actors/ingest/dead-letter.ts";
import type { DeadLetters } from "#actors/ingest/dead-letters.ts";
import { type Asked, judge, type Moment, type Verdict } from "#actors/ingest/judge.ts";
import type { Meters } from "#actors/ingest/meters.ts";
import type { SpillRecord } from "#actors/ingest/spill/spill-record.ts";
import { type Kept, refusalOf, type Writer } from "#actors/ingest/writer.ts";
import type { Clock } from "#runtime/clock.ts";
import { doubled } from "#runtime/doubled.ts";
import { assert, type Failure, type Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import type { Random } from "#runtime/random.ts";
import type { GroupReader } from "#runtime/redis/group/group-reader.ts";
import type { StreamEntry } from "#runtime/redis/group/stream-entry.ts";
import type { Within } from "#runtime/ref.ts";
import { troubleOf } from "#runtime/trouble-of.ts";
import { second } from "#runtime/units.ts";
import { withinMs } from "#runtime/within-ms.ts";

/** An entry that was delivered more often is taken alone. */
export const DELIVERIES_TOGETHER_MAX = 3;
/** Ceiling of the first pause after something that a page needs was away; it doubles, with full jitter. */
export const READER_RETRY_MS_MIN = 50;
/** The ceiling never grows past it. */
export const READER_RETRY_MS_MAX: number = 2 * second;
/** How long one try of a page may take. */
export const PAGE_TRY_MS_MAX: number = 30 * second;

export interface ReaderOptions {
  readonly group: GroupReader;
  readonly asked: Asked<Failure>;
  readonly writer: Writer;
  readonly record: Pick<SpillRecord, "keep">;
  readonly deadLetters: DeadLetters;
  readonly moment: () => Moment;
  /** Of entries that are put aside; nothing more is read past either. */
  readonly bounds: () => { readonly waitingCountMax: number; readonly waitingBytesMax: number };
  readonly meters: Meters;
  readonly clock: Clock;
  readonly random: Random;
  /** Why nothing comes in; undefined when it does again. */
  readonly onTrouble: (cause: string | undefined) => void;
  /** Entries that can never be read. */
  readonly onLost: (count: number) => void;
}

export class Reader {
  readonly #options: ReaderOptions;
  #failedCount = 0;
  /** In hand, and undecided when they were judged last. */
  #waiting: readonly StreamEntry[] = [];
  /** Why. */
  #undecided = "";
  /** When they are judged again. */
  #waitingUntilMs = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    const { group, meters, onLost, clock } = this.#options;
    while (!within.signal.aborted) {
      if (this.#mayHoldMore()) {
        const page = await group.read(withinMs(within, PAGE_TRY_MS_MAX, clock));
        if (!page.ok) {
          await this.#retry(troubleOf(page.failure), within);
          continue;
        }
        const { entries, lostCount } = page.value;
        if (lostCount > 0) onLost(lostCount);
        if (lostCount > 0) meters.lost.add(lostCount);
        if (entries.length > 0) meters.read.add(entries.length);
        if (this.#waiting.length === 0) this.#well();
        for (const part of partsOf(entries)) await this.#settle(part, within);
      } else {
        await pause(clock, Math.max(1, this.#waitingUntilMs - clock.nowMs()), within.signal);
      }
      if (this.#waiting.length > 0 && clock.nowMs() >= this.#waitingUntilMs) await this.#settleWaiting(within);
    }
  }

  /** What nobody can decide now is put aside, while there is room for it: what comes behind it may be decided. */
  #mayHoldMore(): boolean {
    const { waitingCountMax, waitingBytesMax } = this.#options.bounds();
    const sizeBytes = this.#waiting.reduce((sum, { fields }) => sum + sizeBytesOf(fields), 0);
    return this.#waiting.length < waitingCountMax && sizeBytes < waitingBytesMax;
  }

  async #settleWaiting(within: Within): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const part of partsOf(waiting)) await this.#settle(part, within);
    if (this.#waiting.length === 0) this.#well();
    else this.#waitingUntilMs = this.#options.clock.nowMs() + this.#nextPauseMs();
  }

  #putAside(entries: readonly StreamEntry[]): void {
    if (entries.length === 0) return;
    this.#waiting = [...this.#waiting, ...entries];
    this.#options.onTrouble(this.#undecided);
  }

  /** Comes back when each of the entries is acknowledged, or put aside, or nobody waits for that any more. */
  async #settle(entries: readonly StreamEntry[], within: Within): Promise<void> {
    const { clock, meters } = this.#options;
    const beganMs = clock.nowMs();
    const lasting = new Set<string>();
    while (!within.signal.aborted) {
      const settled = await this.#try(entries, lasting, withinMs(within, PAGE_TRY_MS_MAX, clock));
      if (settled.ok) {
        this.#putAside(entries.filter(({ id }) => !lasting.has(id)));
        if (this.#waiting.length === 0) this.#well();
        if (lasting.size === 0) return;
        meters.acknowledged.add(lasting.size);
        meters.pages.observe((clock.nowMs() - beganMs) / second);
        meters.lag.observe(Math.max(0, clock.wallMs() - addedMs(entries[0])) / second);
        return;
      }
      await this.#retry(troubleOf(settled.failure), within);
    }
  }

  /** `lasting`: what is a row, or a dead letter. It is not judged anew, because that could come to something else by now. */
  async #try(all: readonly StreamEntry[], lasting: Set<string>, within: Within): Promise<Result<void, Failure>> {
    const { asked, writer, record, deadLetters, group, moment, meters } = this.#options;
    const now = moment();
    const entries = all.filter(({ id }) => !lasting.has(id));
    const judged = await judge(entries, asked, now, within);
    if (!judged.ok) return judged;
    const verdicts = judged.value;
    const kept = await writer.write(
      verdicts.flatMap((verdict) => (verdict.kind === "row" ? [verdict.row] : [])),
      within,
    );
    if (!kept.ok) return kept;

    const letters = lettersOf(entries, verdicts, kept.value, now.nowMs);
    const deadIds = new Set(letters.map(({ id }) => id));
    for (const [at, { id }] of entries.entries()) {
      const verdict = verdicts[at];
      if (verdict?.kind === "undecided") this.#undecided = verdict.cause;
      else if (!deadIds.has(id)) lasting.add(id);
      if (verdict?.kind === "notice") meters.notices.add(1, { type: verdict.type });
    }
    const added = await deadLetters.add(letters, within, (part) => {
      for (const { id } of part) lasting.add(id);
    });
    if (!added.ok) return added;
    // What is acknowledged because the disk has it is known elsewhere first, so that it is missed there.
    const known = await record.keep(within);
    if (!known.ok) return known;
    return await group.ack([...lasting], within);
  }

  async #retry(trouble: string, within: Within): Promise<void> {
    if (within.signal.aborted) return;
    this.#options.onTrouble(trouble);
    await pause(this.#options.clock, this.#nextPauseMs(), within.signal);
  }

  #nextPauseMs(): number {
    const ceilingMs = doubled(READER_RETRY_MS_MIN, this.#failedCount, READER_RETRY_MS_MAX);
    this.#failedCount += 1;
    return this.#options.random.below(ceilingMs + 1);
  }

  #well(): void {
    this.#options.onTrouble(undefined);
    this.#failedCount = 0;
  }
}

function lettersOf(
  entries: readonly StreamEntry[],
  verdicts: readonly Verdict[],
  kept: readonly Kept[],
  nowMs: number,
): readonly DeadLetter[] {
  let rowCount = 0;
  return entries.flatMap((entry, at) => {
    const verdict = verdicts[at];
    assert(verdict !== undefined, "there is a verdict on every entry");
    if (verdict.kind === "notice" || verdict.kind === "undecided") return [];
    if (verdict.kind === "dead") return [letterOf(entry, verdict, nowMs)];
    const outcome = kept[rowCount];
    rowCount += 1;
    assert(outcome !== undefined, "there is an outcome for every row");
    const refused = refusalOf(outcome);
    const sender = { producerId: verdict.row.producerId, subjectId: undefined };
    return refused === undefined ? [] : [letterOf(entry, { ...refused, sender }, nowMs)];
  });
}

function letterOf(
  entry: StreamEntry,
  { reason, error, sender }: Pick<DeadLetter, "reason" | "error" | "sender">,
  nowMs: number,
): DeadLetter {
  const { id, fields, deliveryCount } = entry;
  const payload = fields.get("payload") ?? new Uint8Array(0);
  const token = fields.get("token") ?? new Uint8Array(0);
  // Who adds may say under which id: none is from the future.
  const times = { attempts: deliveryCount, firstMs: Math.min(addedMs(entry), nowMs), lastMs: nowMs };
  return { id, reason, error, sender, payload, token, ...times };
}

/** Those that came well together, then each of the others alone. */
function partsOf(entries: readonly StreamEntry[]): readonly (readonly StreamEntry[])[] {
  const together = entries.filter(({ deliveryCount }) => deliveryCount <= DELIVERIES_TOGETHER_MAX);
  const alone = entries.filter(({ deliveryCount }) => deliveryCount > DELIVERIES_TOGETHER_MAX).map((entry) => [entry]);
  return together.length === 0 ? alone : [together, ...alone];
}

/** Milliseconds since 1970, by the clock of Redis. */
function addedMs(entry: StreamEntry | undefined): number {
  return Number(entry?.id.split("-")[0] ?? 0);
}

function sizeBytesOf(fields: StreamEntry["fields"]): number {
  return [...fields.values()].reduce((sum, { length }) => sum + length, 0);
}

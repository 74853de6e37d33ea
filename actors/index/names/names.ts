/**
 * The names of this node, kept in a journal of their own: nothing else could tell them again.
 *
 * Invariants:
 * - a record that was acknowledged survives any crash, and is what everybody sees from then on;
 * - what is done to one name follows one after another, reading it among that: whoever reads sees how the set before it
 *   has ended;
 * - nothing is answered from a state that is in doubt: a journal that has closed itself, because a sync failed, is opened
 *   again first, which writes again what was in doubt.
 */
import { fullName, type Name, type PublicKey } from "#actors/domain/name.ts";
import type { NameRecord } from "#actors/domain/name-record.ts";
import { encodeNameEntry, type NameEntry } from "#actors/index/names/name-entry.ts";
import { NAME_HISTORY_MAX, NAME_RECORDS_MAX, NameTable } from "#actors/index/names/name-table.ts";
import type {
  Evidence,
  NameConflict,
  NameFrozen,
  NameState,
  NamesFull,
  NamesUnavailable,
  NameTotals,
  NameUnknown,
  NameVerdict,
} from "#actors/index/protocol.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { type Failure, fail, ok, type Result, unreachable } from "#runtime/errors.ts";
import { HeldJournal } from "#runtime/journal/held-journal.ts";
import type { Journal } from "#runtime/journal/journal.ts";
import type { Random } from "#runtime/random.ts";
import { Turns } from "#runtime/turns.ts";
import { MiB } from "#runtime/units.ts";

/** Names of all keys. One more is refused; none has to go for it. */
export const NAMES_MAX = 16_384;

/** The journal is rewritten when it has grown by so much, and by what its names take. */
export const NAMES_COMPACT_BYTES_MIN: number = 8 * MiB;

export interface NamesLimits {
  readonly namesMax: number;
  readonly historyMax: number;
  readonly recordsMax: number;
}

export interface NamesDeps {
  readonly disk: Disk;
  readonly random: Random;
  /** Of the journal. */
  readonly directory: string;
  /** Smaller ones, for tests. */
  readonly limits?: NamesLimits;
  readonly compactBytesMin?: number;
  /** Somebody signed two records with one `seq`. */
  readonly onEquivocation: (name: Name) => void;
  /** The journal cannot be read, or has closed itself, for this reason; undefined: it is open again. */
  readonly onTrouble: (cause: string | undefined) => void;
}

const LIMITS: NamesLimits = { namesMax: NAMES_MAX, historyMax: NAME_HISTORY_MAX, recordsMax: NAME_RECORDS_MAX };

type JudgeFailure = NameConflict | NameFrozen | NamesUnavailable;
type SetFailure = JudgeFailure | NamesFull;

export class Names {
  readonly #deps: NamesDeps;
  readonly #limits: NamesLimits;
  readonly #turns = new Turns<string>();
  readonly #journal: HeldJournal<NameTable>;
  #trouble: string | undefined;
  /** Names whose first record is being written. */
  #newCount = 0;

  constructor(deps: NamesDeps) {
    const { directory, disk, random, compactBytesMin = NAMES_COMPACT_BYTES_MIN, limits = LIMITS } = deps;
    this.#deps = deps;
    this.#limits = limits;
    this.#journal = new HeldJournal({
      disk,
      random,
      directory,
      compactBytesMin,
      makeState: () => new NameTable(limits),
      onOpened: (opened) => {
        this.#note(opened.ok ? undefined : unavailable(opened.failure, "no").cause);
      },
    });
  }

  get #table(): NameTable {
    return this.#journal.state;
  }

  /** Undefined while nothing could be read. */
  get totals(): NameTotals | undefined {
    if (!this.#journal.wasOpened) return undefined;
    const { nameCount, recordCount, frozenCount } = this.#table;
    return { nameCount, recordCount, frozenCount };
  }

  /** The signature was verified by whoever took the record in. */
  async set(record: NameRecord): Promise<Result<void, SetFailure>> {
    return await this.#turns.inTurn(fullName(record), async () => {
      const opened = await this.open();
      if (!opened.ok) return opened;
      const judged = await this.#judgeNow(record, opened.value);
      if (!judged.ok) return judged;
      return judged.value === "next" ? await this.#append(record, opened.value) : ok();
    });
  }

  /** The same, but that a record which follows is not taken yet. One that contradicts freezes the name. */
  async judge(record: NameRecord): Promise<Result<NameVerdict, SetFailure>> {
    return await this.#turns.inTurn(fullName(record), async () => {
      const opened = await this.open();
      if (!opened.ok) return opened;
      const judged = await this.#judgeNow(record, opened.value);
      if (!judged.ok || judged.value !== "next") return judged;
      const room = this.#roomFor(record);
      return room.ok ? judged : room;
    });
  }

  async read(name: Name): Promise<Result<NameState, NameUnknown | NamesUnavailable>> {
    return await this.#turns.inTurn(fullName(name), async () => {
      const opened = await this.open();
      if (!opened.ok) return opened;
      const state = this.#table.get(name);
      return state === undefined ? fail({ code: "index.name-unknown" }) : ok(state);
    });
  }

  async list(
    publicKey: PublicKey,
    after: string,
    limit: number,
  ): Promise<Result<readonly NameState[], NamesUnavailable>> {
    const opened = await this.open();
    return opened.ok ? ok(this.#table.listOf(publicKey, after, limit)) : opened;
  }

  /** Whether opening it again is of no use. */
  get isDamaged(): boolean {
    return this.#journal.damage !== undefined;
  }

  /** The journal that is open, or opened afresh where it has closed itself. */
  async open(): Promise<Result<Journal, NamesUnavailable>> {
    const opened = await this.#journal.open();
    return opened.ok ? opened : fail(unavailable(opened.failure, "no"));
  }

  /** Nothing is written any more when it settles. */
  async close(): Promise<void> {
    await this.#journal.close();
  }

  async #judgeNow(record: NameRecord, journal: Journal): Promise<Result<NameVerdict, JudgeFailure>> {
    const verdict = this.#table.judge(record);
    switch (verdict.kind) {
      case "next":
      case "known":
        return ok(verdict.kind);
      case "not-next":
        return fail({ code: "index.name-conflict", current: verdict.current });
      case "frozen":
        return fail({ code: "index.name-frozen", evidence: verdict.evidence });
      case "equivocation":
        return await this.#freeze(verdict.evidence, journal);
      default:
        return unreachable(verdict);
    }
  }

  #roomFor({ seq }: NameRecord): Result<void, NamesFull> {
    const { namesMax } = this.#limits;
    const isFull = seq === 1 && this.#table.nameCount + this.#newCount >= namesMax;
    return isFull ? fail({ code: "index.names-full", namesMax }) : ok();
  }

  async #append(record: NameRecord, journal: Journal): Promise<Result<void, SetFailure>> {
    const room = this.#roomFor(record);
    if (!room.ok) return room;
    const isNew = record.seq === 1;
    if (isNew) this.#newCount += 1;
    const appended = await this.#write(journal, { kind: "record", record });
    if (isNew) this.#newCount -= 1;
    return appended;
  }

  async #freeze(evidence: Evidence, journal: Journal): Promise<Result<never, JudgeFailure>> {
    const written = await this.#write(journal, { kind: "evidence", evidence });
    if (!written.ok) return written;
    this.#deps.onEquivocation(evidence[0]);
    return fail({ code: "index.name-frozen", evidence });
  }

  async #write(journal: Journal, entry: NameEntry): Promise<Result<void, NamesUnavailable>> {
    const appended = await journal.append(encodeNameEntry(entry));
    if (appended.ok) return appended;
    const { failure } = appended;
    const isInDoubt = failure.code === "journal.closed";
    const why = isInDoubt && failure.cause !== undefined ? failure.cause : failure;
    const refusal = unavailable(why, isInDoubt ? "maybe" : "no");
    // A full disk, or too much at once, is the matter of this record alone: the journal goes on.
    if (isInDoubt) this.#note(refusal.cause);
    return fail(refusal);
  }

  #note(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#deps.onTrouble(trouble);
  }
}

/** The system's own name of an error comes with it. */
function unavailable(failure: Failure & { readonly errno?: string }, executed: "no" | "maybe"): NamesUnavailable {
  const cause = failure.errno === undefined ? failure.code : `${failure.code} ${failure.errno}`;
  return { code: "index.names-unavailable", cause, executed };
}

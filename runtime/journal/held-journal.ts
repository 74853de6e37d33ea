/**
 * A journal in the hands of one owner, with the state that its records make: opened when it is first needed, and again
 * after a failure that closed it.
 *
 * Invariants:
 * - those who need it together open it once;
 * - nobody sees the state of a journal that is being read: the new one takes the place of the old when all of it is there;
 * - damage does not mend by itself: it is not looked for again in this life;
 * - once it was closed by its owner nothing is opened any more: the files are another life's then.
 */
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { AppendFailure, Journal, JournalClosed, JournalOptions } from "#runtime/journal/journal.ts";
import { openJournal } from "#runtime/journal/open-journal.ts";
import type { JournalDamaged } from "#runtime/journal/replay.ts";

/** What the records make, as `JournalOptions` has it. */
export type JournalState = Pick<JournalOptions, "apply" | "snapshot">;

/** `journal.closed`: its owner has closed it before it was ever open. Otherwise the next who needs it tries again. */
export type OpenFailure = JournalDamaged | DiskFailure | JournalClosed;

export interface HeldJournalOptions<State extends JournalState> extends Omit<JournalOptions, keyof JournalState> {
  /** Of no record. */
  readonly makeState: () => State;
  /** Called for every time that it was tried to open it; whoever needs the journal waits for it. */
  readonly onOpened?: (opened: Result<State, JournalDamaged | DiskFailure>) => void | Promise<void>;
}

export class HeldJournal<State extends JournalState> {
  readonly #options: HeldJournalOptions<State>;
  #state: State;
  #journal: Journal | undefined;
  #opening: Promise<Result<Journal, OpenFailure>> | undefined;
  #damage: JournalDamaged | undefined;
  #isClosed = false;

  constructor(options: HeldJournalOptions<State>) {
    this.#options = options;
    this.#state = options.makeState();
  }

  /**
   * As it was read last, with what was appended since. While it could never be read that of no record, or of those before
   * the damage.
   */
  get state(): State {
    return this.#state;
  }

  /** Whether it could ever be read in this life. */
  get wasOpened(): boolean {
    return this.#journal !== undefined;
  }

  /** Why opening it again is of no use, if it is. */
  get damage(): JournalDamaged | undefined {
    return this.#damage;
  }

  /** The journal that is open, or opened afresh where it has closed itself. */
  async open(): Promise<Result<Journal, OpenFailure>> {
    const journal = this.#journal;
    if (journal !== undefined && (this.#isClosed || journal.closed?.cause === undefined)) return ok(journal);
    if (this.#isClosed) return fail({ code: "journal.closed" });
    if (this.#damage !== undefined) return fail(this.#damage);
    this.#opening ??= this.#openNow().finally(() => {
      this.#opening = undefined;
    });
    return await this.#opening;
  }

  /** As `append` of the journal that is open then. */
  async append(record: Uint8Array): Promise<Result<void, AppendFailure | OpenFailure>> {
    const opened = await this.open();
    return opened.ok ? await opened.value.append(record) : opened;
  }

  /** Nothing is written any more when it settles. What was read can still be asked for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening;
    await this.#journal?.close();
  }

  async #openNow(): Promise<Result<Journal, OpenFailure>> {
    await this.#journal?.close();
    const { makeState, onOpened, ...options } = this.#options;
    const state = makeState();
    const opened = await openJournal({
      ...options,
      apply: (record) => state.apply(record),
      snapshot: () => state.snapshot(),
    });
    // In one turn with what `onOpened` does at once: what the owner knows of the state is never of another one.
    if (!opened.ok && opened.failure.code === "journal.damaged") this.#damage = opened.failure;
    if (opened.ok || (this.#damage !== undefined && !this.wasOpened)) this.#state = state;
    await onOpened?.(opened.ok ? ok(state) : opened);
    if (opened.ok) this.#journal = opened.value;
    return opened;
  }
}

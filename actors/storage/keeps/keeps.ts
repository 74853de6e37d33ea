/**
 * What is kept, held and removed: the one thing that packs cannot tell, so it lives in a journal of its own.
 *
 * Invariants:
 * - a change that was answered survives any crash, and is what everybody sees from then on;
 * - changes of one object follow one another: each sees what the one before it has left;
 * - a journal that has closed itself, because a sync failed, is opened again by the next change, which writes again what
 *   was in doubt.
 */
import { journalDamaged, type StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import type { Commit } from "#actors/storage/catalog/catalog-records.ts";
import type { Fate, Keep, KeptCommit } from "#actors/storage/keeps/keep.ts";
import { fateOf, isHeldByPut, isVoid, NO_KEEP } from "#actors/storage/keeps/keep.ts";
import { encodeKeep, type KeepName, keepNameOf } from "#actors/storage/keeps/keep-codec.ts";
import { keepRefused } from "#actors/storage/keeps/keep-refused.ts";
import { KeepTable, type KeepTotals } from "#actors/storage/keeps/keep-table.ts";
import type { KeepsFull, StorageFull, WriteFailed } from "#actors/storage/protocol.ts";
import type { Relief } from "#actors/storage/reserve-file.ts";
import type { Space } from "#actors/storage/space.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { type Failure, fail, must, ok, type Result } from "#runtime/errors.ts";
import { HeldJournal, type OpenFailure } from "#runtime/journal/held-journal.ts";
import type { AppendFailure } from "#runtime/journal/journal.ts";
import type { Random } from "#runtime/random.ts";
import { Turns } from "#runtime/turns.ts";

/** Objects that something is known of: pinned, let go, removed. Each takes about 300 bytes of memory. */
export const KEEPS_MAX = 1_048_576;

/** The change was not made. */
export type KeepFailure = KeepsFull | StorageFull | WriteFailed | StorageJournalDamaged;

export interface KeepsDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly space: Space;
  /** Of the disk that has the journal. */
  readonly relief: Relief;
  /** Of the journal. */
  readonly directory: string;
  /** Its journal turned out to be damaged. */
  readonly onDamaged: (damage: StorageJournalDamaged) => void;
}

export class Keeps {
  readonly #deps: KeepsDeps;
  readonly #turns = new Turns<KeepName>();
  readonly #journal: HeldJournal<KeepTable>;
  /** A change of them failed, and may be found done when the journal is read again. */
  readonly #inDoubt = new Set<KeepName>();

  private constructor(deps: KeepsDeps) {
    const { directory, disk, onDamaged, random } = deps;
    this.#deps = deps;
    this.#journal = new HeldJournal({
      disk,
      random,
      directory,
      makeState: () => new KeepTable(),
      onOpened: (opened) => {
        if (opened.ok) this.#inDoubt.clear();
        else if (opened.failure.code === "journal.damaged") onDamaged(journalDamaged("keeps", opened.failure));
      },
    });
  }

  /**
   * Throws where the disk does not let the journal be read: it may the next time. Of one that is damaged `damage` tells. It is
   * made with the first change: most nodes never need one. Its directory is made at once: with that, the inode of the reserve
   * file is enough for a first removal on a disk that has none left.
   */
  static async open(deps: KeepsDeps): Promise<Keeps> {
    const keeps = new Keeps(deps);
    const listed = await deps.disk.list(deps.directory);
    if (!listed.ok && listed.failure.code === "disk.not-found") {
      await deps.disk.makeDirectory(deps.directory);
      return keeps;
    }
    if (listed.ok && listed.value.length === 0) return keeps;
    const opened = listed.ok ? await deps.relief.relieve(() => keeps.#journal.open()) : listed;
    if (keeps.damage === undefined) must(opened, "the journal of what is kept can be read");
    return keeps;
  }

  get #table(): KeepTable {
    return this.#journal.state;
  }

  /**
   * Set where the journal could never be read to its end. Then what is known is what stands before the damage, and what
   * became of that since is not: nothing is removed for it, and nothing kept.
   */
  get damage(): StorageJournalDamaged | undefined {
    const { damage, wasOpened } = this.#journal;
    return damage === undefined || wasOpened ? undefined : journalDamaged("keeps", damage);
  }

  get count(): number {
    return this.#table.count;
  }

  get totals(): KeepTotals {
    return this.#table.totals;
  }

  /** No commit may get a sequence up to this one: it would be taken for one that was removed. */
  get highestSequence(): number {
    return this.#table.highestSequence;
  }

  get(name: KeepName): Keep | undefined {
    return this.#table.get(name);
  }

  /** What is known of it may turn out not to be so: nothing that is new may rely on it. */
  isInDoubt(name: KeepName): boolean {
    return this.#inDoubt.has(name);
  }

  fateOf(name: KeepName, commit: KeptCommit): Fate {
    return fateOf(commit, this.#table.get(name), this.#deps.clock.wallMs());
  }

  /** Whether who put the object without an end holds it still, as far as is known. */
  isHeldByPut(commit: Commit): boolean {
    return isHeldByPut(commit, this.#table.get(keepNameOf(commit)));
  }

  entries(): IterableIterator<[KeepName, Keep]> {
    return this.#table.entries();
  }

  /**
   * Durable when answered. `change` gets what is known when its turn has come, and answers with what shall be, with the
   * same where nothing is to change, or with a failure.
   */
  async change<Refused extends Failure>(
    name: KeepName,
    change: (keep: Keep) => Result<Keep, Refused>,
  ): Promise<Result<void, KeepFailure | Refused>> {
    return await this.#turns.inTurn(name, async () => {
      const known = this.#table.get(name) ?? NO_KEEP;
      const changed = change(known);
      if (!changed.ok) return changed;
      if (changed.value === known) return ok();
      const keep = isVoid(changed.value, this.#deps.clock.wallMs()) ? undefined : changed.value;
      const isNew = this.#table.get(name) === undefined;
      if (keep === undefined && isNew) return ok();
      if (isNew && this.#table.count >= KEEPS_MAX) {
        return fail({ code: "storage.keeps-full", keepsMax: KEEPS_MAX });
      }
      const { relief, space } = this.#deps;
      const append = (): Promise<Result<void, AppendFailure | OpenFailure>> => this.#append(name, keep);
      // What only holds an object makes no room: it waits for some, as puts do.
      const isHold = keep !== undefined && keep.pinnedUntilMs > known.pinnedUntilMs;
      const appended = isHold ? await append() : await relief.relieve(append);
      return appended.ok ? appended : fail(await keepRefused(appended.failure, space));
    });
  }

  async #append(name: KeepName, keep: Keep | undefined): Promise<Result<void, AppendFailure | OpenFailure>> {
    const appended = await this.#journal.append(encodeKeep({ name, keep }));
    if (!appended.ok && appended.failure.code === "journal.closed") this.#inDoubt.add(name);
    return appended;
  }

  /** Nothing is written any more when it settles. */
  async close(): Promise<void> {
    await this.#journal.close();
  }
}

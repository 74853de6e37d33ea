/**
 * What a start finds in the packs beyond the catalog's checkpoints, and makes of it.
 *
 * Sealed packs say what they hold; the others are scanned from their checkpoints. A record is committed exactly if a
 * committed manifest refers to it. Each pack is cut after its last committed record and synced **before** anything found
 * is entered in the catalog: what is visible after a crash of the process may not be on the disk yet.
 *
 * A catalog that is missing, or contradicts the packs, is rebuilt the same way: without checkpoints.
 *
 * Nothing is cut for what could not be read, because the next start may read it. Where the system refuses, for want of
 * descriptors or memory, this start fails; of a volume it is that volume that has failed, and recovery has to begin anew
 * without it. What has happened by then is what a crash at that moment leaves behind.
 *
 * Where the disk refuses a place, that may be for ever, and the node goes on without: the pack is *set aside*, and so is
 * every other one with a commit that does not count, because what that refers to may lie in that place. One that is set aside
 * is left as it is: not cut, not written on, not sealed, its checkpoint not moved. What counts in it is entered and served.
 * Every start looks at it again, and as long as there is one, and at the first start without, nothing that holds is cut: a
 * commit that needs it may have been entered meanwhile. So it is where a pack may be away: one that the catalog misses, or any where
 * the catalog is made anew; and at the start with which such a pack is back. A commit that wants what is nowhere has its pack set
 * aside then, for one life.
 */

import { type Commit, ERA_BYTES, hasLost, isGone, type PackState } from "#actors/storage/catalog/catalog-records.ts";
import { OVERLAY_WAITING_MAX } from "#actors/storage/catalog/kv-overlay.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";
import { isBadPlace, type PackFile, type PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { HOME_SLOT, lastSkippedBehind, slotOf } from "#actors/storage/packs/pack-number.ts";
import { PACK_RECORDS_MAX } from "#actors/storage/packs/pack-pool.ts";
import { type OnUnreadable, readFront, readWhole, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import { RecordCheck } from "#actors/storage/packs/record-check.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { adoptSeal } from "#actors/storage/recovery/adopt-seal.ts";
import { FoundCommits } from "#actors/storage/recovery/found-commits.ts";
import type { LastingCommitDeps } from "#actors/storage/recovery/lasting-commit.ts";
import { settleLost } from "#actors/storage/recovery/lost-packs.ts";
import { PackTail, type PackTailOptions } from "#actors/storage/recovery/pack-tail.ts";
import type { SequenceMark } from "#actors/storage/recovery/sequence-mark.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { assert, fail, must, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Random } from "#runtime/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";

/** Most numbers that are left out by a start, beside those that are known of: some 2^22 starts are possible. */
export const SEQUENCE_GAP_MAX: number = 2 ** 32;

export interface RecoveryDeps extends LastingCommitDeps {
  readonly keeps: LastingCommitDeps["keeps"] & Pick<Keeps, "highestSequence">;
  readonly files: PackFiles;
  readonly cpu: Pick<Cpu, "digest" | "hasher" | "run">;
  readonly pause: Pause;
  readonly random: Pick<Random, "below" | "bytes">;
  readonly log: Log;
  /** The packs of these are looked at, and nothing is said of others. */
  readonly slots: readonly number[];
  /** Every record that holds is kept: a commit that refers to it may be on a volume that is not there. */
  readonly keepsUnclaimed: boolean;
  /** A volume is not there: it may hold commits with numbers that nobody remembers. */
  readonly isLacking: boolean;
  readonly mark: Pick<SequenceMark, "lastBehind">;
  /** Called as packs are done; `totalBytes` is the size of all packs. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  /** True when the incarnation is over, and from then on: recovery stops where it is. */
  readonly isOver: () => boolean;
}

/** A volume on which something has failed that is no bad place: it does not answer, or refuses a write. */
export interface FailedVolume {
  readonly slot: number;
  /** Which was to be read or written. */
  readonly pack: number | undefined;
  readonly failure: DiskFailure;
}

export interface RecoveryReport {
  /** Then the rest is of no use: nothing of the others is recovered either. */
  readonly failed: FailedVolume | undefined;
  /** Packs that are not sealed, nor cut by somebody: to be written further, or to be sealed where they are full. */
  readonly unsealed: readonly number[];
  /** Uncommitted bytes that were taken away. */
  readonly cutBytes: number;
  /** Bytes between records that are no record: damage. */
  readonly skippedBytes: number;
  /** Commits that the catalog did not know, but for those of the packs below. */
  readonly recoveredCommitCount: number;
  /** Packs that are left as they are, because something could not be read. */
  readonly setAside: readonly number[];
  /** Of those, where something could not be read. */
  readonly unread: readonly number[];
  /** Of those, whose commits need what is not there, and may be away. */
  readonly wanting: readonly number[];
  /** No sequence up to this one may be given out: there may be a commit that could not be read. */
  readonly lastSequence: number;
}

export class Recovery {
  readonly #deps: RecoveryDeps;
  readonly #slots: readonly number[];
  readonly #check: RecordCheck;
  readonly #commits: FoundCommits;
  readonly #tails: PackTail[] = [];
  /** Packs with a place that the disk refuses, sealed ones too. */
  readonly #unreadable = new Set<number>();
  readonly #setAside = new Set<number>();
  readonly #wanting = new Set<number>();
  readonly #adopted: PackState[] = [];
  /** Lists may have gone up to it; past any number where they go on meanwhile. */
  readonly #passedSequence: number;
  /** The first one; from then on nothing is done any more. */
  #failed: FailedVolume | undefined;
  #skippedBytes = 0;
  #cutBytes = 0;

  constructor(deps: RecoveryDeps) {
    const { catalog, keeps, pause } = deps;
    this.#deps = deps;
    this.#slots = deps.slots;
    this.#passedSequence = this.#isOfOneVolume ? Number.POSITIVE_INFINITY : catalog.highestSequence;
    this.#check = new RecordCheck(deps);
    const onUnreadable = this.#onUnreadable;
    const check = this.#check;
    const isOver = this.#isOver;
    const onEntering = this.#onEntering;
    this.#commits = new FoundCommits({ catalog, check, keeps, onEntering, onUnreadable, isOver, pause });
  }

  /** To be called once. When the incarnation ends meanwhile, the report is of no use: the next one begins anew. */
  async run(): Promise<RecoveryReport> {
    const { files, catalog, random } = this.#deps;
    const listed = await this.#list();
    const isAnyBack = this.#isAnyBack(listed);
    this.#skipNumbers(listed);
    await this.#lookAtAll(listed);
    await this.#commits.decide();
    const mayLack = !catalog.complete || [...catalog.packs.values()].some(hasLost);
    const hasLacked = catalog.lacksRecords;
    const mayHaveLacked = this.#adopted.length > 0 || isAnyBack || hasLacked;
    if (this.#deps.keepsUnclaimed || mayLack || mayHaveLacked || this.#unreadable.size > 0) {
      await this.#commits.keepUnclaimed();
    }
    // Undecided is not uncommitted: nothing may be cut.
    if (this.#isOver()) return this.#report([]);

    await this.#loseVanished(listed);
    const states: PackState[] = [];
    for (const pack of this.#unreadable) this.#setAside.add(pack);
    for (const tail of this.#tails) {
      const { pack } = tail;
      // For one life: what is not back by the next one may never be.
      if (mayLack && !hasLacked && tail.hasWantingCommit) this.#wanting.add(pack);
      if (this.#wanting.has(pack) || (this.#unreadable.size > 0 && tail.hasRejectedCommit)) this.#setAside.add(pack);
      const cut = this.#setAside.has(pack) ? await tail.keep(files) : await tail.cut(files);
      if (!this.#succeeded(cut, { slot: slotOf(pack), pack }, "what recovery found is made durable")) break;
      if (cut.value === undefined) continue;
      states.push(cut.value.state);
      this.#cutBytes += cut.value.cutBytes;
    }
    for (const slot of this.#slots) {
      if (this.#isOver()) return this.#report([]);
      this.#succeeded(await files.syncNames(slot), { slot, pack: undefined }, "the names of the packs are durable");
    }
    if (this.#isOver()) return this.#report([]);
    await this.#commits.enter();
    if (this.#isOver()) return this.#report([]);
    if (this.#mayPassCursors) catalog.beginEra(random.bytes(ERA_BYTES));
    const lacksSome = this.#unreadable.size > 0 || this.#wanting.size > 0;
    catalog.setLacksRecords(lacksSome || this.#deps.isLacking || this.#isStillLacking);
    catalog.useSequences(this.#takeLastSequence(listed));
    // Not before: a pack that counts as sealed is not looked at again, and its commits may refer to others.
    for (const state of [...this.#adopted, ...states]) catalog.setPack(state);
    return this.#report([...catalog.packs.values()].filter(({ pack }) => this.#slots.includes(slotOf(pack))));
  }

  #report(packs: readonly PackState[]): RecoveryReport {
    return {
      failed: this.#failed,
      unsealed: packs
        .filter((state) => !state.sealed && !hasLost(state) && !this.#setAside.has(state.pack))
        .map(({ pack }) => pack),
      cutBytes: this.#cutBytes,
      skippedBytes: this.#skippedBytes,
      recoveredCommitCount: this.#commits.count,
      setAside: [...this.#setAside],
      unread: [...this.#unreadable],
      wanting: [...this.#wanting],
      lastSequence: this.#deps.catalog.highestSequence,
    };
  }

  /**
   * Whether there may be commits now, or later, with numbers that lists have passed: what was told is forgotten with a lost
   * catalog, and what cannot be read comes to light in its old place; by then a power cut may have taken it from the catalog
   * that it was missed.
   */
  get #mayPassCursors(): boolean {
    const { catalog } = this.#deps;
    return !catalog.complete || catalog.lacksRecords || this.#unreadable.size > 0;
  }

  /**
   * Of a pack that the catalog does not know, or of a volume that was away, lists may have passed what is found. What lies behind
   * the checkpoint of a pack that it knows they have told of, or not reached. Each begins its own: none may be passed in the era
   * of another, nor be in the catalog without it after a crash.
   */
  readonly #onEntering = ({ manifest, sequence, isTransient }: Commit, pack: number): void => {
    const { catalog, random } = this.#deps;
    if (sequence > this.#passedSequence) return;
    if (!this.#isOfOneVolume && unread(catalog.packs.get(pack)) !== undefined) return;
    const known = catalog.commitOf(manifest);
    const isTold = known !== undefined && known.sequence >= sequence && (isTransient || !known.isTransient);
    if (!isTold) catalog.beginEra(random.bytes(ERA_BYTES));
  };

  /** Which is back in the middle of a life. */
  get #isOfOneVolume(): boolean {
    return !this.#slots.includes(HOME_SLOT);
  }

  /** Of one volume alone this says nothing of what another lacks. */
  get #isStillLacking(): boolean {
    return this.#isOfOneVolume && this.#deps.catalog.lacksRecords;
  }

  /**
   * Two commits must not share a sequence. Of those that were given out before a crash the catalog's store may have missed as many as
   * may wait for it, and the pack or the volume that has them may be away, or not be named, so that nobody hears of them. In a place
   * that cannot be read there may be as many as a pack has. They may have been given out behind such a gap themselves: one of random
   * length is not met twice. What a removal speaks of was given out too, and may be the last that is heard of of many.
   */
  #takeLastSequence(listed: readonly PackFile[]): number {
    const { catalog, isLacking, keeps, mark, random } = this.#deps;
    const found = Math.max(catalog.highestSequence, this.#commits.lastSequence, keeps.highestSequence);
    const last = mark.lastBehind(found);
    const gap = this.#unreadable.size * PACK_RECORDS_MAX;
    const isFirst = !catalog.complete && listed.length === 0 && !isLacking && last === 0;
    const mayMiss = this.#isOfOneVolume ? gap > 0 || isLacking : !isFirst;
    return mayMiss ? last + gap + OVERLAY_WAITING_MAX + random.below(SEQUENCE_GAP_MAX) : last;
  }

  /** For what may be put back. Of a slot that the catalog knows it also knows which numbers were given out. */
  #skipNumbers(listed: readonly PackFile[]): void {
    const { catalog } = this.#deps;
    const unknown = new Set(this.#slots.filter((slot) => catalog.numbers.lastOf(slot) === 0));
    for (const { pack } of listed) if (unknown.has(slotOf(pack))) catalog.numbers.use(lastSkippedBehind(pack));
  }

  /** A pack that the catalog does not know has a number that it knows to have been given out. Asked before any is left out. */
  #isAnyBack(listed: readonly PackFile[]): boolean {
    const { catalog } = this.#deps;
    const unknown = listed.map(({ pack }) => pack).filter((pack) => !catalog.packs.has(pack));
    // Each answer goes through all packs that are known.
    const lastOf = new Map([...new Set(unknown.map(slotOf))].map((slot) => [slot, catalog.numbers.lastOf(slot)]));
    return unknown.some((pack) => pack <= (lastOf.get(slotOf(pack)) ?? 0));
  }

  /** It is over, or has to begin anew. */
  readonly #isOver = (): boolean => this.#deps.isOver() || this.#failed !== undefined;

  /** What is not recovered now stays as it is, whatever keeps it from being read. */
  readonly #onUnreadable: OnUnreadable = (failure, pack, position) => {
    const isPassedOver = isBadPlace(failure) || !this.#slots.includes(slotOf(pack));
    if (isPassedOver) this.#unreadable.add(pack);
    else this.#onFailure(failure, pack, position);
  };

  readonly #onFailure: OnUnreadable = (failure, pack) => {
    this.#succeeded(fail(failure), { slot: slotOf(pack), pack }, "a pack can be read");
  };

  /** What the data directory refuses ends this life. */
  #succeeded<Value>(
    outcome: Result<Value, DiskFailure>,
    where: Pick<FailedVolume, "slot" | "pack">,
    purpose: string,
  ): outcome is { readonly ok: true; readonly value: Value } {
    if (where.slot === HOME_SLOT) must(outcome, purpose);
    if (!outcome.ok) this.#failed ??= { ...where, failure: outcome.failure };
    return outcome.ok;
  }

  async #list(): Promise<readonly PackFile[]> {
    const packs: PackFile[] = [];
    for (const slot of this.#slots) {
      const listed = await this.#deps.files.list([slot]);
      if (!this.#succeeded(listed, { slot, pack: undefined }, "the packs can be listed")) return [];
      for (const file of listed.value) packs.push(file);
    }
    return packs;
  }

  /** What was there when the catalog was compared, and is not any more. */
  async #loseVanished(listed: readonly PackFile[]): Promise<void> {
    const there = new Set(listed.map(({ pack }) => pack));
    const vanished = [...this.#deps.catalog.packs.values()].filter(
      (state) => this.#slots.includes(slotOf(state.pack)) && !there.has(state.pack) && !isGone(state),
    );
    await settleLost(
      vanished.map((state) => ({ state, sizeBytes: undefined })),
      this.#deps,
    );
  }

  async #lookAtAll(listed: readonly PackFile[]): Promise<void> {
    const { onProgress } = this.#deps;
    const totalBytes = listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let doneBytes = 0;
    onProgress(0, totalBytes);
    for (const file of listed) {
      if (this.#isOver()) return;
      await this.#lookAt(file);
      doneBytes += file.sizeBytes;
      onProgress(doneBytes, totalBytes);
    }
  }

  async #lookAt({ pack, sizeBytes, isFile }: PackFile): Promise<void> {
    const { files, catalog } = this.#deps;
    const known = unread(catalog.packs.get(pack));
    if (!isFile) return void this.#unreadable.add(pack);
    if (known?.sealed) return;
    // One that may not be opened, or not now, would pass for one that holds nothing, and be cut.
    const opened = await files.disk.open(files.pathOf(pack), "read");
    if (!opened.ok && isBadPlace(opened.failure)) return void this.#unreadable.add(pack);
    if (!this.#succeeded(opened, { slot: slotOf(pack), pack }, "a pack can be opened")) return;
    await files.disk.close(opened.value);
    const onUnreadable = this.#onUnreadable;
    const front = await readFront(files, pack, onUnreadable);
    if (this.#isOver()) return;
    // It could not be read when the catalog was opened: the next start compares them again, and throws the catalog away.
    const isForeign = known !== undefined && front.mark !== undefined && Buffer.compare(known.mark, front.mark) !== 0;
    assert(!isForeign, "a pack is the one that the catalog knows");
    const mark = known?.mark ?? front.mark;
    if (mark === undefined) return await this.#passOver(pack, sizeBytes);
    // Where the catalog knows the pack there is little to read, and the sync of a seal that it does not know may have failed.
    if (known === undefined) {
      const onFailure = this.#onFailure;
      const onEntering = this.#onEntering;
      const deps = { ...this.#deps, check: this.#check, onEntering, onUnreadable, onFailure };
      const adopted = await adoptSeal(pack, mark, sizeBytes, deps);
      if (this.#isOver()) return;
      if (adopted !== undefined) return void this.#adopted.push(adopted);
    }
    await this.#scanTail({ pack, mark, sizeBytes, isFrontDamaged: front.isDamaged, known });
  }

  /**
   * Nobody knows its mark. With nothing in it, it was made just before a crash, and goes. With anything in it, it has lost
   * both its headers, or is no pack of ours: nothing in it can be told from what a client has stored, and it stays.
   */
  async #passOver(pack: number, sizeBytes: number): Promise<void> {
    const { files } = this.#deps;
    const isEmpty = sizeBytes <= PACK_FRONT_BYTES && (await this.#isBlank(pack, sizeBytes));
    if (!isEmpty) return void this.#unreadable.add(pack);
    await files.forget(pack);
    const removed = await files.disk.remove(files.pathOf(pack));
    this.#succeeded(removed, { slot: slotOf(pack), pack }, "a pack without a record can be removed");
  }

  async #isBlank(pack: number, sizeBytes: number): Promise<boolean> {
    const read = await readWhole(this.#deps.files, pack, sizeBytes, 0);
    if (!read.ok) this.#onUnreadable(read.failure, pack, 0);
    return read.ok && read.value?.every((byte) => byte === 0) === true;
  }

  async #scanTail(options: PackTailOptions): Promise<void> {
    const { files, catalog, pause } = this.#deps;
    const { pack, mark, sizeBytes } = options;
    const tail = new PackTail(options);
    this.#tails.push(tail);
    for await (const found of scanRecords(files, pack, mark, tail.checkpoint, sizeBytes, this.#onUnreadable)) {
      if (this.#isOver()) return;
      this.#skippedBytes += found.skippedBytes;
      const record = tail.add(found, catalog);
      if (record !== undefined) this.#commits.add(record);
      await pause.ifDue();
    }
  }
}

/**
 * Of one that was cut all that is left is looked through once: what the catalog has of it says nothing of its epochs. One that is back
 * is looked through as if it were not known.
 */
function unread(known: PackState | undefined): PackState | undefined {
  if (known?.isBack === true) return undefined;
  if (known?.isCut !== true || known.epoch > 0) return known;
  return { ...known, checkpoint: PACK_FRONT_BYTES, recordCount: 0 };
}

/**
 * The volumes of one incarnation of the store: what comes and goes, and what it takes for a volume to be written.
 *
 * A volume is written only after its packs were recovered in this life, the first time or since it has come back: behind
 * their checkpoints may be what nobody knows of. One that goes takes its lane with it, and nothing else.
 */

import type { VolumeFacts } from "#actors/domain/volumes-facts.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { PackFiles, PackVolumes } from "#actors/storage/packs/pack-files.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import type { Pause } from "#actors/storage/pause.ts";
import {
  type FailedVolume,
  Recovery,
  type RecoveryDeps,
  type RecoveryReport,
} from "#actors/storage/recovery/recovery.ts";
import { NO_MARK } from "#actors/storage/recovery/sequence-mark.ts";
import { describeUnread } from "#actors/storage/recovery/set-aside.ts";
import { type Lane, Lanes } from "#actors/storage/spread/lanes.ts";
import { compareRecords, dropRecords, forgetLost, liftRecords } from "#actors/storage/spread/volume-records.ts";
import type { KnownVolume } from "#actors/storage/volumes/volume-memory.ts";
import type { VolumeView } from "#actors/storage/volumes/volume-view.ts";
import { VOLUME_LOOK_INTERVAL_MS, Volumes, type VolumesDeps } from "#actors/storage/volumes/volumes.ts";
import type { Timer } from "#runtime/clock.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import type { Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

export interface VolumeSetDeps extends Omit<VolumesDeps, "onChange"> {
  readonly cpu: Cpu;
  /** How many volumes may be lost of what is written to so many; 0: none. */
  readonly parityOver: (volumeCount: number) => number;
  /** Which of them are not as they should be, where that is more than redundancy is for; told once, and with each change. */
  readonly onVolumeTrouble: (trouble: string | undefined) => void;
  /** Of what goes on beside the calls: it ends the incarnation. */
  readonly onDefect: (defect: unknown) => void;
}

/** What a returning volume is recovered with. */
export interface Attachment extends Pick<RecoveryDeps, "catalog" | "keeps"> {
  readonly files: PackFiles;
  readonly pause: Pause;
  readonly makeLane: (slot: number, report: RecoveryReport) => Lane;
  /** A volume has come or gone, or can be written again. */
  readonly onChange: () => void;
}

export class VolumeSet implements PackVolumes {
  readonly #deps: VolumeSetDeps;
  readonly lanes: Lanes;
  readonly volumes: Volumes;
  #attachment: Attachment | undefined;
  /** In this life, or about to be with the others when it begins; and not gone since. */
  readonly #recovered = new Set<number>();
  #generation = 0;
  /** The one that is recovered by itself now, or was last; undefined as soon as it goes, or fails. */
  #returning: number | undefined;
  /** They are back with less than was on them: what they hold is not known again before they are recovered. */
  readonly #dropped = new Set<number>();
  /** Packs of each that its last recovery could not read. */
  readonly #unread = new Map<number, readonly number[]>();
  readonly #retries = new Map<number, Timer>();
  /** One after the other. */
  #work: Promise<void> = Promise.resolve();
  #isSettling = false;

  private constructor(deps: VolumeSetDeps, volumes: Volumes) {
    this.#deps = deps;
    this.volumes = volumes;
    this.lanes = new Lanes(() => volumes.writable());
  }

  static async open(deps: VolumeSetDeps): Promise<VolumeSet> {
    let set: VolumeSet | undefined;
    // What changes before there is a set, the set finds changed.
    const onChange = (view: VolumeView): void => {
      if (set !== undefined) set.#changed(view);
    };
    const volumes = await Volumes.open({ ...deps, onChange });
    const opened = new VolumeSet(deps, volumes);
    set = opened;
    const tryOut = async (slot: number): Promise<void> => {
      // It may have gone by now.
      if ((await volumes.isUsable(slot)) && volumes.isReadable(slot)) opened.#setRecovered(slot, true);
    };
    await Promise.all(opened.#readable.map(tryOut));
    opened.#tell();
    return opened;
  }

  /** All that is done on volumes is done through it; what is beside them it passes on. */
  get disk(): Disk {
    return this.volumes.disk;
  }

  get slots(): readonly number[] {
    return [...this.#recovered].sort((one, other) => one - other);
  }

  /** Some are configured. Otherwise nothing is written to volumes, and those that are known are left out. */
  get isNamed(): boolean {
    return this.volumes.all.length > 0;
  }

  isRecovered(slot: number): boolean {
    return this.#recovered.has(slot);
  }

  get #readable(): readonly number[] {
    return this.volumes.all.flatMap(({ slot }) => (slot > 0 && this.volumes.isReadable(slot) ? [slot] : []));
  }

  /** One that holds less than is known of it is looked at anew, by itself. To be called before recovery. */
  async compare(files: PackFiles, catalog: Catalog, pause: Pause): Promise<void> {
    for (const slot of this.slots) {
      if (this.#deps.signal.aborted) return;
      const compared = await compareRecords(slot, { ...this.#deps, files, catalog, pause });
      if (!compared.ok) await this.leaveOut({ slot, pack: undefined, failure: compared.failure });
      else if (compared.value) this.#setRecovered(slot, false);
    }
  }

  /** Its disk has failed a recovery: nothing of it counts as recovered. */
  async leaveOut({ slot, pack, failure }: FailedVolume): Promise<void> {
    this.#setRecovered(slot, false);
    await this.volumes.unfit(slot, failure);
    this.#tell();
    const { directory, problem } = this.volumes.view(slot) ?? {};
    this.#deps.log.warn("volume not recovered", { directory, problem, pack });
  }

  /** Some were not recovered with the others, or are looked through anew, and may hold commits that are not known yet. */
  get isSettling(): boolean {
    return this.#isSettling || this.#dropped.size > 0;
  }

  /** One of those is there, and recovered now. */
  get isLookingAnew(): boolean {
    return this.#returning !== undefined && this.#dropped.has(this.#returning);
  }

  /** Settles when what is back by now was recovered, or cannot be. */
  get recovered(): Promise<void> {
    return this.#work;
  }

  get unread(): readonly number[] {
    return [...this.#unread.values()].flat();
  }

  directoryOf(slot: number): string | undefined {
    return this.volumes.directoryOf(slot);
  }

  /** Some volume is not there, and with it there may be commits that nobody knows of. */
  get isLacking(): boolean {
    return this.#lacksBeside();
  }

  /** Another one whenever a volume has come or gone, or is taken out of the catalog: what was seen before may not be all there is. */
  get generation(): number {
    return this.#generation;
  }

  /** Those that may be written; before all are recovered at a start, those that will be then. */
  get open(): readonly VolumeView[] {
    return this.#attachment === undefined ? this.volumes.writable() : this.lanes.open;
  }

  /** Somebody could not read from the pack. */
  suspect(pack: number, errno: string): void {
    const failure = { code: "disk.broken", path: `volume ${slotOf(pack)}`, errno } as const;
    this.volumes.troubled(slotOf(pack), failure).catch(this.#deps.onDefect);
  }

  facts(catalog: Catalog): readonly VolumeFacts[] {
    const bytes = new Map<number, number>();
    for (const { pack, checkpoint } of catalog.packs.values()) {
      bytes.set(slotOf(pack), (bytes.get(slotOf(pack)) ?? 0) + checkpoint);
    }
    const here = this.volumes.all.map(({ id, slot, directory, state, problem, ...space }) => ({
      id,
      directory,
      state,
      problem: problem ?? this.#problemWithPacks(slot),
      packBytes: bytes.get(slot) ?? 0,
      freeBytes: space.freeBytes,
      totalBytes: space.totalBytes,
      fileSystem: space.fileSystem,
    }));
    const leftOut = this.volumes.leftOut.map(({ id, slot, path }) => ({
      id,
      directory: path,
      state: "left-out" as const,
      problem: `it is not in storage.volumes: name its directory there, or give it up with cepa volumes --forget ${id}`,
      packBytes: bytes.get(slot) ?? 0,
      freeBytes: 0,
      totalBytes: 0,
      fileSystem: undefined,
    }));
    return [...here, ...leftOut];
  }

  /** One that is left out is none of this store any more, and nothing is known to be on it. The first half is durable when answered. */
  async forget(volume: KnownVolume): Promise<Result<void, DiskFailure>> {
    const forgotten = await this.volumes.forget(volume);
    if (forgotten.ok) this.#enqueue(() => this.#dropForgotten(new Set([volume.slot])));
    return forgotten;
  }

  /**
   * What was recovered and has not gone meanwhile is written from now on. What is there beside that has come back while the
   * others were recovered.
   */
  attach(attachment: Attachment, report: RecoveryReport): void {
    this.#attachment = attachment;
    for (const slot of this.slots) {
      this.#foundUnread(slot, report);
      this.lanes.add(slot, attachment.makeLane(slot, report));
    }
    const others = this.#readable.filter((slot) => !this.#recovered.has(slot));
    this.#isSettling = others.length > 0;
    for (const slot of others) this.#enqueue(() => this.#comeBack(slot));
    // What went while the others were recovered may have been read.
    for (const { slot } of this.volumes.all) if (slot > 0 && !this.volumes.isReadable(slot)) this.#leave(slot);
    this.#enqueue(() => {
      this.#isSettling = false;
    });
    // A life may have ended in the middle of it. What a recovery that failed has entered is of no pack that is known.
    const { catalog } = attachment;
    const known = new Set([...catalog.packs.keys()].map(slotOf));
    const forgotten = this.volumes.forgotten.map(({ slot }) => slot);
    const left = forgotten.filter((slot) => known.has(slot) || !catalog.slots.isRidOf(slot));
    if (left.length > 0) this.#enqueue(() => this.#dropForgotten(new Set(left)));
  }

  /** The locks are let go of last: whoever has one next is written over by nothing that was begun here. */
  async close(): Promise<void> {
    this.#attachment = undefined;
    await this.#work;
    for (const timer of this.#retries.values()) timer.cancel();
    for (const { slot } of this.volumes.all) await this.lanes.end(slot);
    await this.volumes.close();
  }

  #changed({ slot, state }: VolumeView): void {
    const isReadable = this.volumes.isReadable(slot);
    if (!isReadable) this.#setRecovered(slot, false);
    if (!isReadable && this.#returning === slot) this.#returning = undefined;
    this.#tell();
    // It finds what has come and gone before.
    if (this.#attachment === undefined) return;
    if (!isReadable) this.#leave(slot);
    // One that is failing is tried again after a while.
    else if (!this.#recovered.has(slot) && state !== "failing") this.#enqueue(() => this.#comeBack(slot));
    this.#attachment.onChange();
  }

  #setRecovered(slot: number, isRecovered: boolean): void {
    if (this.#recovered.has(slot) === isRecovered) return;
    this.#generation += 1;
    if (isRecovered) this.#recovered.add(slot);
    else this.#recovered.delete(slot);
  }

  #tell(): void {
    const all = this.volumes.all;
    const troubled = all
      .filter(({ state }) => state !== "present")
      .map(({ directory, state }) => `${directory} ${state}`);
    const sentence = `${troubled.length} of ${all.length} volumes: ${troubled.join(", ")}`;
    const { onVolumeTrouble, parityOver } = this.#deps;
    // What is written survives as much as ever: that is what the others are for.
    const parity = parityOver(this.volumes.writable().filter(({ slot }) => this.#recovered.has(slot)).length);
    const isCovered = parity > 0 && parity >= parityOver(all.length);
    onVolumeTrouble(troubled.length === 0 || isCovered ? undefined : sentence);
  }

  #enqueue(work: () => Promise<void> | void): void {
    this.#work = this.#work.then(work).catch(this.#deps.onDefect);
  }

  #leave(slot: number): void {
    // At once: another one may be recovered just now, and this one back before its turn.
    const ended = this.lanes.end(slot).catch(this.#deps.onDefect);
    this.#enqueue(async () => {
      await ended;
      await this.#attachment?.files.forgetVolume(slot);
    });
  }

  async #comeBack(slot: number): Promise<void> {
    const attachment = this.#attachment;
    if (attachment === undefined || this.#recovered.has(slot) || !this.volumes.isReadable(slot)) return;
    const { catalog, files, keeps, pause } = attachment;
    const { cpu, log, random, signal } = this.#deps;
    this.#returning = slot;
    await files.forgetVolume(slot);
    this.#retries.get(slot)?.cancel();
    const deps = { ...this.#deps, ...attachment };
    const compared = (await this.volumes.isUsable(slot)) ? await compareRecords(slot, deps) : undefined;
    if (compared?.ok !== true) {
      if (compared !== undefined) await this.leaveOut({ slot, pack: undefined, failure: compared.failure });
      return this.#tryLater(slot);
    }
    if (compared.value) {
      log.warn("volume holds less than was on it", { directory: this.volumes.view(slot)?.directory });
      this.#dropped.add(slot);
      const forgotten = await forgetLost(slot, attachment);
      if (!forgotten.ok || !(await this.#drop(new Set([slot]), attachment))) return this.#tryLater(slot);
    }
    const recovery = new Recovery({
      ...{ files, catalog, cpu, keeps, log, mark: NO_MARK, pause, random },
      slots: [slot],
      keepsUnclaimed: true,
      isLacking: this.#lacksBeside(slot),
      onProgress: () => undefined,
      isOver: () => signal.aborted,
    });
    const report = await recovery.run();
    if (signal.aborted || this.#attachment === undefined) return;
    if (report.failed !== undefined) {
      await this.leaveOut(report.failed);
      return this.#tryLater(slot);
    }
    if (this.#dropped.delete(slot)) catalog.slots.setHalfKnown(slot, false);
    await liftRecords(slot, deps);
    // Where it is there again another attempt is in line.
    if (this.#returning !== slot) return;
    this.#setRecovered(slot, true);
    this.#foundUnread(slot, report);
    this.#tell();
    this.lanes.add(slot, attachment.makeLane(slot, report));
    log.info("volume recovered", { slot, commits: report.recoveredCommitCount, unread: report.unread });
    attachment.onChange();
  }

  /** It goes on without being written: one bad disk is no reason to end the life of all of them. */
  #tryLater(slot: number): void {
    this.#returning = undefined;
    const again = (): void => this.#enqueue(() => this.#comeBack(slot));
    this.#retries.set(slot, this.#deps.clock.after(VOLUME_LOOK_INTERVAL_MS, again));
  }

  #lacksBeside(returning?: number): boolean {
    if (this.volumes.leftOut.length > 0) return true;
    return this.volumes.all.some(({ slot }) => slot !== returning && !this.#recovered.has(slot));
  }

  #foundUnread(slot: number, { unread }: RecoveryReport): void {
    this.#unread.set(
      slot,
      unread.filter((pack) => slotOf(pack) === slot),
    );
  }

  #problemWithPacks(slot: number): string | undefined {
    const files = this.#attachment?.files;
    return files && describeUnread(this.#unread.get(slot) ?? [], files);
  }

  /** Also what a recovery that its disk failed has entered: of that no pack is known. */
  async #dropForgotten(slots: ReadonlySet<number>): Promise<void> {
    const attachment = this.#attachment;
    if (attachment === undefined || !(await this.#drop(slots, attachment))) return;
    for (const slot of slots) {
      attachment.catalog.slots.setHalfKnown(slot, false);
      attachment.catalog.slots.setRidOf(slot);
    }
    attachment.onChange();
  }

  /** Nothing is known to be on them any more where it answers true; the others go on. */
  async #drop(slots: ReadonlySet<number>, attachment: Attachment): Promise<boolean> {
    this.#generation += 1;
    const isOver = (): boolean => this.#deps.signal.aborted;
    return await dropRecords(slots, { ...this.#deps, ...attachment, isOver });
  }
}

/**
 * The volumes of a node: which are there, which may be written, and what is wrong with the others (`specs/formats/volume.md`).
 *
 * - Nothing is written to a directory that may be the mount point of a missing disk: what a volume is, is remembered by its path
 *   and by its id, and only a path that was never seen before becomes a new volume.
 * - Nothing is written to what is foreign.
 * - It is looked at every `VOLUME_LOOK_INTERVAL_MS`, and when somebody could not read or write; one look at a volume at a time.
 * - A change of state is told once, when it is decided, and never after `close`.
 * - A disk that hangs keeps nobody waiting for longer than `VOLUME_STALL_MS`, and the lock of its volume is held until all that
 *   was begun there is over: whoever has it next is not written over by what is late.
 *
 * Packs are in `packs` of a volume, which is made with it: nobody else makes that, for the disk may be gone by then.
 */
import { normalVolumePath } from "#actors/storage/volume-config.ts";
import { KnownVolumes } from "#actors/storage/volumes/known-volumes.ts";
import { causeOf, lookAt, type Sighting } from "#actors/storage/volumes/sighting.ts";
import { STALLED, TimedDisk } from "#actors/storage/volumes/timed-disk.ts";
import { encodeMark, MARK_NAME, type VolumeMark } from "#actors/storage/volumes/volume-mark.ts";
import type { ForgottenVolume, KnownVolume } from "#actors/storage/volumes/volume-memory.ts";
import { FRESH_DISK, VolumePlace } from "#actors/storage/volumes/volume-place.ts";
import { probe } from "#actors/storage/volumes/volume-probe.ts";
import type { VolumeState, VolumeView } from "#actors/storage/volumes/volume-view.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import type { Result } from "#runtime/errors.ts";
import type { Locks } from "#runtime/lock/lock.ts";
import type { Random } from "#runtime/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { second } from "#runtime/units.ts";

/** How often it is looked whether a disk has come or gone, or is full. */
export const VOLUME_LOOK_INTERVAL_MS: number = 5 * second;

export interface VolumesDeps {
  readonly disk: Disk;
  /** Of a volume, for as long as it is read and written. */
  readonly locks: Pick<Locks, "acquire">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** As `checkVolumeConfig` has accepted them. */
  readonly directories: readonly string[];
  readonly dataDirectory: string;
  /** Free space that writes leave alone, on each volume. */
  readonly reserveBytes: () => number;
  /** `was` is the state before. Not called for what `open` finds. */
  readonly onChange: (volume: VolumeView, was: VolumeState) => void;
  /** No look begins after it. */
  readonly signal: AbortSignal;
}

/** On a volume. A node that uses it has its lock: two would give out the same numbers of packs. */
const LOCK_NAME = `${MARK_NAME}.lock`;
/** The node that used it before may still be ending, ms. */
export const VOLUME_LOCK_WAIT_MS: number = 5 * second;
/** Of no file: to remove it changes nothing, and is answered only where a write would be. */
const ABSENT_NAME = `${MARK_NAME}.none`;

export class Volumes {
  /** All that is done on volumes is done through it. */
  readonly disk: TimedDisk;
  readonly #deps: VolumesDeps;
  readonly #known: KnownVolumes;
  readonly #places: readonly VolumePlace[];
  readonly #stop = (): void => this.#halt();
  #timer: Timer | undefined;
  #isOver = false;

  private constructor(deps: VolumesDeps, disk: TimedDisk, known: KnownVolumes, directories: readonly string[]) {
    this.disk = disk;
    this.#deps = deps;
    this.#known = known;
    this.#places = directories.map((directory) => new VolumePlace(directory, known.node, deps.clock.nowMs()));
  }

  /** Looks at all of them, and makes those that are new. A defect as `KnownVolumes.open`. */
  static async open(deps: VolumesDeps): Promise<Volumes> {
    const { clock, signal } = deps;
    const directories = deps.directories.map(normalVolumePath);
    const disk = new TimedDisk(deps.disk, clock, directories);
    const seen = await Promise.all(directories.map(async (path) => [path, await lookAt(path, disk)] as const));
    const known = await KnownVolumes.open(deps, new Map(seen));
    const volumes = new Volumes(deps, disk, known, directories);
    await volumes.#begin(new Map(seen));
    if (signal.aborted) volumes.#halt();
    else signal.addEventListener("abort", volumes.#stop, { once: true });
    volumes.#lookAgain();
    return volumes;
  }

  /** In the order of the configuration; also directories that have no volume (slot 0). */
  get all(): readonly VolumeView[] {
    return this.#places.map(({ view }) => view);
  }

  /** Those that no directory of the configuration is, or was last. */
  get leftOut(): readonly KnownVolume[] {
    return this.#known.all.filter(({ id }) => !this.#places.some(({ volume }) => volume?.id === id));
  }

  get forgotten(): readonly ForgottenVolume[] {
    return this.#known.forgotten;
  }

  /** One that is left out is none of this store any more. Durable when answered. */
  async forget(volume: KnownVolume): Promise<Result<void, DiskFailure>> {
    this.#known.forget(volume);
    const saved = await this.#known.save();
    if (saved.ok) {
      this.#deps.log.warn("volume given up", { volume: volume.id, slot: volume.slot });
      return saved;
    }
    this.#known.takeBack(volume);
    // It may be written all the same that it is given up.
    await this.#known.save();
    return saved;
  }

  view(slot: number): VolumeView | undefined {
    return this.#withSlot(slot)?.view;
  }

  isReadable(slot: number): boolean {
    return this.#withSlot(slot)?.isReadable ?? false;
  }

  /** Those that new shards may go to. */
  writable(): readonly VolumeView[] {
    return this.all.filter(({ state }) => state === "present");
  }

  /** Where its packs are; undefined while it cannot be read. */
  directoryOf(slot: number): string | undefined {
    const place = this.#withSlot(slot);
    return place?.isReadable ? packsIn(place) : undefined;
  }

  /** Somebody could not read or write there. When answered the state is that of after it. */
  async troubled(slot: number, failure: DiskFailure): Promise<void> {
    const place = this.#withSlot(slot);
    if (place === undefined || this.#isOver) return;
    place.suffered(failure);
    // That would wait for the same disk.
    if (causeOf(failure) !== STALLED) await this.#look(place, false);
    // The look may have been under way, and over with what it had heard.
    this.#appraise(place);
  }

  /** Its packs could not be recovered: it is failing, until a look finds otherwise. */
  async unfit(slot: number, failure: DiskFailure): Promise<void> {
    this.#withSlot(slot)?.condemn(causeOf(failure));
    await this.troubled(slot, failure);
  }

  /** It has less room now. It is looked at before its reserve is written to. */
  wrote(slot: number, lengthBytes: number): void {
    const place = this.#withSlot(slot);
    if (place === undefined || this.#isOver || !place.wrote(lengthBytes, this.#deps.reserveBytes())) return;
    void this.#look(place, false);
  }

  /**
   * Whether its packs can be listed, and it takes a small write: what recovery needs. Want of room is nothing against it. One
   * for which that is not so is failing from then on, until a look finds otherwise.
   */
  async isUsable(slot: number): Promise<boolean> {
    const place = this.#withSlot(slot);
    if (place !== undefined && place.held === undefined) await this.#look(place, false);
    if (place === undefined || !place.isReadable) return false;
    const listed = await this.#list(place);
    const probed = listed.ok
      ? await probe(this.disk, place, this.#known.node)
      : { refused: `${packsIn(place)}: ${causeOf(listed.failure)}` };
    if (typeof probed === "string") return true;
    if (this.#isOver) return false;
    place.condemn(probed.refused);
    await this.#look(place, false);
    this.#appraise(place);
    return false;
  }

  /** Whether the volume is where it was, and not only what is below its mount. */
  async isThere(slot: number): Promise<boolean> {
    const place = this.#withSlot(slot);
    return place?.isReadable === true && (await this.#showsItself(place));
  }

  /** Its packs could not be listed. */
  async unlisted(slot: number, failure: DiskFailure): Promise<void> {
    if (failure.code === "disk.not-found") await this.isUsable(slot);
    else await this.troubled(slot, failure);
  }

  /** No look is under way when answered, and none begins. */
  async close(): Promise<void> {
    this.#halt();
    this.#deps.signal.removeEventListener("abort", this.#stop);
    await Promise.all(this.#places.map(({ looking }) => looking));
    for (const place of this.#places) {
      if (this.disk.isStalled(place.directory)) void this.disk.caughtUp(place.directory).then(() => place.letGo());
      else place.letGo();
    }
  }

  /** Marks come first: a volume that has moved is not missed at its old path. */
  async #begin(sightings: ReadonlyMap<string, Sighting>): Promise<void> {
    const { clock, log, reserveBytes } = this.#deps;
    for (const place of this.#places) {
      const sighting = sightings.get(place.directory);
      if (sighting === undefined) continue;
      place.saw(sighting);
      if (sighting.kind === "marked") this.#known.heardOf(sighting.mark);
    }
    for (const place of this.#places) this.#claim(place, true);
    for (const place of this.#places) {
      const last = this.#known.lastAt(place.directory);
      if (last !== undefined && !this.#places.some(({ volume }) => volume?.id === last.id)) place.volume ??= last;
    }
    for (const place of this.#places) await this.#make(place);
    await Promise.all(this.#places.map((place) => this.#hold(place, VOLUME_LOCK_WAIT_MS)));
    for (const place of this.#places) {
      place.appraise(reserveBytes(), clock.nowMs());
      const { id, slot, state, problem } = place.view;
      if (state !== "present") log.warn("volume in trouble", { volume: id, slot, state, problem });
    }
    if (this.#places.length > 0) await this.#known.save();
    const { leftOut } = this;
    if (leftOut.length > 0) log.warn("volumes left out", { volumes: leftOut.map(({ id, path }) => `${id} ${path}`) });
  }

  #withSlot(slot: number): VolumePlace | undefined {
    return this.#places.find(({ volume }) => volume?.slot === slot);
  }

  #halt(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  /** A disk that hangs holds up the looks at itself only. */
  #lookAgain(): void {
    if (this.#isOver) return;
    this.#timer = this.#deps.clock.after(VOLUME_LOOK_INTERVAL_MS, () => {
      this.#lookAgain();
      for (const place of this.#places) if (place.looking === undefined) void this.#look(place, true);
    });
  }

  /** Those who ask while one is under way share it. `isRoutine`: nobody has complained. */
  async #look(place: VolumePlace, isRoutine: boolean): Promise<void> {
    place.looking ??= this.#lookNow(place, isRoutine).finally(() => {
      place.looking = undefined;
    });
    await place.looking;
  }

  async #lookNow(place: VolumePlace, isRoutine: boolean): Promise<void> {
    const troubleCount = place.troubleCount;
    const sighting = await lookAt(place.directory, this.disk);
    if (sighting.kind === "unclear") return;
    place.saw(sighting);
    this.#claim(place, false);
    await this.#make(place);
    await this.#hold(place, 0);
    const takesWrites = isRoutine && (await this.#takesWrites(place));
    if (takesWrites && place.troubleCount === troubleCount) place.clear();
    this.#appraise(place);
    await this.#known.save();
  }

  #appraise(place: VolumePlace): void {
    if (this.#isOver) return;
    const { clock, log, onChange, reserveBytes } = this.#deps;
    const was = place.state;
    if (!place.appraise(reserveBytes(), clock.nowMs())) return;
    const { view } = place;
    const { id, slot, state, problem } = view;
    log.warn("volume changed", { volume: id, slot, state, was, problem });
    onChange(view, was);
  }

  /** Whether the volume that shows itself in a directory where none belongs yet, belongs there from now on. */
  #claim(place: VolumePlace, isStart: boolean): void {
    const { sighting, directory } = place;
    if (place.volume !== undefined || sighting.kind !== "marked") return;
    const { mark, totalBytes } = sighting;
    const objection = this.#objection(place, mark);
    if (objection !== undefined) {
      place.refusal = objection;
      return;
    }
    // A weight that changed later would move shards in the middle of everything.
    const isWeighed = isStart || this.#known.withId(mark.id) === undefined;
    this.#known.heardOf(mark);
    place.volume = this.#known.isAt(directory, mark, isWeighed ? totalBytes : undefined);
  }

  #objection(place: VolumePlace, { id, slot, node }: VolumeMark): string | undefined {
    if (node !== this.#known.node) return `volume ${id}, which is mounted there, is one of another store`;
    if (this.#known.isForgotten(id)) {
      return `volume ${id}, which is mounted there, was given up: empty its disk, and ${FRESH_DISK}`;
    }
    const other = this.#places.find((each) => each !== place && (each.shows(id) || each.volume?.id === id));
    // The original is not asked about: it belongs where it was last.
    if (other !== undefined) {
      return `volume ${id} is in ${other.directory} as well, or belongs there; start the node with one of them mounted`;
    }
    const known = this.#known.withId(id);
    const isOfAnother = known === undefined ? this.#known.hasSlot(slot) : known.slot !== slot;
    return isOfAnother ? `volume ${id} says that it is number ${slot}, which is that of another` : undefined;
  }

  /** Takes the lock of the volume that belongs there, or lets go of it. One that cannot be made keeps nobody from reading. */
  async #hold(place: VolumePlace, waitMs: number): Promise<void> {
    const isStalled = this.disk.isStalled(place.directory);
    if (!place.showsItsOwn && !isStalled) place.letGo();
    if (!place.showsItsOwn || isStalled || place.held !== undefined) return;
    // It is taken on this thread, which a disk that hangs would hold.
    const answered = await this.disk.remove(`${place.directory}/${ABSENT_NAME}`);
    if (!answered.ok && causeOf(answered.failure) === STALLED) return place.condemn(STALLED);
    const locked = await this.#deps.locks.acquire(`${place.directory}/${LOCK_NAME}`, { waitMs });
    if (locked.ok) place.held = locked.value;
    place.isTaken = !locked.ok && locked.failure.code === "lock.taken";
  }

  /** Makes a volume where there never was one. What fails is tried again by the next look, with the same id and number. */
  async #make(place: VolumePlace): Promise<void> {
    if (!place.isFree) return;
    const { directory } = place;
    if (this.#known.isDoubted(directory)) {
      place.refusal = `it has no file ${MARK_NAME}, and a volume may belong there: mount its disk, or ${FRESH_DISK}`;
      return;
    }
    place.reserved ??= this.#reserve();
    if (place.reserved === undefined) {
      place.refusal = "no number for another volume is left";
      return;
    }
    const written = await this.#writeMark(place, { ...place.reserved, node: this.#known.node });
    if (written !== undefined) place.refusal = `it cannot be made a volume: ${causeOf(written)}`;
    this.#claim(place, true);
  }

  #reserve(): VolumePlace["reserved"] {
    const slot = this.#known.nextSlot();
    return slot === undefined ? undefined : { id: this.#deps.random.id(), slot };
  }

  /** The number is remembered before it is on a disk: no other volume gets it, whatever becomes of this one. */
  async #writeMark(place: VolumePlace, mark: VolumeMark): Promise<DiskFailure | undefined> {
    const { disk } = this;
    const { log } = this.#deps;
    const { directory } = place;
    const saved = await this.#known.save();
    const made = saved.ok ? await disk.makeDirectory(packsIn(place)) : saved;
    if (!made.ok) return made.failure;
    // A disk may have been mounted there meanwhile.
    place.saw(await lookAt(directory, disk));
    if (place.sighting.kind !== "unmarked") return undefined;
    const replaced = await disk.replaceFile(`${directory}/${MARK_NAME}`, encodeMark(mark));
    const synced = replaced.ok ? await disk.syncDirectory(directory) : replaced;
    if (!synced.ok) return synced.failure;
    log.info("volume made", { volume: mark.id, slot: mark.slot, directory });
    place.saw(await lookAt(directory, disk));
    return undefined;
  }

  /** Whether its packs can be listed. Their directory is made again where somebody has removed it from the volume. */
  async #list(place: VolumePlace): Promise<Result<unknown, DiskFailure>> {
    const { disk } = this;
    const { directory } = place;
    const listed = await disk.list(packsIn(place));
    if (listed.ok || listed.failure.code !== "disk.not-found" || !(await this.#showsItself(place))) return listed;
    this.#deps.log.warn("volume had no directory of packs", { directory });
    const made = await disk.makeDirectory(packsIn(place));
    return made.ok ? await disk.syncDirectory(directory) : made;
  }

  /** Asked of the disk: what was seen may be of before it went. */
  async #showsItself(place: VolumePlace): Promise<boolean> {
    return !place.isTaken && place.isOwn(await lookAt(place.directory, this.disk));
  }

  /** What was well is not asked: probes would keep a disk awake. One without inodes has bytes free, and yet no room. */
  async #takesWrites(place: VolumePlace): Promise<boolean> {
    if (!place.isFailing && !place.isRefusing) return true;
    if (place.isFailing && !(await this.#list(place)).ok) return false;
    const probed = await probe(this.disk, place, this.#known.node);
    return probed === "taken" || (probed === "no-room" && !place.isRefusing);
  }
}

function packsIn({ directory }: VolumePlace): string {
  return `${directory}/packs`;
}

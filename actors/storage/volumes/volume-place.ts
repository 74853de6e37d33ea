/**
 * One directory of `storage.volumes`: which volume belongs there, what was seen there last, and what follows from both.
 *
 * Nothing is done here: `Volumes` looks, and tells.
 */
import { weightOf } from "#actors/domain/shard-placement.ts";
import { VOLUME_STALL_MS } from "#actors/storage/volumes/disk-lane.ts";
import { causeOf, type Sighting } from "#actors/storage/volumes/sighting.ts";
import { STALLED } from "#actors/storage/volumes/timed-disk.ts";
import { MARK_NAME } from "#actors/storage/volumes/volume-mark.ts";
import type { KnownVolume } from "#actors/storage/volumes/volume-memory.ts";
import type { VolumeState, VolumeView } from "#actors/storage/volumes/volume-view.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { unreachable } from "#runtime/errors.ts";
import type { Held } from "#runtime/lock/lock.ts";
import { second } from "#runtime/units.ts";

/** Reads and writes that failed since a look found nothing wrong; with so many a volume is `failing`. */
export const VOLUME_FAILURES_MAX = 8;
/** A full volume is `present` again when so much is free, in percent of the reserve. */
export const VOLUME_ROOM_PERCENT_MIN = 125;

/** What speaks against the volume, and not only against a file. */
const COUNTED: ReadonlySet<string> = new Set(["EIO", "EROFS", "ENODEV", "ENXIO"]);

export class VolumePlace {
  readonly directory: string;
  /** The id of this store. */
  readonly #node: string;
  /** The volume that belongs there; the only one that is ever read or written. */
  volume: KnownVolume | undefined;
  /** The number and id of a volume that is being made, kept for the next attempt if this one fails. */
  reserved: { readonly id: string; readonly slot: number } | undefined;
  /** Why there is none, where none belongs. */
  refusal = "it was not looked at yet";
  /** While nobody else may write to it. */
  held: Held | undefined;
  /** Somebody else does. */
  isTaken = false;
  /** The look that is under way. */
  looking: Promise<void> | undefined;
  #sighting: Sighting = { kind: "missing" };
  #freeBytes = 0;
  #totalBytes = 0;
  #fileSystem: string | undefined;
  #state: VolumeState = "absent";
  #problem: string | undefined;
  #changedAtMs: number;
  #troubleCount = 0;
  #failures: readonly string[] = [];
  #isRefusing = false;
  #wasOccupied = false;

  constructor(directory: string, node: string, nowMs: number) {
    this.directory = directory;
    this.#node = node;
    this.#changedAtMs = nowMs;
  }

  get sighting(): Sighting {
    return this.#sighting;
  }

  get state(): VolumeState {
    return this.#state;
  }

  /** Grows with every trouble that is told. */
  get troubleCount(): number {
    return this.#troubleCount;
  }

  get isReadable(): boolean {
    return this.#state === "present" || this.#state === "full" || this.#state === "failing";
  }

  get view(): VolumeView {
    const { directory, volume } = this;
    const id = volume?.id ?? (this.#sighting.kind === "marked" ? this.#sighting.mark.id : "");
    return {
      id,
      slot: volume?.slot ?? 0,
      directory,
      weight: volume?.weight ?? weightOf(this.#totalBytes),
      domain: id,
      state: this.#state,
      problem: this.#problem,
      freeBytes: this.#freeBytes,
      totalBytes: this.#totalBytes,
      fileSystem: this.#fileSystem,
      changedAtMs: this.#changedAtMs,
    };
  }

  /** Whether a volume can be made here. Where something else was, in this life, it may be the mount point of that. */
  get isFree(): boolean {
    const isEmpty = this.#sighting.kind === "missing" || this.#sighting.kind === "unmarked";
    return this.volume === undefined && isEmpty && !this.#wasOccupied;
  }

  /** Whether the volume that belongs here is seen here. */
  get showsItsOwn(): boolean {
    return this.isOwn(this.#sighting);
  }

  isOwn(sighting: Sighting): boolean {
    const { mark } = sighting.kind === "marked" ? sighting : {};
    return this.volume !== undefined && mark?.id === this.volume.id && mark.node === this.#node;
  }

  letGo(): void {
    this.held?.release();
    this.held = undefined;
    this.isTaken = false;
  }

  /** Whether the volume `id` is seen here, rightly or not. */
  shows(id: string): boolean {
    return this.#sighting.kind === "marked" && this.#sighting.mark.id === id;
  }

  saw(sighting: Sighting): void {
    this.#sighting = sighting;
    this.#wasOccupied ||= !["missing", "unmarked", "unclear"].includes(sighting.kind);
    this.#fileSystem = sighting.kind === "marked" ? sighting.fileSystem : undefined;
    if (sighting.kind !== "marked") {
      this.clear();
      return;
    }
    this.#freeBytes = sighting.freeBytes;
    this.#totalBytes = sighting.totalBytes;
  }

  /** Somebody could not read or write here. */
  suffered(failure: DiskFailure): void {
    this.#troubleCount += 1;
    if (failure.code === "disk.full") this.#isRefusing = true;
    const cause = causeOf(failure);
    if (cause === STALLED) this.condemn(cause);
    if (COUNTED.has(cause) && this.#failures.length < VOLUME_FAILURES_MAX) this.#failures = [...this.#failures, cause];
  }

  /** It cannot be written, or not be listed, or does not answer: that is enough by itself. */
  condemn(cause: string): void {
    this.#failures = Array.from({ length: VOLUME_FAILURES_MAX }, () => cause);
    this.#troubleCount += 1;
  }

  /** Until the next look. True where that should be now: the reserve would be next. */
  wrote(lengthBytes: number, reserveBytes: number): boolean {
    this.#freeBytes = Math.max(0, this.#freeBytes - lengthBytes);
    return this.#state === "present" && this.#freeBytes < reserveBytes;
  }

  /** Nothing that was told counts any more. */
  clear(): void {
    this.#failures = [];
    this.#isRefusing = false;
  }

  /** It had no room for a write. */
  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  get isFailing(): boolean {
    return this.#failures.length >= VOLUME_FAILURES_MAX;
  }

  /** Draws the conclusion from all that is known; true if the state is another than before. */
  appraise(reserveBytes: number, nowMs: number): boolean {
    const { state, problem } = this.#verdict(reserveBytes);
    this.#problem = problem;
    if (state === this.#state) return false;
    this.#state = state;
    this.#changedAtMs = nowMs;
    return true;
  }

  #verdict(reserveBytes: number): Verdict {
    const { directory, volume } = this;
    const sighting = this.#sighting;
    if (sighting.kind !== "marked") return { state: "absent", problem: this.#absence(sighting) };
    if (volume === undefined) return { state: "foreign", problem: `${directory} is not used: ${this.refusal}` };
    const { id, slot, node } = sighting.mark;
    if (node !== this.#node) {
      const found = `volume ${id} of another store is mounted where ${volume.id} belongs`;
      return { state: "foreign", problem: `${directory} is not used: ${found}` };
    }
    if (id !== volume.id || slot !== volume.slot) {
      const found = `volume ${id} (${slot}) is mounted where ${volume.id} (${volume.slot}) belongs`;
      return { state: "foreign", problem: `${directory} is not used: ${found}; if it has moved, start the node again` };
    }
    if (this.isTaken) {
      const problem = `${directory} is not used: another node writes to volume ${id}; stop that one`;
      return { state: "foreign", problem };
    }
    if (this.isFailing) {
      return { state: "failing", problem: `${directory} ${this.#complaint}: nothing is written to it` };
    }
    const neededBytes = this.#state === "full" ? (reserveBytes * VOLUME_ROOM_PERCENT_MIN) / 100 : reserveBytes;
    if (this.#isRefusing || this.#freeBytes < neededBytes) {
      return { state: "full", problem: `${directory} is full: ${this.#freeBytes} bytes are free` };
    }
    return { state: "present", problem: undefined };
  }

  get #complaint(): string {
    const cause = this.#failures.at(-1);
    return cause?.endsWith(STALLED)
      ? `has not answered for ${VOLUME_STALL_MS / second} s`
      : `fails again and again (${cause})`;
  }

  #absence(sighting: Exclude<Sighting, { readonly kind: "marked" }>): string {
    const { directory, volume } = this;
    switch (sighting.kind) {
      case "damaged":
        return `${directory}/${MARK_NAME} is damaged: put back what it was, or mount the disk that belongs there`;
      case "refused":
      case "unclear":
        return `${directory} cannot be looked at (${sighting.cause})`;
      case "missing":
      case "unmarked": {
        if (volume === undefined) return `${directory} is not used: ${this.refusal}`;
        const found = sighting.kind === "missing" ? "is not there" : `has no file ${MARK_NAME}`;
        return `${directory} ${found}: mount the disk of volume ${volume.id}, or ${FRESH_DISK}`;
      }
      default:
        return unreachable(sighting);
    }
  }
}

interface Verdict {
  readonly state: VolumeState;
  readonly problem: string | undefined;
}

/** What somebody may want to hear whose disk will not come back. A path stays that of its volume for ever. */
export const FRESH_DISK = "name a fresh disk in storage.volumes by a path that was never used before";

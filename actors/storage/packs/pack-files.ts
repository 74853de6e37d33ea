/**
 * The pack files of the data directory and of its volumes: their names, and a bounded set of descriptors open for reading.
 *
 * A descriptor in use is never closed; when all are in use one more is opened and closed after its use. After `close`
 * every descriptor is one of those.
 */
import { basename, dirname } from "node:path";
import { HOME_SLOT, slotOf } from "#actors/storage/packs/pack-number.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

interface OpenForRead {
  readonly descriptor: number;
  userCount: number;
}

/** A descriptor on its way. Who waits for it counts as its user from the first moment: nobody may close it in between. */
interface Opening {
  readonly opened: Promise<Result<OpenForRead, DiskFailure>>;
  userCount: number;
}

/** Where the packs of slots above 0 are. */
export interface PackVolumes {
  /** Those that are recovered now, or about to be when the life begins. */
  readonly slots: readonly number[];
  /** Undefined while the volume is not there. */
  directoryOf(slot: number): string | undefined;
}

const NO_VOLUMES: PackVolumes = { slots: [], directoryOf: () => undefined };

export interface PackFile {
  readonly pack: number;
  readonly sizeBytes: number;
  /** False for what only has the name of one: a directory, a pipe. */
  readonly isFile: boolean;
}

const NAME = /^([0-9a-f]{8})\.pack$/;

export class PackFiles {
  readonly disk: Disk;
  readonly #home: string;
  readonly #volumes: PackVolumes;
  readonly #descriptorsMax: number;
  /** Least recently used first. */
  readonly #open = new Map<number, OpenForRead>();
  readonly #opening = new Map<number, Opening>();
  /** Of descriptors that gave way to others. */
  readonly #closing = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(disk: Disk, home: string, descriptorsMax: number, volumes: PackVolumes | undefined = NO_VOLUMES) {
    this.disk = disk;
    this.#home = home;
    this.#volumes = volumes;
    this.#descriptorsMax = descriptorsMax;
  }

  /** With that of the data directory. */
  get slots(): readonly number[] {
    return [HOME_SLOT, ...this.#volumes.slots];
  }

  /** Whether the volume of the pack is there. */
  isThere(pack: number): boolean {
    return this.#directoryOf(slotOf(pack)) !== undefined;
  }

  /** Where nothing is, if its volume is not there. */
  pathOf(pack: number): string {
    const directory = this.#directoryOf(slotOf(pack)) ?? `${this.#home}/absent`;
    return `${directory}/${pack.toString(16).padStart(8, "0")}.pack`;
  }

  /** The names of the packs of that slot are durable afterwards. */
  async syncNames(slot: number, disk: Pick<Disk, "syncDirectory"> = this.disk): Promise<Result<void, DiskFailure>> {
    const directory = this.#directoryOf(slot);
    return directory === undefined ? fail(volumeGone(slot)) : await disk.syncDirectory(directory);
  }

  /** Number and size of every pack of these slots, lowest number first. Other files are not looked at. */
  async list(slots: readonly number[] = this.slots): Promise<Result<readonly PackFile[], DiskFailure>> {
    const packs: PackFile[] = [];
    for (const slot of slots) {
      const directory = this.#directoryOf(slot);
      const listed = directory === undefined ? fail(volumeGone(slot)) : await this.disk.list(directory);
      const gone = listed.ok ? undefined : await this.#gone(slot, listed.failure);
      // The data directory's own was made by this start: who has removed it has removed what was in it.
      if (gone !== undefined && (gone.code !== "disk.not-found" || slot !== HOME_SLOT)) return fail(gone);
      for (const { name, sizeBytes, kind } of listed.ok ? listed.value : []) {
        const pack = Number.parseInt(NAME.exec(name)?.[1] ?? "", 16);
        if (slotOf(pack) === slot && !Number.isNaN(pack)) packs.push({ pack, sizeBytes, isFile: kind === "file" });
      }
    }
    return ok(packs.sort((one, other) => one.pack - other.pack));
  }

  #directoryOf(slot: number): string | undefined {
    return slot === HOME_SLOT ? this.#home : this.#volumes.directoryOf(slot);
  }

  /**
   * Fills the front of `into`; answers with the count, short only at the end of the file. What fails is tried once more:
   * want of memory or of descriptors, and many an error of a disk, pass at once. What was waited for in vain is not.
   */
  async read(pack: number, into: Uint8Array, position: number): Promise<Result<number, DiskFailure>> {
    const read = await this.#readOnce(pack, into, position);
    return read.ok || isTimeout(read.failure) ? read : await this.#readOnce(pack, into, position);
  }

  async #readOnce(pack: number, into: Uint8Array, position: number): Promise<Result<number, DiskFailure>> {
    // A descriptor may outlive its volume, and read what the system has kept in memory.
    if (!this.isThere(pack)) return fail(volumeGone(slotOf(pack)));
    const opened = this.#reuse(pack) ?? (await this.#openFor(pack));
    if (!opened.ok) return opened;
    const read = await this.disk.read(opened.value.descriptor, into, position);
    await this.#release(pack, opened.value);
    return read;
  }

  /** Fills all of `into`. `lost` says that the file ends before. */
  async fill(pack: number, into: Uint8Array, position: number): Promise<"filled" | "lost" | DiskFailure> {
    const read = await this.read(pack, into, position);
    if (!read.ok) return read.failure;
    if (read.value === into.length) return "filled";
    // Another file may be put in its place, which has all of it.
    await this.forget(pack);
    return "lost";
  }

  /** Closes every descriptor that nobody reads from, and waits for those that are being closed; the others close with their last read. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pack of [...this.#open.keys()]) await this.forget(pack);
    await Promise.all(this.#closing);
  }

  /** The file of this pack is about to go, or to be looked at afresh. One that is being opened closes with the reads that wait for it. */
  async forget(pack: number): Promise<void> {
    this.#opening.delete(pack);
    const opened = this.#open.get(pack);
    if (opened === undefined) return;
    this.#open.delete(pack);
    if (opened.userCount === 0) await this.disk.close(opened.descriptor);
  }

  /** As `forget`, of all packs of a volume that has gone: while one of its files is open the system does not let the disk go. */
  async forgetVolume(slot: number): Promise<void> {
    const packs = [...this.#open.keys(), ...this.#opening.keys()];
    for (const pack of packs) if (slotOf(pack) === slot) await this.forget(pack);
  }

  async #release(pack: number, opened: OpenForRead): Promise<void> {
    opened.userCount -= 1;
    if (opened.userCount > 0) return;
    const isListed = this.#open.get(pack) === opened;
    const isOfUse = !this.#isClosed && this.isThere(pack);
    if (isListed && isOfUse && this.#open.size <= this.#descriptorsMax) return;
    if (isListed) this.#open.delete(pack);
    await this.disk.close(opened.descriptor);
  }

  /**
   * What it means that something was not found. Where nothing of the store is left beside the packs, the whole directory is
   * away, which says nothing of what was in it.
   */
  async #gone(slot: number, failure: DiskFailure): Promise<DiskFailure> {
    if (failure.code !== "disk.not-found" || slot !== HOME_SLOT) return failure;
    const beside = await this.disk.list(dirname(this.#home));
    const isLeft = beside.ok && beside.value.some(({ name }) => name === basename(this.#home) || name === "keeps");
    return isLeft ? failure : { code: "disk.broken", path: failure.path, errno: "ENOENT" };
  }

  /** Counts the caller as a user. */
  #reuse(pack: number): Result<OpenForRead, DiskFailure> | undefined {
    const opened = this.#open.get(pack);
    if (opened === undefined) return undefined;
    this.#open.delete(pack);
    this.#open.set(pack, opened);
    opened.userCount += 1;
    return ok(opened);
  }

  /** Counts the caller as a user. Two readers that miss together open once. */
  #openFor(pack: number): Promise<Result<OpenForRead, DiskFailure>> {
    const waiting = this.#opening.get(pack);
    if (waiting !== undefined) {
      waiting.userCount += 1;
      return waiting.opened;
    }
    const { promise: opened, resolve, reject } = Promise.withResolvers<Result<OpenForRead, DiskFailure>>();
    const opening: Opening = { opened, userCount: 1 };
    this.#opening.set(pack, opening);
    this.#openNow(pack, opening).then(resolve, reject);
    return opened;
  }

  async #openNow(pack: number, opening: Opening): Promise<Result<OpenForRead, DiskFailure>> {
    const descriptor = await this.disk.open(this.pathOf(pack), "read");
    const isForgotten = this.#opening.get(pack) !== opening;
    if (!isForgotten) this.#opening.delete(pack);
    if (!descriptor.ok) return fail(await this.#gone(slotOf(pack), descriptor.failure));
    const opened: OpenForRead = { descriptor: descriptor.value, userCount: opening.userCount };
    if (isForgotten) return ok(opened);
    this.#open.set(pack, opened);
    for (const [idle, { userCount: users, descriptor: oldest }] of this.#open) {
      if (this.#open.size <= this.#descriptorsMax) break;
      if (users > 0) continue;
      this.#open.delete(idle);
      this.#closeBeside(oldest);
    }
    return ok(opened);
  }

  /** Nobody who reads waits for that. */
  #closeBeside(descriptor: number): void {
    const closing = this.disk.close(descriptor).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/** Why nothing can be done there. */
export function volumeGone(slot: number): DiskFailure {
  return { code: "disk.broken", path: `volume ${slot}`, errno: "ENODEV" };
}

function isTimeout(failure: DiskFailure): boolean {
  return failure.code === "disk.broken" && failure.errno === "ETIMEDOUT";
}

/** The disk itself refuses the place, perhaps for ever. Any other failure is one of the process, or of the moment. */
export function isBadPlace(failure: DiskFailure): boolean {
  return failure.code === "disk.broken" && failure.errno === "EIO";
}

/**
 * A disk on which no volume keeps anybody waiting: what is not over within `VOLUME_STALL_MS` has failed, with `ETIMEDOUT`.
 *
 * The system goes on with it all the same, and may end it at any time. So, until what is late on a volume is over,
 * - nothing else of its kind begins there, reading or writing: what is late never overtakes what is written or cut afterwards;
 * - no file of the volume is closed: its descriptor would become that of another one;
 * - the memory that a late read fills is nobody else's. That of a late write may be used again by then, and other bytes be
 *   written than were meant: as after any write that failed, they count for nothing before they are cut back or verified.
 *
 * Files of volumes have numbers of their own, each once: who goes on with a file that somebody has closed is told so, and
 * never meets another one. What is not on a volume is passed on.
 */
import { isBadPlace } from "#actors/storage/packs/pack-files.ts";
import { SEGMENT_BYTES } from "#actors/storage/packs/record.ts";
import { READ_BYTES_MAX } from "#actors/storage/reads/read-ahead.ts";
import { BadPlaces } from "#actors/storage/volumes/bad-places.ts";
import { DiskLane } from "#actors/storage/volumes/disk-lane.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk, DiskFailure, FileFacts, OpenMode, SpaceFacts } from "#runtime/disk/disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** Buffers of 256 KiB that wait for the next reads of volumes. Further ones are let go of. */
export const SPARE_BUFFERS_MAX = 16;

/** The system's name of it. */
export const STALLED = "ETIMEDOUT";

/** Of the first file. Linux gives no descriptor as high. */
const FILE_NUMBER_MIN = 2 ** 30;

/** `looking` is at a mark or at room: whether a volume is there is not asked behind its data, or the names of its packs. */
type Kind = "reading" | "writing" | "looking";

interface Volume extends Readonly<Record<Kind, DiskLane>> {
  readonly directory: string;
}

interface OpenFile {
  readonly volume: Volume;
  readonly path: string;
  readonly descriptor: number;
  /** Operations that were asked for, and are not over, or late. */
  userCount: number;
  /** Called when there are none. */
  onFree: (() => void) | undefined;
}

export class TimedDisk implements Disk {
  readonly #disk: Disk;
  readonly #volumes: readonly Volume[];
  /** What is open on volumes, by its number. */
  readonly #opened = new Map<number, OpenFile>();
  #nextNumber = FILE_NUMBER_MIN;
  readonly #bad = new BadPlaces();
  /** For reads, and filled by none. */
  readonly #spare: Uint8Array[] = [];

  /** `directories` are those of the volumes, none inside another. */
  constructor(disk: Disk, clock: Clock, directories: readonly string[]) {
    this.#disk = disk;
    this.#volumes = directories.map((directory) => ({
      directory,
      reading: new DiskLane(clock),
      writing: new DiskLane(clock),
      looking: new DiskLane(clock, 1),
    }));
  }

  /** Something is late on the volume in this directory. */
  isStalled(directory: string): boolean {
    return lateOn(this.#volumeOf(directory)).length > 0;
  }

  /** Settles when what is late there now is over. */
  async caughtUp(directory: string): Promise<void> {
    await Promise.allSettled(lateOn(this.#volumeOf(directory)));
  }

  async open(path: string, mode: OpenMode): Promise<Result<number, DiskFailure>> {
    const volume = this.#volumeOf(path);
    if (volume === undefined) return await this.#disk.open(path, mode);
    // Nobody has it who could close it.
    const closeLate = async (opened: Result<number, DiskFailure>): Promise<void> => {
      if (opened.ok) await this.#disk.close(opened.value);
    };
    const lane = volume[mode === "read" ? "reading" : "writing"];
    const opened = await lane.run(() => this.#disk.open(path, mode), closeLate);
    if (opened === undefined) return stalled(volume);
    if (!opened.ok) return opened;
    this.#nextNumber += 1;
    this.#opened.set(this.#nextNumber, { volume, path, descriptor: opened.value, userCount: 0, onFree: undefined });
    return ok(this.#nextNumber);
  }

  /** Whoever is at it is let finish, and what is late comes to its end. Nobody waits for that. */
  async close(number: number): Promise<Result<void, DiskFailure>> {
    if (number < FILE_NUMBER_MIN) return await this.#disk.close(number);
    const file = this.#opened.get(number);
    if (file === undefined) return notOpen();
    this.#opened.delete(number);
    const isAtOnce = file.userCount === 0 && !this.isStalled(file.volume.directory);
    const closed = isAtOnce ? await this.#closeInTurn(file) : undefined;
    if (closed === undefined) void this.#closeLater(file);
    return closed ?? ok();
  }

  async #closeLater(file: OpenFile): Promise<void> {
    if (file.userCount > 0) await new Promise<void>((free) => (file.onFree = free));
    do await this.caughtUp(file.volume.directory);
    while ((await this.#closeInTurn(file)) === undefined);
  }

  /** Undefined where its turn has not come: then it is as it was. */
  async #closeInTurn({ descriptor, volume }: OpenFile): Promise<Result<void, DiskFailure> | undefined> {
    let hasBegun = false;
    const closed = await volume.writing.run(() => {
      hasBegun = true;
      return this.#disk.close(descriptor);
    });
    return hasBegun ? (closed ?? ok()) : undefined;
  }

  async read(number: number, into: Uint8Array, position: number): Promise<Result<number, DiskFailure>> {
    if (number < FILE_NUMBER_MIN) return await this.#disk.read(number, into, position);
    const path = this.#opened.get(number)?.path ?? "";
    if (this.#bad.isMet(path, position, into.length)) return fail(diskFailure("EIO", path));
    // Its caller uses `into` again when this has failed, and it may be filled after that.
    const bytes = this.#buffer(into.length);
    const target = bytes.subarray(0, into.length);
    const begin: Begin<number> = (descriptor) => this.#disk.read(descriptor, target, position);
    const read = await this.#onFile(number, "reading", begin, (late) => {
      if (!late.ok && isBadPlace(late.failure)) this.#bad.add(path, position, into.length);
    });
    if (read.ok) into.set(target.subarray(0, read.value));
    if (read.ok && bytes.length === READ_BYTES_MAX && this.#spare.length < SPARE_BUFFERS_MAX) this.#spare.push(bytes);
    return read;
  }

  /** Large ones are used again: made anew for each read, they would be most of what the collector has to do. */
  #buffer(lengthBytes: number): Uint8Array {
    const isLarge = lengthBytes > SEGMENT_BYTES && lengthBytes <= READ_BYTES_MAX;
    return isLarge ? (this.#spare.pop() ?? new Uint8Array(READ_BYTES_MAX)) : new Uint8Array(lengthBytes);
  }

  async write(number: number, parts: readonly Uint8Array[], position: number): Promise<Result<void, DiskFailure>> {
    return await this.#onFile(number, "writing", (descriptor) => this.#disk.write(descriptor, parts, position));
  }

  async sync(number: number): Promise<Result<void, DiskFailure>> {
    return await this.#onFile(number, "writing", (descriptor) => this.#disk.sync(descriptor));
  }

  async truncate(number: number, sizeBytes: number): Promise<Result<void, DiskFailure>> {
    return await this.#onFile(number, "writing", (descriptor) => this.#disk.truncate(descriptor, sizeBytes));
  }

  async sizeBytes(number: number): Promise<Result<number, DiskFailure>> {
    return await this.#onFile(number, "writing", (descriptor) => this.#disk.sizeBytes(descriptor));
  }

  async list(directory: string): Promise<Result<readonly FileFacts[], DiskFailure>> {
    return await this.#onPath(directory, "reading", () => this.#disk.list(directory));
  }

  async makeDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    return await this.#onPath(directory, "writing", () => this.#disk.makeDirectory(directory));
  }

  async rename(from: string, to: string): Promise<Result<void, DiskFailure>> {
    return await this.#onPath(from, "writing", () => this.#disk.rename(from, to));
  }

  async remove(path: string): Promise<Result<void, DiskFailure>> {
    return await this.#onPath(path, "writing", () => this.#disk.remove(path));
  }

  async removeTree(directory: string): Promise<Result<void, DiskFailure>> {
    return await this.#onPath(directory, "writing", () => this.#disk.removeTree(directory));
  }

  async syncDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    return await this.#onPath(directory, "writing", () => this.#disk.syncDirectory(directory));
  }

  async readFile(path: string): Promise<Result<Uint8Array, DiskFailure>> {
    return await this.#onPath(path, "looking", () => this.#disk.readFile(path));
  }

  async replaceFile(path: string, contents: Uint8Array): Promise<Result<void, DiskFailure>> {
    return await this.#onPath(path, "writing", () => this.#disk.replaceFile(path, contents));
  }

  async space(directory: string): Promise<Result<SpaceFacts, DiskFailure>> {
    return await this.#onPath(directory, "looking", () => this.#disk.space(directory));
  }

  watch(path: string, onChange: () => void): () => void {
    return this.#disk.watch(path, onChange);
  }

  async #onPath<Value>(path: string, kind: Kind, begin: () => Answer<Value>): Answer<Value> {
    const volume = this.#volumeOf(path);
    if (volume === undefined) return await begin();
    return (await volume[kind].run(begin)) ?? stalled(volume);
  }

  /** It is not closed before what `begin` has begun is over, in time or late. */
  async #onFile<Value>(
    number: number,
    kind: Kind,
    begin: Begin<Value>,
    whenLate?: (outcome: Result<Value, DiskFailure>) => void,
  ): Answer<Value> {
    if (number < FILE_NUMBER_MIN) return await begin(number);
    const file = this.#opened.get(number);
    if (file === undefined) return notOpen();
    const leave = (): void => {
      file.userCount -= 1;
      if (file.userCount === 0) file.onFree?.();
    };
    let hasBegun = false;
    file.userCount += 1;
    const outcome = await file.volume[kind].run(() => {
      hasBegun = true;
      return begin(file.descriptor).finally(leave);
    }, whenLate);
    if (!hasBegun) leave();
    return outcome ?? stalled(file.volume);
  }

  #volumeOf(path: string): Volume | undefined {
    return this.#volumes.find(({ directory }) => path === directory || path.startsWith(`${directory}/`));
  }
}

type Answer<Value> = Promise<Result<Value, DiskFailure>>;
type Begin<Value> = (descriptor: number) => Answer<Value>;

function lateOn(volume: Volume | undefined): readonly Promise<unknown>[] {
  return volume === undefined ? [] : [...volume.reading.late, ...volume.writing.late, ...volume.looking.late];
}

function stalled({ directory }: Volume): Result<never, DiskFailure> {
  return fail(diskFailure(STALLED, directory));
}

function notOpen(): Result<never, DiskFailure> {
  return fail(diskFailure("EBADF", ""));
}

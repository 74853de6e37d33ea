/**
 * A disk on which no volume keeps anybody waiting: what is not over within `VOLUME_STALL_MS` has failed, with `ETIMEDOUT`.
 *
 * The system goes on with it all the same, and may end it at any time. So, until what is late on a volume is over,
 * - nothing else of its kind begins there, reading or writing: few threads of the process hang, and what is late never
 *   overtakes what is written or cut afterwards;
 * - no descriptor of the volume is closed: its number would become that of another file;
 * - the memory that a late read fills is nobody else's. That of a late write may be used again by then, and other bytes be
 *   written than were meant: as after any write that failed, they count for nothing before they are cut back or verified.
 *
 * What is not on a volume is passed on.
 */
import { READ_BYTES_MAX } from "#actors/storage/read-ahead.ts";
import { SEGMENT_BYTES } from "#actors/storage/record.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk, DiskFailure, FileFacts, OpenMode, SpaceFacts } from "#runtime/disk/disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

/** A disk may take 7 s over a bad sector, and is not hung. */
export const VOLUME_STALL_MS: number = 10 * second;

/** Buffers of 256 KiB that wait for the next reads of volumes. Further ones are let go of. */
export const SPARE_BUFFERS_MAX = 16;

/** The system's name of it. */
export const STALLED = "ETIMEDOUT";

type Kind = "reading" | "writing";

interface Volume {
  readonly directory: string;
  /** What has failed for its callers, and is still under way. */
  readonly late: Readonly<Record<Kind, Set<Promise<unknown>>>>;
}

export class TimedDisk implements Disk {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #volumes: readonly Volume[];
  /** The volumes of open descriptors. */
  readonly #opened = new Map<number, Volume>();
  /** For reads, and filled by none. */
  readonly #spare: Uint8Array[] = [];

  /** `directories` are those of the volumes, none inside another. */
  constructor(disk: Disk, clock: Clock, directories: readonly string[]) {
    this.#disk = disk;
    this.#clock = clock;
    this.#volumes = directories.map((directory) => ({ directory, late: { reading: new Set(), writing: new Set() } }));
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
    const begin = (): Promise<Result<number, DiskFailure>> => this.#disk.open(path, mode);
    // Nobody has it who could close it.
    const closeLate = async (opened: Result<number, DiskFailure>): Promise<void> => {
      if (opened.ok) await this.#disk.close(opened.value);
    };
    const opened = await this.#inTime(volume, mode === "read" ? "reading" : "writing", begin, closeLate);
    if (opened.ok && volume !== undefined) this.#opened.set(opened.value, volume);
    return opened;
  }

  async close(descriptor: number): Promise<Result<void, DiskFailure>> {
    const volume = this.#opened.get(descriptor);
    this.#opened.delete(descriptor);
    const late = lateOn(volume);
    if (late.length === 0) return await this.#inTime(volume, "writing", () => this.#disk.close(descriptor));
    void Promise.allSettled(late).then(() => this.#disk.close(descriptor));
    return ok();
  }

  async read(descriptor: number, into: Uint8Array, position: number): Promise<Result<number, DiskFailure>> {
    const volume = this.#opened.get(descriptor);
    if (volume === undefined) return await this.#disk.read(descriptor, into, position);
    // Its caller uses `into` again when this has failed, and it may be filled after that.
    const bytes = this.#buffer(into.length);
    const target = bytes.subarray(0, into.length);
    const read = await this.#inTime(volume, "reading", () => this.#disk.read(descriptor, target, position));
    if (read.ok) into.set(target.subarray(0, read.value));
    if (read.ok && bytes.length === READ_BYTES_MAX && this.#spare.length < SPARE_BUFFERS_MAX) this.#spare.push(bytes);
    return read;
  }

  /** Large ones are used again: made anew for each read, they would be most of what the collector has to do. */
  #buffer(lengthBytes: number): Uint8Array {
    const isLarge = lengthBytes > SEGMENT_BYTES && lengthBytes <= READ_BYTES_MAX;
    return isLarge ? (this.#spare.pop() ?? new Uint8Array(READ_BYTES_MAX)) : new Uint8Array(lengthBytes);
  }

  async write(descriptor: number, parts: readonly Uint8Array[], position: number): Promise<Result<void, DiskFailure>> {
    return await this.#writing(descriptor, () => this.#disk.write(descriptor, parts, position));
  }

  async sync(descriptor: number): Promise<Result<void, DiskFailure>> {
    return await this.#writing(descriptor, () => this.#disk.sync(descriptor));
  }

  async truncate(descriptor: number, sizeBytes: number): Promise<Result<void, DiskFailure>> {
    return await this.#writing(descriptor, () => this.#disk.truncate(descriptor, sizeBytes));
  }

  async sizeBytes(descriptor: number): Promise<Result<number, DiskFailure>> {
    return await this.#reading(descriptor, () => this.#disk.sizeBytes(descriptor));
  }

  async list(directory: string): Promise<Result<readonly FileFacts[], DiskFailure>> {
    return await this.#reading(directory, () => this.#disk.list(directory));
  }

  async makeDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    return await this.#writing(directory, () => this.#disk.makeDirectory(directory));
  }

  async rename(from: string, to: string): Promise<Result<void, DiskFailure>> {
    return await this.#writing(from, () => this.#disk.rename(from, to));
  }

  async remove(path: string): Promise<Result<void, DiskFailure>> {
    return await this.#writing(path, () => this.#disk.remove(path));
  }

  async removeTree(directory: string): Promise<Result<void, DiskFailure>> {
    return await this.#writing(directory, () => this.#disk.removeTree(directory));
  }

  async syncDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    return await this.#writing(directory, () => this.#disk.syncDirectory(directory));
  }

  async readFile(path: string): Promise<Result<Uint8Array, DiskFailure>> {
    return await this.#reading(path, () => this.#disk.readFile(path));
  }

  async replaceFile(path: string, contents: Uint8Array): Promise<Result<void, DiskFailure>> {
    return await this.#writing(path, () => this.#disk.replaceFile(path, contents));
  }

  async space(directory: string): Promise<Result<SpaceFacts, DiskFailure>> {
    return await this.#reading(directory, () => this.#disk.space(directory));
  }

  watch(path: string, onChange: () => void): () => void {
    return this.#disk.watch(path, onChange);
  }

  async #reading<Value>(where: string | number, begin: Begin<Value>): Promise<Result<Value, DiskFailure>> {
    return await this.#inTime(this.#volumeOf(where), "reading", begin);
  }

  async #writing<Value>(where: string | number, begin: Begin<Value>): Promise<Result<Value, DiskFailure>> {
    return await this.#inTime(this.#volumeOf(where), "writing", begin);
  }

  /** `whenLate` has the outcome that nobody waits for any more. */
  async #inTime<Value>(
    volume: Volume | undefined,
    kind: Kind,
    begin: Begin<Value>,
    whenLate: (outcome: Result<Value, DiskFailure>) => Promise<void> = async () => undefined,
  ): Promise<Result<Value, DiskFailure>> {
    if (volume === undefined) return await begin();
    const stalled = fail(diskFailure(STALLED, volume.directory));
    const late = volume.late[kind];
    if (late.size > 0) return stalled;
    const work = begin();
    const { promise, resolve, reject } = Promise.withResolvers<Result<Value, DiskFailure> | undefined>();
    const timer = this.#clock.after(VOLUME_STALL_MS, () => resolve(undefined));
    work.then(resolve, reject);
    const outcome = await promise.finally(() => timer.cancel());
    if (outcome !== undefined) return outcome;
    const over = work.then(whenLate).finally(() => late.delete(over));
    late.add(over);
    return stalled;
  }

  /** By a path, or a descriptor. */
  #volumeOf(where: string | number): Volume | undefined {
    if (typeof where === "number") return this.#opened.get(where);
    return this.#volumes.find(({ directory }) => where === directory || where.startsWith(`${directory}/`));
  }
}

type Begin<Value> = () => Promise<Result<Value, DiskFailure>>;

function lateOn(volume: Volume | undefined): readonly Promise<unknown>[] {
  return volume === undefined ? [] : [...volume.late.reading, ...volume.late.writing];
}

/**
 * The disk in the hands of those who write the packs of one pool. It ends with the pool: who has leased a pack may not know for
 * a long time that the volume has gone, and by then its descriptor may be that of another file, and its pack another pool's.
 *
 * - After the end nothing reaches the disk any more, by a descriptor or by a path, and what was under way has failed,
 *   whatever has come of it.
 * - The end closes a descriptor only when nothing is under way any more: its number could become that of another file between
 *   a call and what the system does of it.
 * - A descriptor that was not opened through it, or is closed, reaches nothing.
 */
import type { Disk, DiskFailure, OpenMode } from "#runtime/disk/disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, type Result } from "#runtime/errors.ts";

type WrittenDisk = Pick<
  Disk,
  "open" | "close" | "write" | "sizeBytes" | "sync" | "truncate" | "remove" | "syncDirectory"
>;

export class PoolDisk implements WrittenDisk {
  readonly #disk: WrittenDisk;
  readonly #afterEnd: DiskFailure;
  readonly #opened = new Set<number>();
  readonly #underWay = new Set<Promise<unknown>>();
  #hasEnded = false;

  /** `afterEnd` is what whoever comes after the end is told. */
  constructor(disk: WrittenDisk, afterEnd: DiskFailure) {
    this.#disk = disk;
    this.#afterEnd = afterEnd;
  }

  /** Why it takes nothing any more; undefined before its end. */
  get refusal(): DiskFailure | undefined {
    return this.#hasEnded ? this.#afterEnd : undefined;
  }

  /** Nothing of what was begun is under way any more when it settles, and all is closed. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await Promise.allSettled(this.#underWay);
    const opened = [...this.#opened];
    this.#opened.clear();
    for (const descriptor of opened) await this.#disk.close(descriptor);
  }

  async open(path: string, mode: OpenMode): Promise<Result<number, DiskFailure>> {
    return await this.#begin(async () => {
      const opened = await this.#disk.open(path, mode);
      if (opened.ok) this.#opened.add(opened.value);
      return opened;
    });
  }

  async close(descriptor: number): Promise<Result<void, DiskFailure>> {
    return await this.#through(descriptor, () => {
      this.#opened.delete(descriptor);
      return this.#disk.close(descriptor);
    });
  }

  async write(descriptor: number, parts: readonly Uint8Array[], position: number): Promise<Result<void, DiskFailure>> {
    return await this.#through(descriptor, () => this.#disk.write(descriptor, parts, position));
  }

  async sizeBytes(descriptor: number): Promise<Result<number, DiskFailure>> {
    return await this.#through(descriptor, () => this.#disk.sizeBytes(descriptor));
  }

  async sync(descriptor: number): Promise<Result<void, DiskFailure>> {
    return await this.#through(descriptor, () => this.#disk.sync(descriptor));
  }

  async truncate(descriptor: number, sizeBytes: number): Promise<Result<void, DiskFailure>> {
    return await this.#through(descriptor, () => this.#disk.truncate(descriptor, sizeBytes));
  }

  async remove(path: string): Promise<Result<void, DiskFailure>> {
    return await this.#begin(() => this.#disk.remove(path));
  }

  async syncDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    return await this.#begin(() => this.#disk.syncDirectory(directory));
  }

  async #through<Value>(descriptor: number, begin: Begin<Value>): Promise<Result<Value, DiskFailure>> {
    return await this.#begin(() =>
      this.#opened.has(descriptor) ? begin() : Promise.resolve(fail(diskFailure("EBADF", `descriptor ${descriptor}`))),
    );
  }

  async #begin<Value>(begin: Begin<Value>): Promise<Result<Value, DiskFailure>> {
    if (this.#hasEnded) return fail(this.#afterEnd);
    const work = begin();
    this.#underWay.add(work);
    const outcome = await work.finally(() => this.#underWay.delete(work));
    return this.#hasEnded ? fail(this.#afterEnd) : outcome;
  }
}

type Begin<Value> = () => Promise<Result<Value, DiskFailure>>;

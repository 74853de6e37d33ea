/** Whether the disk has room: asked at most once a second, with a reserve that writes leave alone. */
import type { StorageFull } from "#actors/storage/protocol.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** How old an answer of the disk may be, ms. */
export const SPACE_AGE_MS_MAX = 1000;

export class Space {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #reserveBytes: () => number;
  #freeBytes: Promise<number> = Promise.resolve(0);
  #askedMs = Number.NEGATIVE_INFINITY;

  /** `reserveBytes` is read at every check: it may change with the configuration. */
  constructor(disk: Disk, directory: string, clock: Clock, reserveBytes: () => number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#clock = clock;
    this.#reserveBytes = reserveBytes;
  }

  /** As last asked; all that ask together wait for one answer. */
  freeBytes(): Promise<number> {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#askedMs < SPACE_AGE_MS_MAX) return this.#freeBytes;
    this.#askedMs = nowMs;
    this.#freeBytes = this.#ask();
    return this.#freeBytes;
  }

  /** Whether `sizeBytes` more fit in front of the reserve. */
  async admit(sizeBytes: number): Promise<Result<void, StorageFull>> {
    const freeBytes = await this.freeBytes();
    const reserveBytes = this.#reserveBytes();
    return freeBytes - reserveBytes >= sizeBytes ? ok() : fail({ code: "storage.full", freeBytes, reserveBytes });
  }

  /** What a write that met a full disk answers. The next check asks the disk again. */
  async full(): Promise<StorageFull> {
    this.#askedMs = Number.NEGATIVE_INFINITY;
    return { code: "storage.full", freeBytes: await this.freeBytes(), reserveBytes: this.#reserveBytes() };
  }

  async #ask(): Promise<number> {
    const space = await this.#disk.space(this.#directory);
    // A disk that cannot even say how full it is takes no writes.
    return space.ok ? space.value.freeBytes : 0;
  }
}

/**
 * Whether the disk has room, with a reserve that writes leave alone. The disk is asked once a second, and when what was
 * admitted since may have used the room up; what was admitted and is not written yet is in neither, and is bounded by the
 * memory of the writers.
 */
import type { StorageFull, WriteFailed } from "#actors/storage/protocol.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { errnoOf } from "#runtime/disk/disk-failure.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** How old an answer of the disk may be, ms. */
export const SPACE_AGE_MS_MAX = 1000;

export class Space {
  readonly #disk: Pick<Disk, "space">;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #reserveBytes: () => number;
  #freeBytes: Promise<number> = Promise.resolve(0);
  /** Why the disk did not say. */
  #errno: string | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;
  /** Since the disk was asked. */
  #admittedBytes = 0;

  /** `reserveBytes` is read at every check: it may change with the configuration. */
  constructor(disk: Pick<Disk, "space">, directory: string, clock: Clock, reserveBytes: () => number) {
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
    this.#admittedBytes = 0;
    this.#freeBytes = this.#ask();
    return this.#freeBytes;
  }

  /** Whether `sizeBytes` more fit in front of the reserve. */
  async admit(sizeBytes: number): Promise<Result<void, StorageFull | WriteFailed>> {
    const reserveBytes = this.#reserveBytes();
    const wasAdmitted = this.#admittedBytes > 0;
    let freeBytes = await this.freeBytes();
    if (wasAdmitted && freeBytes - this.#admittedBytes - reserveBytes < sizeBytes) freeBytes = await this.#askAgain();
    if (freeBytes - this.#admittedBytes - reserveBytes < sizeBytes) {
      return this.#refuse(freeBytes, reserveBytes);
    }
    this.#admittedBytes += sizeBytes;
    return ok();
  }

  /** Whether so much would fit, of what comes some time. */
  async fits(sizeBytes: number): Promise<Result<void, StorageFull | WriteFailed>> {
    const reserveBytes = this.#reserveBytes();
    const freeBytes = await this.freeBytes();
    if (freeBytes - this.#admittedBytes - reserveBytes >= sizeBytes) return ok();
    return this.#refuse(freeBytes, reserveBytes);
  }

  #refuse(freeBytes: number, reserveBytes: number): Result<never, StorageFull | WriteFailed> {
    if (this.#errno !== undefined) return fail({ code: "storage.write-failed", errno: this.#errno });
    return fail({ code: "storage.full", freeBytes, reserveBytes });
  }

  /** What a write that met a full disk answers. The next check asks the disk again. */
  async full(): Promise<StorageFull> {
    return { code: "storage.full", freeBytes: await this.#askAgain(), reserveBytes: this.#reserveBytes() };
  }

  #askAgain(): Promise<number> {
    this.#askedMs = Number.NEGATIVE_INFINITY;
    return this.freeBytes();
  }

  async #ask(): Promise<number> {
    const space = await this.#disk.space(this.#directory);
    this.#errno = space.ok ? undefined : errnoOf(space.failure);
    // A disk that cannot even say how full it is takes no writes.
    return space.ok ? space.value.freeBytes : 0;
  }
}

/** The bytes of an upload as they were recorded, from its file; it fails instead of ending where they are others. */

import { crc32 } from "node:zlib";
import type { UploadDamaged } from "#actors/domain/upload.ts";
import type { StorageReadFailed } from "#actors/storage/protocol.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Failure } from "#runtime/errors.ts";

const damaged: UploadDamaged = { code: "storage.upload-damaged" };

export class StagedSource implements ByteSource {
  readonly #disk: Disk;
  readonly #descriptor: number;
  readonly #sizeBytes: number;
  readonly #crc: number;
  #readBytes = 0;
  #readCrc = 0;
  #failure: Failure | undefined;

  /** Whoever opened `descriptor` closes it when nobody reads any more. */
  constructor(disk: Disk, descriptor: number, sizeBytes: number, crc: number) {
    this.#disk = disk;
    this.#descriptor = descriptor;
    this.#sizeBytes = sizeBytes;
    this.#crc = crc;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return FAILED;
    const restBytes = this.#sizeBytes - this.#readBytes;
    if (restBytes === 0) return this.#readCrc === this.#crc ? ENDED : this.#fail(damaged);
    const wanted = into.subarray(0, Math.min(into.length, restBytes));
    const read = await this.#disk.read(this.#descriptor, wanted, this.#readBytes);
    if (this.#failure !== undefined) return FAILED;
    if (!read.ok) {
      const errno = read.failure.code === "disk.broken" ? read.failure.errno : "EIO";
      const failure: StorageReadFailed = { code: "storage.read-failed", errno };
      return this.#fail(failure);
    }
    if (read.value < wanted.length) return this.#fail(damaged);
    this.#readBytes += read.value;
    this.#readCrc = crc32(wanted, this.#readCrc);
    return read.value;
  }

  cancel(reason: Failure): void {
    this.#failure ??= reason;
  }

  #fail(failure: Failure): number {
    this.#failure = failure;
    return FAILED;
  }
}

/**
 * Syncs what an upload has written while more of it arrives, so that the sync which decides has little left to do: a
 * disk that idles until the last byte is there doubles the time of a large upload.
 *
 * It decides nothing by itself. A sync that failed is told to whoever settles: the kernel tells a failure once, and a
 * later sync of the same descriptor may succeed over lost bytes.
 */
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";

/** Early syncs of a pack that is filled by one upload, at most: one begins with each such part of it. */
export const EARLY_SYNCS_PER_PACK_MAX = 8;

export class EarlySync {
  readonly #disk: Pick<Disk, "sync">;
  readonly #packSealBytes: number;
  #unsyncedBytes = 0;
  #isRunning = false;
  #outcome: Promise<Result<void, DiskFailure>> = Promise.resolve(ok());

  constructor(disk: Pick<Disk, "sync">, packSealBytes: number) {
    this.#disk = disk;
    this.#packSealBytes = packSealBytes;
  }

  /** `byteCount` more are written to the descriptor, which stays open until `settle` has settled. */
  wrote(descriptor: number, byteCount: number): void {
    this.#unsyncedBytes += byteCount;
    if (this.#isRunning || this.#unsyncedBytes * EARLY_SYNCS_PER_PACK_MAX < this.#packSealBytes) return;
    this.#isRunning = true;
    this.#unsyncedBytes = 0;
    this.#outcome = this.#sync(this.#outcome, descriptor);
  }

  /** No sync is under way any more; the first failure of any of them, again and again. */
  settle(): Promise<Result<void, DiskFailure>> {
    return this.#outcome;
  }

  async #sync(previous: Promise<Result<void, DiskFailure>>, descriptor: number): Promise<Result<void, DiskFailure>> {
    const before = await previous;
    const synced = before.ok ? await this.#disk.sync(descriptor) : before;
    this.#isRunning = false;
    return synced;
  }
}

/** A large object on its way to the disks, however it is written. */
import type { FinishedUpload, UploadedObject } from "#actors/storage/upload.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import type { Result } from "#runtime/errors.ts";

export interface ObjectUpload {
  readonly keepUntilMs: number;
  readonly sizeBytes: number;
  /** So far. */
  readonly chunkCount: number;
  /** `bytes` may be read until the next `feed`, or `settle`. */
  feed(bytes: Uint8Array): Promise<Result<void, DiskFailure>>;
  /** Nothing that was fed is read any more. */
  settle(): Promise<Result<void, DiskFailure>>;
  /** All bytes were fed: answers with what would be committed. */
  finish(): Promise<Result<FinishedUpload, DiskFailure>>;
  /** Durable when answered, and in the catalog. */
  commit(finished: FinishedUpload): Promise<Result<UploadedObject, DiskFailure>>;
  /** Nothing of it counts. To be called exactly once, unless `commit` succeeded. */
  abandon(): Promise<void>;
}

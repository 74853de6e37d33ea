/** From what a bucket says to the failures of the disk seam. */
import type { BucketFailure } from "#runtime/bucket/bucket.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { unreachable } from "#runtime/errors.ts";

/**
 * No answer is `ETIMEDOUT`, which passes. An object that a list or a head has, and that is not there, is `EIO`: the bucket
 * has lost it.
 */
export function diskFailureOf(failure: BucketFailure, path: string): DiskFailure {
  switch (failure.code) {
    case "bucket.unreachable":
      return diskFailure("ETIMEDOUT", path);
    case "bucket.missing":
      return diskFailure("EIO", path);
    case "bucket.refused":
      return diskFailure(errnoOf(failure.status, failure.reason), path);
    default:
      return unreachable(failure);
  }
}

function errnoOf(status: number, reason: string): string {
  if (status === 401 || status === 403) return /quota/i.test(reason) ? "EDQUOT" : "EACCES";
  if (status === 507) return "ENOSPC";
  if (reason === "TooManyObjects") return "EOVERFLOW";
  return "EIO";
}

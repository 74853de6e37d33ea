/** A large object on its way to the disks, however it is written. */
import { digestFromBytes } from "#actors/domain/address.ts";
import type { ManifestLink } from "#actors/domain/manifest.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import type { FinishedUpload, UploadedObject, UploadOptions } from "#actors/storage/puts/upload.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import type { Result } from "#runtime/errors.ts";
import type { Cpu, Hasher } from "#runtime/pool/cpu.ts";

export interface ObjectUpload {
  readonly keepUntilMs: number;
  readonly sizeBytes: number;
  /** So far. */
  readonly chunkCount: number;
  /** Of what was fed, what the catalog has already, before it is committed. */
  readonly enteredBytes: number;
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

/** What is committed of an object that was cut into `links`. `object` has seen all of its bytes; ciphertext has none. */
export function finishedUpload(
  object: Hasher | undefined,
  size: number,
  links: readonly ManifestLink[],
  { enc, profile }: Pick<UploadOptions, "enc" | "profile">,
  cpu: Pick<Cpu, "digest">,
): FinishedUpload {
  const digest = object && digestFromBytes(object.digest());
  const facts = { size, chunker: profile.name, object: digest, enc };
  return { object: digest, tree: buildManifestTree(facts, links, (bytes) => digestFromBytes(cpu.digest(bytes))) };
}

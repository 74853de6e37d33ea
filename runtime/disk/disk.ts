/**
 * The disk, as a seam: numeric descriptors, positions given by the caller, failures as data.
 *
 * What was written is *visible* at once and *durable* only after `sync` (contents) and `syncDirectory` (names). The
 * simulated disk loses, tears and reorders what was not made durable.
 */
import type { Failure, Result } from "#runtime/errors.ts";

/** No space or no inodes left, or a quota or file size limit. Nothing else is wrong with the disk. */
export interface DiskFull extends Failure<"disk.full"> {
  readonly path: string;
}
export interface DiskNotFound extends Failure<"disk.not-found"> {
  readonly path: string;
}
export interface DiskExists extends Failure<"disk.exists"> {
  readonly path: string;
}
/** Anything else: `errno` is the system's own name, such as `EIO` or `EACCES`. */
export interface DiskBroken extends Failure<"disk.broken"> {
  readonly path: string;
  readonly errno: string;
}
export type DiskFailure = DiskFull | DiskNotFound | DiskExists | DiskBroken;

/**
 * `read`: must exist. `write`: must exist, read and write. `create`: made if missing, read and write.
 * `create-new`: must not exist, read and write.
 */
export type OpenMode = "read" | "write" | "create" | "create-new";

export interface FileFacts {
  readonly name: string;
  readonly kind: "file" | "directory" | "other";
  readonly sizeBytes: number;
  /** Of a file that others than its owner may read or write, as its mode says. */
  readonly isForOthers?: true;
}

export interface SpaceFacts {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** The same for all directories of one file system; undefined where that is not known. */
  readonly fileSystem?: string | undefined;
}

export interface Disk {
  open(path: string, mode: OpenMode): Promise<Result<number, DiskFailure>>;
  close(descriptor: number): Promise<Result<void, DiskFailure>>;
  /** Fills the front of `into` from `position`; answers with the count, short only at the end of the file. */
  read(descriptor: number, into: Uint8Array, position: number): Promise<Result<number, DiskFailure>>;
  /** Writes all parts one after another from `position`. After a failure any prefix may be visible. */
  write(descriptor: number, parts: readonly Uint8Array[], position: number): Promise<Result<void, DiskFailure>>;
  /** `fdatasync`. After a failure the descriptor must not be trusted or synced again. */
  sync(descriptor: number): Promise<Result<void, DiskFailure>>;
  truncate(descriptor: number, sizeBytes: number): Promise<Result<void, DiskFailure>>;
  sizeBytes(descriptor: number): Promise<Result<number, DiskFailure>>;

  /** Entries in no particular order; `sizeBytes` is 0 unless the entry is a file. */
  list(directory: string): Promise<Result<readonly FileFacts[], DiskFailure>>;
  /** Makes parents too; mode 0700; fine if it exists. */
  makeDirectory(directory: string): Promise<Result<void, DiskFailure>>;
  rename(from: string, to: string): Promise<Result<void, DiskFailure>>;
  /** Removes one file; `disk.not-found` if there is none. */
  remove(path: string): Promise<Result<void, DiskFailure>>;
  /** Removes a directory with all it holds; fine if there is none. */
  removeTree(directory: string): Promise<Result<void, DiskFailure>>;
  syncDirectory(directory: string): Promise<Result<void, DiskFailure>>;
  /** Whole small files only (configuration, identity): at most 16 MiB, more is `disk.broken` with `EFBIG`; what is no
   * regular file is `disk.broken` with `ENOTSUP`. */
  readFile(path: string): Promise<Result<Uint8Array, DiskFailure>>;
  /** Temporary file, sync, rename, sync of the directory: whole or not at all, mode 0600. */
  replaceFile(path: string, contents: Uint8Array): Promise<Result<void, DiskFailure>>;
  /** What an unprivileged writer may still use of the file system that holds `directory`. */
  space(directory: string): Promise<Result<SpaceFacts, DiskFailure>>;
  /** Calls `onChange` soon after the file at `path` changed, appeared or went. Changes may coalesce. Returns an undo. */
  watch(path: string, onChange: () => void): () => void;
}

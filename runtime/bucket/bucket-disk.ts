/**
 * A disk whose files are objects of a bucket.
 *
 * It keeps the promises of the seam, with these differences:
 * - names are durable as soon as they are made, so `syncDirectory` has nothing to do;
 * - the last close of a file brings what was not synced to the bucket, and can fail for it;
 * - a rename copies: cut off in between it leaves the file under both names, and of a directory any part;
 * - `removeTree` that is cut off leaves any part of the tree, and a file of it perhaps as it once was;
 * - a bucket is never full until it says so: `space` knows no bound;
 * - nothing can be watched: `watch` is a defect;
 * - names are of `A-Z a-z 0-9 . _ ~ -`, others are `disk.broken` with `EINVAL`.
 */
import type { BucketFile } from "#runtime/bucket/bucket-file.ts";
import { BucketTree, type BucketTreeOptions } from "#runtime/bucket/bucket-tree.ts";
import { EXTENT_BYTES_MAX } from "#runtime/bucket/merge-plan.ts";
import type { Disk, DiskFailure, FileFacts, OpenMode } from "#runtime/disk/disk.ts";
import { diskFailure, wholeFileBytesMax } from "#runtime/disk/disk-failure.ts";
import { assert, Defect, fail, ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Written and in no object yet, of all files together: past it a write waits until some of it is. */
export const UNSYNCED_BYTES_MAX: number = 64 * MiB;

interface Descriptor {
  readonly path: string;
  readonly file: BucketFile;
  readonly isWritable: boolean;
}

type Outcome<Value> = Promise<Result<Value, DiskFailure>>;

export class BucketDisk implements Disk {
  readonly #tree: BucketTree;
  readonly #descriptors = new Map<number, Descriptor>();
  #nextDescriptor = 3;

  constructor(options: BucketTreeOptions) {
    this.#tree = new BucketTree(options);
  }

  /** Descriptors that are open. */
  get openCount(): number {
    return this.#descriptors.size;
  }

  async open(path: string, mode: OpenMode): Outcome<number> {
    const opened = await this.#tree.open(path, mode);
    if (!opened.ok) return opened;
    const descriptor = this.#nextDescriptor;
    this.#nextDescriptor += 1;
    this.#descriptors.set(descriptor, { path, file: opened.value, isWritable: mode !== "read" });
    return ok(descriptor);
  }

  async close(descriptor: number): Outcome<void> {
    const open = this.#descriptors.get(descriptor);
    if (open === undefined) return notOpen(descriptor);
    this.#descriptors.delete(descriptor);
    return await this.#tree.close(open.file);
  }

  async read(descriptor: number, into: Uint8Array, position: number): Outcome<number> {
    assertPosition(position);
    const open = this.#descriptors.get(descriptor);
    return open === undefined ? notOpen(descriptor) : await open.file.read(into, position);
  }

  async write(descriptor: number, parts: readonly Uint8Array[], position: number): Outcome<void> {
    assertPosition(position);
    const open = this.#descriptors.get(descriptor);
    if (open === undefined) return notOpen(descriptor);
    if (!open.isWritable) return fail(diskFailure("EBADF", open.path));
    const { file } = open;
    const lengthBytes = parts.reduce((sum, part) => sum + part.length, 0);
    await this.#makeRoom(lengthBytes);
    if (file.trouble !== undefined) return fail(file.trouble);
    // A copy: the parts are the caller's again when this has answered.
    file.write(position, Buffer.concat(parts, lengthBytes));
    // Not waited for: what fails is told by the sync.
    if (file.unsyncedBytes >= EXTENT_BYTES_MAX && !file.isFlushing) void this.#flush(file);
    return ok();
  }

  async sync(descriptor: number): Outcome<void> {
    const open = this.#descriptors.get(descriptor);
    return open === undefined ? notOpen(descriptor) : await this.#flush(open.file);
  }

  async truncate(descriptor: number, sizeBytes: number): Outcome<void> {
    assertPosition(sizeBytes);
    const open = this.#descriptors.get(descriptor);
    if (open === undefined) return notOpen(descriptor);
    return open.isWritable ? await open.file.cut(sizeBytes) : fail(diskFailure("EINVAL", open.path));
  }

  async sizeBytes(descriptor: number): Outcome<number> {
    const open = this.#descriptors.get(descriptor);
    if (open === undefined) return notOpen(descriptor);
    // What did not get there is missing from its size, which nobody has cut.
    const { sizeBytes, trouble } = open.file;
    return trouble === undefined ? ok(sizeBytes) : fail(trouble);
  }

  async list(directory: string): Outcome<readonly FileFacts[]> {
    return await this.#tree.list(directory);
  }

  async makeDirectory(directory: string): Outcome<void> {
    return await this.#tree.makeDirectory(directory);
  }

  async rename(from: string, to: string): Outcome<void> {
    return await this.#tree.rename(from, to);
  }

  async remove(path: string): Outcome<void> {
    return await this.#tree.remove(path);
  }

  async removeTree(directory: string): Outcome<void> {
    return await this.#tree.removeTree(directory);
  }

  async syncDirectory(directory: string): Outcome<void> {
    return await this.#tree.isDirectory(directory);
  }

  async readFile(path: string): Outcome<Uint8Array> {
    const opened = await this.#tree.open(path, "read");
    if (!opened.ok) return opened;
    const file = opened.value;
    const bytes = new Uint8Array(Math.min(file.sizeBytes, wholeFileBytesMax + 1));
    const isTooLarge = bytes.length > wholeFileBytesMax;
    const read = isTooLarge ? tooLarge(path) : await file.read(bytes, 0);
    const closed = await this.#tree.close(file);
    if (!read.ok) return read;
    return closed.ok ? ok(bytes.subarray(0, read.value)) : closed;
  }

  async replaceFile(path: string, contents: Uint8Array): Outcome<void> {
    if (contents.length > wholeFileBytesMax) return tooLarge(path);
    return await this.#tree.replaceFile(path, contents);
  }

  async space(directory: string): Outcome<{ readonly freeBytes: number; readonly totalBytes: number }> {
    const found = await this.#tree.isDirectory(directory);
    return found.ok ? ok({ freeBytes: Number.MAX_SAFE_INTEGER, totalBytes: Number.MAX_SAFE_INTEGER }) : found;
  }

  watch(path: string): () => void {
    throw new Defect(`a file of a bucket is not watched: ${path}`);
  }

  async #flush(file: BucketFile): Outcome<void> {
    const flushed = await file.flush();
    // It is not to be trusted any more: whoever opens it afresh sees what the bucket has.
    if (!flushed.ok) this.#tree.forget(file);
    return flushed;
  }

  /** Waits until as much fits in memory, or nothing is in it. */
  async #makeRoom(lengthBytes: number): Promise<void> {
    for (;;) {
      let heldBytes = 0;
      let fullest: BucketFile | undefined;
      for (const file of new Set([...this.#descriptors.values()].map((open) => open.file))) {
        heldBytes += file.unsyncedBytes;
        if (fullest === undefined || file.unsyncedBytes > fullest.unsyncedBytes) fullest = file;
      }
      if (fullest === undefined || heldBytes === 0 || heldBytes + lengthBytes <= UNSYNCED_BYTES_MAX) return;
      await this.#flush(fullest);
    }
  }
}

function tooLarge(path: string): Result<never, DiskFailure> {
  // Said outright: in the table of errors it means that no more can be written.
  return fail({ code: "disk.broken", path, errno: "EFBIG" });
}

function notOpen(descriptor: number): Result<never, DiskFailure> {
  return fail(diskFailure("EBADF", `descriptor ${descriptor}`));
}

function assertPosition(position: number): void {
  assert(Number.isSafeInteger(position) && position >= 0, "a position in a file is a whole number from 0");
}

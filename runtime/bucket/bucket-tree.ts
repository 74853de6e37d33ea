/**
 * Names on a bucket: which path leads to which file, and how that changes.
 *
 * Each path changes one step at a time. A file that is open and loses its path lives on until its last close.
 */
import type { Bucket, BucketFailure } from "#runtime/bucket/bucket.ts";
import { BucketFile } from "#runtime/bucket/bucket-file.ts";
import { diskFailureOf } from "#runtime/bucket/disk-failures.ts";
import { type FileOrigin, loadFile, makeFile } from "#runtime/bucket/file-origin.ts";
import {
  type Found,
  folderOf,
  keysToRemove,
  lookUp,
  namesOf,
  openFolder,
  parentOf,
  pathKey,
} from "#runtime/bucket/folders.ts";
import { removeRest, sweep } from "#runtime/bucket/leftovers.ts";
import { Life } from "#runtime/bucket/lives.ts";
import { formatName } from "#runtime/bucket/object-name.ts";
import { ObjectReader } from "#runtime/bucket/object-reader.ts";
import type { DiskFailure, FileFacts, OpenMode } from "#runtime/disk/disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { Turns } from "#runtime/turns.ts";

/** Directories that are not asked for again: with as many they are all forgotten. */
const KNOWN_DIRECTORIES_MAX = 1024;

type Outcome<Value> = Promise<Result<Value, DiskFailure>>;

export interface BucketTreeOptions {
  readonly bucket: Bucket;
  readonly random: Pick<Random, "id">;
}

export class BucketTree {
  readonly #bucket: Bucket;
  readonly #reader: ObjectReader;
  readonly #random: Pick<Random, "id">;
  /** Open, by key. One that is in trouble, or has lost its path, is no longer here. */
  readonly #files = new Map<string, BucketFile>();
  readonly #turns = new Turns<string>();
  /** Known to be there, by key. */
  readonly #directories = new Set<string>();
  #life: Promise<Result<Life, BucketFailure>> | undefined;

  constructor({ bucket, random }: BucketTreeOptions) {
    this.#bucket = bucket;
    this.#reader = new ObjectReader(bucket);
    this.#random = random;
  }

  /** The file, with one descriptor more. */
  async open(path: string, mode: OpenMode): Outcome<BucketFile> {
    return await this.#alone([path], async ([key]) => {
      const opened = await this.#find(path, key, mode);
      if (opened.ok) opened.value.openCount += 1;
      return opened;
    });
  }

  /** One descriptor of it less. With the last one goes what is in memory, and what has no path. */
  async close(file: BucketFile): Outcome<void> {
    file.openCount -= 1;
    if (file.openCount > 0) return ok();
    const flushed = file.isNamed && file.trouble === undefined ? await file.flush() : ok();
    // Somebody may have opened it meanwhile.
    if (file.openCount > 0) return flushed;
    this.forget(file);
    if (!file.isNamed) await removeRest(this.#bucket, file);
    return flushed;
  }

  /** Whoever opens its path from now on gets it from the bucket. */
  forget(file: BucketFile): void {
    for (const [key, one] of this.#files) if (one === file) this.#files.delete(key);
  }

  async list(path: string): Outcome<readonly FileFacts[]> {
    const key = pathKey(path);
    if (key === undefined) return broken("EINVAL", path);
    const opened = await openFolder(this.#bucket, key);
    if (!opened.ok) return told(opened, path);
    const entries = opened.value;
    if (entries === undefined) {
      const found = await lookUp(this.#bucket, key);
      return found.ok ? broken(found.value.kind === "file" ? "ENOTDIR" : "ENOENT", path) : told(found, path);
    }
    const life = await this.#life;
    if (life?.ok) await sweep(this.#bucket, life.value, folderOf(key), entries);
    return ok(
      entries.flatMap(({ name, found }): readonly FileFacts[] => {
        if (found.kind === "directory") return [{ name, kind: "directory", sizeBytes: 0 }];
        if (found.kind === "missing") return [];
        const open = this.#files.get(folderOf(key) + name);
        return [{ name, kind: "file", sizeBytes: open?.sizeBytes ?? found.sizeBytes }];
      }),
    );
  }

  async isDirectory(path: string): Outcome<void> {
    const key = pathKey(path);
    if (key === undefined) return broken("EINVAL", path);
    const found = await this.#lookAt(key);
    if (!found.ok) return told(found, path);
    if (found.value.kind === "directory") return ok();
    return broken(found.value.kind === "file" ? "ENOTDIR" : "ENOENT", path);
  }

  async makeDirectory(path: string): Outcome<void> {
    return await this.#alone([path], async ([key]) => {
      const life = await this.#begin();
      if (!life.ok) return told(life, path);
      const missing: string[] = [];
      for (let above = key; ; above = parentOf(above)) {
        const found = await lookUp(this.#bucket, above);
        if (!found.ok) return told(found, path);
        if (found.value.kind === "directory") break;
        // As the system: EEXIST where the file is the last name, ENOTDIR where it stands in the way.
        if (found.value.kind === "file") return broken(above === key ? "EEXIST" : "ENOTDIR", path);
        missing.push(above);
      }
      for (const one of missing.reverse()) {
        const put = await this.#bucket.put(folderOf(one), []);
        if (!put.ok) return told(put, path);
      }
      return ok();
    });
  }

  async rename(from: string, to: string): Outcome<void> {
    return await this.#alone([from, to], async ([fromKey, toKey = ""]) => {
      const source = await lookUp(this.#bucket, fromKey);
      if (!source.ok) return told(source, from);
      if (source.value.kind === "missing") return broken("ENOENT", from);
      const isInside = source.value.kind === "directory" && folderOf(toKey).startsWith(folderOf(fromKey));
      if (fromKey === toKey) return ok();
      if (isInside) return broken("EINVAL", from);
      const problem = await this.#problemAbove(toKey, from);
      if (!problem.ok) return problem;
      const target = await lookUp(this.#bucket, toKey);
      if (!target.ok) return told(target, from);
      if (source.value.kind === "directory") return await this.#moveDirectory(fromKey, toKey, target.value, from);
      if (target.value.kind === "directory") return broken("EISDIR", from);
      return await this.#moveFile(fromKey, toKey, target.value, from);
    });
  }

  async remove(path: string): Outcome<void> {
    return await this.#alone([path], async ([key]) => {
      const found = await lookUp(this.#bucket, key);
      if (!found.ok) return told(found, path);
      if (found.value.kind === "directory") return broken("EISDIR", path);
      if (found.value.kind === "missing") return broken("ENOENT", path);
      return await this.#removeFile(key, found.value, path);
    });
  }

  async removeTree(path: string): Outcome<void> {
    return await this.#alone([path], async ([key]) => {
      const folder = folderOf(key);
      this.#directories.clear();
      const keys = await keysToRemove(this.#bucket, key);
      if (!keys.ok) return told(keys, path);
      for (const [open, file] of this.#files) {
        if (open !== key && !open.startsWith(folder)) continue;
        file.isNamed = false;
        this.#files.delete(open);
      }
      const removed = await this.#bucket.remove(keys.value);
      return removed.ok ? ok() : told(removed, path);
    });
  }

  async replaceFile(path: string, contents: Uint8Array): Outcome<void> {
    return await this.#alone([path], async ([key]) => {
      const problem = await this.#problemAbove(key, path);
      if (!problem.ok) return problem;
      const before = await lookUp(this.#bucket, key);
      if (!before.ok) return told(before, path);
      if (before.value.kind === "directory") return broken("EISDIR", path);
      const made = await this.#make(path, key, contents.length, async (into, position) => {
        into.set(contents.subarray(position, position + into.length));
        return ok();
      });
      if (!made.ok) return told(made, path);
      await this.#replaced(key, before.value);
      return ok();
    });
  }

  async #find(path: string, key: string, mode: OpenMode): Outcome<BucketFile> {
    const known = this.#files.get(key);
    // One in trouble whose last close is under way is no longer to be had.
    if (known !== undefined && known.trouble === undefined)
      return mode === "create-new" ? broken("EEXIST", path) : ok(known);
    const found = await lookUp(this.#bucket, key);
    if (!found.ok) return told(found, path);
    const { value } = found;
    if (value.kind !== "missing" && mode === "create-new") return broken("EEXIST", path);
    if (value.kind === "directory") return broken("EISDIR", path);
    if (value.kind === "missing" && (mode === "read" || mode === "write")) return broken("ENOENT", path);
    const above = value.kind === "missing" ? await this.#problemAbove(key, path) : ok();
    if (!above.ok) return above;
    const origin =
      value.kind === "file"
        ? await loadFile(this.#bucket, { path, folder: folderOf(key) }, value.head, value.objects)
        : await this.#make(path, key, 0, async () => ok());
    return origin.ok ? await this.#keep(key, origin.value) : told(origin, path);
  }

  async #keep(key: string, origin: FileOrigin): Outcome<BucketFile> {
    // Only a change needs generations, but whoever changes a file cannot wait for them, nor fail for want of them.
    const life = await this.#begin();
    if (!life.ok) return told(life, origin.path);
    const file = new BucketFile(
      { bucket: this.#bucket, reader: this.#reader, nextGeneration: () => life.value.next() },
      origin,
    );
    this.#files.set(key, file);
    return ok(file);
  }

  async #make(
    path: string,
    key: string,
    sizeBytes: number,
    read: Parameters<typeof makeFile>[4],
  ): Promise<Result<FileOrigin, BucketFailure>> {
    const life = await this.#begin();
    if (!life.ok) return life;
    const place = { path, folder: folderOf(key) };
    return await makeFile(this.#bucket, place, () => life.value.next(), sizeBytes, read);
  }

  async #moveFile(fromKey: string, toKey: string, target: Found, path: string): Outcome<void> {
    const opened = await this.#find(path, fromKey, "write");
    if (!opened.ok) return opened;
    const file = opened.value;
    const flushed = await file.flush();
    if (!flushed.ok) return flushed;
    let trouble: DiskFailure | undefined;
    const made = await this.#make(path, toKey, file.sizeBytes, async (into, position) => {
      const read = await file.read(into, position);
      if (read.ok) return ok();
      trouble = read.failure;
      return fail({ code: "bucket.missing", key: fromKey });
    });
    if (trouble !== undefined) return fail(trouble);
    if (!made.ok) return told(made, path);
    await this.#replaced(toKey, target);
    const source = await lookUp(this.#bucket, fromKey);
    if (!source.ok) return told(source, path);
    this.#files.delete(fromKey);
    if (file.openCount > 0) {
      await file.become(made.value);
      this.#files.set(toKey, file);
    }
    return source.value.kind === "file" ? await this.#removeFile(fromKey, source.value, path) : ok();
  }

  async #moveDirectory(fromKey: string, toKey: string, target: Found, path: string): Outcome<void> {
    if (target.kind === "file") return broken("ENOTDIR", path);
    this.#directories.clear();
    const inTarget = await openFolder(this.#bucket, toKey);
    if (!inTarget.ok) return told(inTarget, path);
    if ((inTarget.value ?? []).some(({ found }) => found.kind !== "missing")) return broken("ENOTEMPTY", path);
    const put = await this.#bucket.put(folderOf(toKey), []);
    if (!put.ok) return told(put, path);
    const inSource = await openFolder(this.#bucket, fromKey);
    if (!inSource.ok) return told(inSource, path);
    for (const { name, found } of inSource.value ?? []) {
      const [one, other] = [folderOf(fromKey) + name, folderOf(toKey) + name];
      const nothing = await lookUp(this.#bucket, other);
      if (!nothing.ok) return told(nothing, path);
      if (found.kind === "missing") continue;
      const move = found.kind === "directory" ? this.#moveDirectory : this.#moveFile;
      const moved = await move.call(this, one, other, nothing.value, path);
      if (!moved.ok) return moved;
    }
    const left = await keysToRemove(this.#bucket, fromKey);
    if (!left.ok) return told(left, path);
    const removed = await this.#bucket.remove(left.value);
    return removed.ok ? ok() : told(removed, path);
  }

  /** One object says that it is gone. What it was made of goes now, or with the last close, or with a later life. */
  async #removeFile(key: string, { head, objects }: Extract<Found, { kind: "file" }>, path: string): Outcome<void> {
    const life = await this.#begin();
    if (!life.ok) return told(life, path);
    const { file } = head;
    const name = formatName({ kind: "gone", file, generation: life.value.next() });
    const put = await this.#bucket.put(folderOf(key) + name, []);
    if (!put.ok) return told(put, path);
    if (!this.#loseName(key)) await this.#bucket.remove(namesOf(objects).map((one) => folderOf(key) + one));
    return ok();
  }

  /** Another file has the path now. */
  async #replaced(key: string, before: Found): Promise<void> {
    if (before.kind === "directory" || this.#loseName(key)) return;
    await this.#bucket.remove(namesOf(before.objects).map((one) => folderOf(key) + one));
  }

  /** Whether the file that had it is open, and lives on. */
  #loseName(key: string): boolean {
    const open = this.#files.get(key);
    if (open === undefined) return false;
    open.isNamed = false;
    this.#files.delete(key);
    return true;
  }

  /** Why nothing can be made there: of what is above it. */
  async #problemAbove(key: string, path: string): Outcome<void> {
    let isFirst = true;
    for (let above = parentOf(key); ; above = parentOf(above), isFirst = false) {
      const found = await this.#lookAt(above);
      if (!found.ok) return told(found, path);
      if (found.value.kind === "file") return broken("ENOTDIR", path);
      if (found.value.kind === "directory") return isFirst ? ok() : broken("ENOENT", path);
    }
  }

  /** As `lookUp`, which it does not ask for what is known to be a directory. */
  async #lookAt(key: string): Promise<Result<Found, BucketFailure>> {
    if (this.#directories.has(key)) return ok({ kind: "directory" });
    const found = await lookUp(this.#bucket, key);
    if (found.ok && found.value.kind === "directory") {
      if (this.#directories.size >= KNOWN_DIRECTORIES_MAX) this.#directories.clear();
      this.#directories.add(key);
    }
    return found;
  }

  #begin(): Promise<Result<Life, BucketFailure>> {
    this.#life ??= Life.begin(this.#bucket, this.#random).then((life) => {
      if (!life.ok) this.#life = undefined;
      return life;
    });
    return this.#life;
  }

  async #alone<Value>(
    paths: readonly [string, ...string[]],
    step: (keys: readonly [string, ...string[]]) => Outcome<Value>,
  ): Outcome<Value> {
    const [path, ...others] = paths;
    const [key, ...keys] = [path, ...others].map(pathKey);
    if (key === undefined) return broken("EINVAL", path);
    const known = keys.filter((one) => one !== undefined);
    if (known.length < keys.length) return broken("EINVAL", path);
    return await this.#turns.inTurns([key, ...known], () => step([key, ...known]));
  }
}

function told(result: { readonly failure: BucketFailure }, path: string): Result<never, DiskFailure> {
  return fail(diskFailureOf(result.failure, path));
}

function broken(errno: string, path: string): Result<never, DiskFailure> {
  return fail(diskFailure(errno, path));
}

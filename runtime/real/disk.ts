/**
 * The machine's disk.
 *
 * Descriptors are plain numbers: a `FileHandle` that is collected before it is closed ends the process. The callback
 * functions of `node:fs` are turned into results in one place, `attempt`; nothing here throws for what a disk does.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { Disk, DiskFailure, FileFacts, OpenMode, SpaceFacts } from "#runtime/disk/disk.ts";
import { diskFailure, wholeFileBytesMax } from "#runtime/disk/disk-failure.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import { watchFile } from "#runtime/real/disk-watch.ts";

const { O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;
const openFlags: Readonly<Record<OpenMode, number>> = {
  // A pipe in the place of a file would hold a thread of the pool until somebody writes to it.
  read: O_RDONLY | O_NONBLOCK,
  write: O_RDWR,
  create: O_RDWR | O_CREAT,
  "create-new": O_RDWR | O_CREAT | O_EXCL,
};
/** Only the owner reads what a node stores. */
const fileMode = 0o600;
const directoryMode = 0o700;
/** What of a mode lets the group, or all others, read and write. */
const othersMode = 0o066;

type Done<Value> = (error: NodeJS.ErrnoException | null, value: Value) => void;
type DoneVoid = (error: NodeJS.ErrnoException | null) => void;

/** One value per process; it remembers the path of every open descriptor, to name it in failures. */
export function createRealDisk(): Disk {
  return new RealDisk();
}

class RealDisk implements Disk {
  readonly #paths = new Map<number, string>();
  /** Makes the names of temporary files unique within the process; the process id does so between processes. */
  #temporaryCount = 0;

  async open(path: string, mode: OpenMode): Promise<Result<number, DiskFailure>> {
    const opened = await attempt<number>(path, (done) => fs.open(path, openFlags[mode], fileMode, done));
    if (opened.ok) this.#paths.set(opened.value, path);
    return opened;
  }

  async close(descriptor: number): Promise<Result<void, DiskFailure>> {
    const path = this.#paths.get(descriptor);
    // Closing twice could close what somebody else opened since.
    if (path === undefined) return notOpen(descriptor);
    this.#paths.delete(descriptor);
    return await attemptVoid(path, (done) => fs.close(descriptor, done));
  }

  async read(descriptor: number, into: Uint8Array, position: number): Promise<Result<number, DiskFailure>> {
    assertPosition(position);
    const path = this.#paths.get(descriptor);
    if (path === undefined) return notOpen(descriptor);
    let doneBytes = 0;
    while (doneBytes < into.length) {
      const rest = into.length - doneBytes;
      const read = await attempt<number>(path, (done) =>
        fs.read(descriptor, into, doneBytes, rest, position + doneBytes, (error, count) => done(error, count)),
      );
      if (!read.ok) return read;
      if (read.value === 0) break;
      doneBytes += read.value;
    }
    return ok(doneBytes);
  }

  async write(descriptor: number, parts: readonly Uint8Array[], position: number): Promise<Result<void, DiskFailure>> {
    assertPosition(position);
    const path = this.#paths.get(descriptor);
    if (path === undefined) return notOpen(descriptor);
    let rest = parts.filter((part) => part.length > 0);
    let at = position;
    while (rest.length > 0) {
      const written = await writeSome(descriptor, path, rest, at);
      if (!written.ok) return written;
      // A full disk writes part of it, says so by a smaller count, and fails only the next time; a `writev` also takes
      // no more than 1 024 parts.
      assert(written.value > 0, "a write of something writes something or fails");
      at += written.value;
      rest = withoutFirst(rest, written.value);
    }
    return ok();
  }

  async sync(descriptor: number): Promise<Result<void, DiskFailure>> {
    const path = this.#paths.get(descriptor);
    if (path === undefined) return notOpen(descriptor);
    return await attemptVoid(path, (done) => fs.fdatasync(descriptor, done));
  }

  async truncate(descriptor: number, sizeBytes: number): Promise<Result<void, DiskFailure>> {
    assertPosition(sizeBytes);
    const path = this.#paths.get(descriptor);
    if (path === undefined) return notOpen(descriptor);
    return await attemptVoid(path, (done) => fs.ftruncate(descriptor, sizeBytes, done));
  }

  async sizeBytes(descriptor: number): Promise<Result<number, DiskFailure>> {
    const path = this.#paths.get(descriptor);
    if (path === undefined) return notOpen(descriptor);
    const facts = await attempt<fs.Stats>(path, (done) => fs.fstat(descriptor, done));
    return facts.ok ? ok(facts.value.size) : facts;
  }

  async list(directory: string): Promise<Result<readonly FileFacts[], DiskFailure>> {
    const entries = await attempt<fs.Dirent[]>(directory, (done) =>
      fs.readdir(directory, { withFileTypes: true }, done),
    );
    if (!entries.ok) return entries;
    const listed: FileFacts[] = [];
    for (const entry of entries.value) {
      const facts = await factsOf(directory, entry);
      if (facts.ok) listed.push(facts.value);
      // Gone between the listing and the look: it is as if it had gone before.
      else if (facts.failure.code !== "disk.not-found") return facts;
    }
    return ok(listed);
  }

  async makeDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    const made = await this.#makeOne(directory);
    const above = dirname(directory);
    if (made.ok || made.failure.code !== "disk.not-found" || above === directory) return made;
    const parent = await this.makeDirectory(above);
    // Once more and no further: under /proc a directory cannot be made although the one above it is there, which is
    // what sends the recursive mkdir of Node round for ever.
    return parent.ok ? await this.#makeOne(directory) : parent;
  }

  async rename(from: string, to: string): Promise<Result<void, DiskFailure>> {
    return await attemptVoid(from, (done) => fs.rename(from, to, done));
  }

  async remove(path: string): Promise<Result<void, DiskFailure>> {
    return await attemptVoid(path, (done) => fs.unlink(path, done));
  }

  async removeTree(directory: string): Promise<Result<void, DiskFailure>> {
    return await attemptVoid(directory, (done) => fs.rm(directory, { recursive: true, force: true }, done));
  }

  async syncDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    const opened = await this.open(directory, "read");
    if (!opened.ok) return opened;
    const synced = await attemptVoid(directory, (done) => fs.fsync(opened.value, done));
    const closed = await this.close(opened.value);
    return synced.ok ? closed : synced;
  }

  async readFile(path: string): Promise<Result<Uint8Array, DiskFailure>> {
    // Without waiting: opening a named pipe would hold a thread until somebody writes into it.
    const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;
    const opened = await attempt<number>(path, (done) => fs.open(path, flags, done));
    if (!opened.ok) return opened;
    this.#paths.set(opened.value, path);
    const contents = await this.#readWhole(opened.value, path);
    const closed = await this.close(opened.value);
    return closed.ok ? contents : closed;
  }

  async replaceFile(path: string, contents: Uint8Array): Promise<Result<void, DiskFailure>> {
    if (contents.length > wholeFileBytesMax) return fail({ code: "disk.broken", path, errno: "EFBIG" });
    this.#temporaryCount += 1;
    const temporary = `${path}.${process.pid}-${this.#temporaryCount}.tmp`;
    const written = await this.#writeWhole(temporary, contents);
    const renamed = written.ok ? await this.rename(temporary, path) : written;
    if (!renamed.ok) {
      // Best effort: the first failure is the one worth telling.
      await this.remove(temporary);
      return fail({ ...renamed.failure, path });
    }
    return await this.syncDirectory(dirname(path));
  }

  async space(directory: string): Promise<Result<SpaceFacts, DiskFailure>> {
    const facts = await attempt<fs.StatsFs>(directory, (done) => fs.statfs(directory, done));
    if (!facts.ok) return facts;
    const { bavail, blocks, bsize } = facts.value;
    const found = await attempt<fs.Stats>(directory, (done) => fs.stat(directory, done));
    const fileSystem = found.ok ? found.value.dev.toString(16) : undefined;
    return ok({ freeBytes: bavail * bsize, totalBytes: blocks * bsize, fileSystem });
  }

  watch(path: string, onChange: () => void): () => void {
    return watchFile(path, onChange);
  }

  /** Makes it, with its name durable in the one above; fine if it is there. */
  async #makeOne(directory: string): Promise<Result<void, DiskFailure>> {
    const made = await attemptVoid(directory, (done) => fs.mkdir(directory, { mode: directoryMode }, done));
    if (made.ok) return await this.syncDirectory(dirname(directory));
    if (made.failure.code !== "disk.exists") return made;
    const facts = await attempt<fs.Stats>(directory, (done) => fs.stat(directory, done));
    if (!facts.ok) return facts;
    return facts.value.isDirectory() ? ok() : made;
  }

  async #readWhole(descriptor: number, path: string): Promise<Result<Uint8Array, DiskFailure>> {
    const facts = await attempt<fs.Stats>(path, (done) => fs.fstat(descriptor, done));
    if (!facts.ok) return facts;
    // A device or a pipe has no size and perhaps no end.
    if (!facts.value.isFile()) return fail({ code: "disk.broken", path, errno: "ENOTSUP" });
    const { size } = facts.value;
    if (size > wholeFileBytesMax) return fail({ code: "disk.broken", path, errno: "EFBIG" });
    // One byte more than expected: a file that grows in between is seen to do so, and is not cut short silently.
    const bytes = new Uint8Array(size + 1);
    const read = await this.read(descriptor, bytes, 0);
    if (!read.ok) return read;
    if (read.value > size) return await this.#readWhole(descriptor, path);
    return ok(bytes.slice(0, read.value));
  }

  async #writeWhole(path: string, contents: Uint8Array): Promise<Result<void, DiskFailure>> {
    const opened = await this.open(path, "create-new");
    if (!opened.ok) return opened;
    const written = await this.write(opened.value, [contents], 0);
    const synced = written.ok ? await this.sync(opened.value) : written;
    const closed = await this.close(opened.value);
    return synced.ok ? closed : synced;
  }
}

async function writeSome(
  descriptor: number,
  path: string,
  parts: readonly Uint8Array[],
  position: number,
): Promise<Result<number, DiskFailure>> {
  return await attempt<number>(path, (done) => {
    const written: Done<number> = (error, count) => done(error, count);
    const [only] = parts;
    if (only !== undefined && parts.length === 1) fs.write(descriptor, only, 0, only.length, position, written);
    else fs.writev(descriptor, [...parts], position, written);
  });
}

/** What is left of `parts` when their first `count` bytes are gone. */
function withoutFirst(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let gone = count;
  let index = 0;
  for (let part = parts[0]; part !== undefined && part.length <= gone; part = parts[index]) {
    gone -= part.length;
    index += 1;
  }
  const [first, ...rest] = parts.slice(index);
  return first === undefined ? [] : [first.subarray(gone), ...rest];
}

async function factsOf(directory: string, entry: fs.Dirent): Promise<Result<FileFacts, DiskFailure>> {
  const { name } = entry;
  if (entry.isDirectory()) return ok({ name, kind: "directory", sizeBytes: 0 });
  if (!entry.isFile()) return ok({ name, kind: "other", sizeBytes: 0 });
  const path = join(directory, name);
  const facts = await attempt<fs.Stats>(path, (done) => fs.lstat(path, done));
  if (!facts.ok) return facts;
  const { size: sizeBytes, mode } = facts.value;
  return ok({ name, kind: "file", sizeBytes, ...((mode & othersMode) === 0 ? {} : { isForOthers: true }) });
}

/** The one place where the system's errors become failures. */
function attempt<Value>(path: string, start: (done: Done<Value>) => void): Promise<Result<Value, DiskFailure>> {
  return new Promise((resolve) => {
    start((error, value) => {
      if (error === null) resolve(ok(value));
      else resolve(fail(diskFailure(error.code ?? "EIO", path)));
    });
  });
}

function attemptVoid(path: string, start: (done: DoneVoid) => void): Promise<Result<void, DiskFailure>> {
  return attempt<void>(path, (done) => start((error) => done(error, undefined)));
}

function notOpen(descriptor: number): Result<never, DiskFailure> {
  return fail(diskFailure("EBADF", `descriptor ${descriptor}`));
}

function assertPosition(position: number): void {
  assert(Number.isSafeInteger(position) && position >= 0, "a position in a file is a whole number from 0");
}

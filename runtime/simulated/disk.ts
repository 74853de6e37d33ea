/**
 * A disk in memory that can lie the way disks do.
 *
 * It keeps apart what is visible and what is durable, and `crash` shows the difference (`memory-file.ts`,
 * `memory-names.ts`). Faults are armed through `failNext`, `cutNext`, `tearNext`, `capacityBytes`, `delayMs` and `flipByte`.
 * Paths are plain strings with `/`; `a/b`, `/a/b` and `/a/b/` are the same file.
 */
import type { Clock } from "#runtime/clock.ts";
import type { Disk, DiskFailure, FileFacts, OpenMode } from "#runtime/disk/disk.ts";
import { diskFailure, wholeFileBytesMax } from "#runtime/disk/disk-failure.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { DiskFaults } from "#runtime/simulated/disk-faults.ts";
import { MemoryDescriptors } from "#runtime/simulated/memory-descriptors.ts";
import { MemoryFile } from "#runtime/simulated/memory-file.ts";
import { factsOf, MemoryNames, normalPath, parentOf } from "#runtime/simulated/memory-names.ts";
import { MemoryWatchers } from "#runtime/simulated/memory-watchers.ts";
import { GiB } from "#runtime/units.ts";

/** Without any of them: 1 GiB, and every operation takes no time. */
export interface MemoryDiskOptions {
  /** Needed only for `delayMs`. */
  readonly clock?: Clock;
  /** See `MemoryDisk.capacityBytes`. */
  readonly capacityBytes?: number;
}

/** Operations that can be made to fail. */
export type DiskOperation = Exclude<keyof Disk, "watch">;

/** The disk of a simulation. What is written is visible at once, and durable when it was synced. */
export class MemoryDisk implements Disk {
  /** Sum of the sizes of all files. A write or truncate past it is `disk.full`; a write keeps what fitted. */
  capacityBytes: number;
  /** How long each operation takes from now on, by the clock given. */
  delayMs = 0;

  readonly #clock: Clock | undefined;
  readonly #names = new MemoryNames();
  readonly #descriptors = new MemoryDescriptors();
  readonly #watchers = new MemoryWatchers();
  readonly #faults = new DiskFaults();
  #fullCount = 0;
  #crashCount = 0;

  constructor({ clock, capacityBytes = 1 * GiB }: MemoryDiskOptions = {}) {
    this.#clock = clock;
    this.capacityBytes = capacityBytes;
  }

  /** The next `operation` fails with the system's name `errno`, once; faults for one operation queue up. A `sync` that
   * fails forgets what it covered, as the system does. `onMet` hears when it has failed. */
  failNext(operation: DiskOperation, errno: string, onMet: () => void = () => undefined): void {
    this.#faults.add({ operation, errno, onMet });
  }

  /** What `failNext` has armed for `operation`, and was not met yet, does not fail. */
  forgetFaults(operation: DiskOperation): void {
    this.#faults.forget(operation);
  }

  /**
   * The next write of more than one byte takes so many of its bytes, and fails with `errno`: what a disk has done that had no
   * room for the rest, or could not write it. `onMet` hears when it has.
   */
  cutNext(errno: string, keeps: (sizeBytes: number) => number, onMet: () => void): void {
    this.#faults.addCut({ errno, keeps, onMet });
  }

  /** What `cutNext` has armed, and was not met yet, is taken whole. */
  forgetCuts(): void {
    this.#faults.forgetCuts();
  }

  /**
   * The next write that covers more than one sector is torn where the power is cut before it was synced: its first sectors are
   * there, and the others are not. `onTorn` hears of it when it is visible, and is to see to the power. Undefined: none is.
   */
  tearNext(onTorn: (() => void) | undefined): void {
    this.#faults.setTear(onTorn);
  }

  /**
   * Ends every descriptor and watcher, and what waits for a slow disk, as the death of the process does. Without `keepUnsynced` the power went too: what
   * was not synced is kept, lost or torn as `random` decides.
   */
  crash(random: Random, { keepUnsynced = false }: { readonly keepUnsynced?: boolean } = {}): void {
    this.#crashCount += 1;
    this.#descriptors.clear();
    this.#watchers.clear();
    this.#faults.clear();
    if (keepUnsynced) return;
    this.#names.crash(random);
    for (const file of this.#names.files()) file.crash(random);
  }

  /** Decay: flips the bits of `mask` in one byte of a file, visibly and durably. */
  flipByte(path: string, position: number, mask: number = 0xff): void {
    const entry = this.#names.at(normalPath(path));
    assert(entry !== undefined && entry !== "directory", "only a file decays");
    assert(position < entry.sizeBytes, "only a byte of the file decays");
    entry.flip(position, mask);
  }

  /**
   * The files in a directory, and what is visible of them, by name: for whoever looks at the disk from outside. Bytes are the disk's
   * own: not to be changed, and not to be kept.
   */
  filesIn(directory: string): ReadonlyMap<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    for (const path of this.#names.childrenOf(normalPath(directory))) {
      const entry = this.#names.at(path);
      if (entry === undefined || entry === "directory") continue;
      found.set(path, entry.view());
    }
    return found;
  }

  /** Operations that found no room. */
  get fullCount(): number {
    return this.#fullCount;
  }

  /** Bytes that the files have together. */
  get usedBytes(): number {
    let usedBytes = 0;
    for (const file of this.#names.files()) usedBytes += file.sizeBytes;
    for (const file of this.#descriptors.unnamed) usedBytes += file.sizeBytes;
    return usedBytes;
  }

  /** Failures that `failNext` has armed and no operation has met yet. */
  get faultCount(): number {
    return this.#faults.count;
  }

  /** Descriptors that are open. A test can assert that none leaked. */
  get openCount(): number {
    return this.#descriptors.count;
  }

  async open(path: string, mode: OpenMode): Promise<Result<number, DiskFailure>> {
    const failure = await this.#begin("open", path);
    if (failure !== undefined) return fail(failure);
    const entry = this.#names.at(normalPath(path));
    if (entry !== undefined && mode === "create-new") return broken("EEXIST", path);
    if (entry === "directory") return broken("EISDIR", path);
    if (entry !== undefined) return ok(this.#descriptors.add({ path, file: entry, writable: mode !== "read" }));
    if (mode === "read" || mode === "write") return broken("ENOENT", path);

    const errno = this.#names.parentProblem(normalPath(path));
    if (errno !== undefined) return broken(errno, path);
    const file = new MemoryFile();
    this.#names.create(normalPath(path), file);
    this.#changed(path);
    return ok(this.#descriptors.add({ path, file, writable: true }));
  }

  async close(descriptor: number): Promise<Result<void, DiskFailure>> {
    const path = this.#descriptors.pathOf(descriptor);
    const failure = await this.#begin("close", path);
    if (!this.#descriptors.remove(descriptor)) return broken("EBADF", path);
    return failure === undefined ? ok() : fail(failure);
  }

  async read(descriptor: number, into: Uint8Array, position: number): Promise<Result<number, DiskFailure>> {
    assertPosition(position);
    const path = this.#descriptors.pathOf(descriptor);
    const failure = await this.#begin("read", path);
    if (failure !== undefined) return fail(failure);
    const open = this.#descriptors.at(descriptor);
    return open === undefined ? broken("EBADF", path) : ok(open.file.read(into, position));
  }

  async write(descriptor: number, parts: readonly Uint8Array[], position: number): Promise<Result<void, DiskFailure>> {
    assertPosition(position);
    const path = this.#descriptors.pathOf(descriptor);
    const failure = await this.#begin("write", path);
    if (failure !== undefined) return fail(failure);
    const open = this.#descriptors.at(descriptor);
    if (!open?.writable) return broken("EBADF", path);

    const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
    const spoilt = this.#faults.takeForWrite(position, sizeBytes);
    // What is spoilt is one write, however many parts it was given in.
    const taken = spoilt === undefined ? parts : [Buffer.concat(parts).subarray(0, spoilt.cut?.keeps(sizeBytes))];
    let at = position;
    for (const part of taken) {
      const room = Math.max(open.file.sizeBytes - at, 0) + this.#freeBytes() - Math.max(at - open.file.sizeBytes, 0);
      const fitting = part.subarray(0, Math.max(0, room));
      open.file.write(fitting, at);
      if (fitting.length < part.length) return this.#full(path);
      at += part.length;
    }
    this.#changed(path);
    spoilt?.cut?.onMet();
    if (spoilt?.onTorn !== undefined) open.file.tear();
    spoilt?.onTorn?.();
    return spoilt?.cut === undefined ? ok() : broken(spoilt.cut.errno, path);
  }

  async sync(descriptor: number): Promise<Result<void, DiskFailure>> {
    const path = this.#descriptors.pathOf(descriptor);
    const failure = await this.#begin("sync", path);
    const open = this.#descriptors.at(descriptor);
    if (open === undefined) return broken("EBADF", path);
    if (failure !== undefined) {
      open.file.forgetUnsynced();
      return fail(failure);
    }
    open.file.sync();
    return ok();
  }

  async truncate(descriptor: number, sizeBytes: number): Promise<Result<void, DiskFailure>> {
    assertPosition(sizeBytes);
    const path = this.#descriptors.pathOf(descriptor);
    const failure = await this.#begin("truncate", path);
    if (failure !== undefined) return fail(failure);
    const open = this.#descriptors.at(descriptor);
    // The system's word for cutting what is open for reading only, in contrast to writing to it.
    if (open !== undefined && !open.writable) return broken("EINVAL", path);
    if (open === undefined) return broken("EBADF", path);
    if (sizeBytes - open.file.sizeBytes > this.#freeBytes()) return this.#full(path);
    open.file.truncate(sizeBytes);
    this.#changed(path);
    return ok();
  }

  async sizeBytes(descriptor: number): Promise<Result<number, DiskFailure>> {
    const path = this.#descriptors.pathOf(descriptor);
    const failure = await this.#begin("sizeBytes", path);
    if (failure !== undefined) return fail(failure);
    const open = this.#descriptors.at(descriptor);
    return open === undefined ? broken("EBADF", path) : ok(open.file.sizeBytes);
  }

  async list(directory: string): Promise<Result<readonly FileFacts[], DiskFailure>> {
    const failure = await this.#begin("list", directory);
    if (failure !== undefined) return fail(failure);
    const entry = this.#names.at(normalPath(directory));
    if (entry !== "directory") return broken(entry === undefined ? "ENOENT" : "ENOTDIR", directory);
    return ok(
      this.#names.childrenOf(normalPath(directory)).map((path) => factsOf(path, this.#names.at(path) ?? "directory")),
    );
  }

  async makeDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    const failure = await this.#begin("makeDirectory", directory);
    if (failure !== undefined) return fail(failure);
    const missing: string[] = [];
    for (let path = normalPath(directory); this.#names.at(path) !== "directory"; path = parentOf(path)) {
      // The system says EEXIST where the file is the last name, ENOTDIR where it stands in the way.
      if (this.#names.at(path) !== undefined) return broken(missing.length === 0 ? "EEXIST" : "ENOTDIR", directory);
      missing.push(path);
    }
    for (const path of missing.reverse()) this.#names.makeDirectory(path);
    return ok();
  }

  async rename(from: string, to: string): Promise<Result<void, DiskFailure>> {
    const failure = await this.#begin("rename", from);
    if (failure !== undefined) return fail(failure);
    const errno = this.#names.renameProblem(normalPath(from), normalPath(to));
    if (errno !== undefined) return broken(errno, from);
    if (normalPath(from) !== normalPath(to)) this.#descriptors.losesName(this.#names.at(normalPath(to)));
    this.#names.rename(normalPath(from), normalPath(to));
    this.#changed(from);
    this.#changed(to);
    return ok();
  }

  async remove(path: string): Promise<Result<void, DiskFailure>> {
    const failure = await this.#begin("remove", path);
    if (failure !== undefined) return fail(failure);
    const entry = this.#names.at(normalPath(path));
    if (entry === undefined) return broken("ENOENT", path);
    if (entry === "directory") return broken("EISDIR", path);
    this.#descriptors.losesName(entry);
    this.#names.remove(normalPath(path));
    this.#changed(path);
    return ok();
  }

  async removeTree(directory: string): Promise<Result<void, DiskFailure>> {
    const failure = await this.#begin("removeTree", directory);
    if (failure !== undefined) return fail(failure);
    for (const path of this.#names.treeOf(normalPath(directory))) {
      this.#descriptors.losesName(this.#names.at(path));
      this.#names.remove(path);
      this.#changed(path);
    }
    return ok();
  }

  async syncDirectory(directory: string): Promise<Result<void, DiskFailure>> {
    const failure = await this.#begin("syncDirectory", directory);
    if (failure !== undefined) return fail(failure);
    if (this.#names.at(normalPath(directory)) !== "directory") return broken("ENOENT", directory);
    this.#names.sync(normalPath(directory));
    return ok();
  }

  async readFile(path: string): Promise<Result<Uint8Array, DiskFailure>> {
    const failure = await this.#begin("readFile", path);
    if (failure !== undefined) return fail(failure);
    const entry = this.#names.at(normalPath(path));
    if (entry === undefined) return broken("ENOENT", path);
    if (entry === "directory") return broken("EISDIR", path);
    if (entry.sizeBytes > wholeFileBytesMax) return fail({ code: "disk.broken", path, errno: "EFBIG" });
    const bytes = new Uint8Array(entry.sizeBytes);
    entry.read(bytes, 0);
    return ok(bytes);
  }

  async replaceFile(path: string, contents: Uint8Array): Promise<Result<void, DiskFailure>> {
    const failure = await this.#begin("replaceFile", path);
    if (failure !== undefined) return fail(failure);
    if (contents.length > wholeFileBytesMax) return fail({ code: "disk.broken", path, errno: "EFBIG" });
    const previous = this.#names.at(normalPath(path));
    const errno = this.#names.parentProblem(normalPath(path)) ?? (previous === "directory" ? "EISDIR" : undefined);
    if (errno !== undefined) return broken(errno, path);
    if (contents.length > this.#freeBytes()) return this.#full(path);

    const file = new MemoryFile();
    file.write(contents, 0);
    file.sync();
    this.#descriptors.losesName(previous);
    this.#names.create(normalPath(path), file);
    this.#names.sync(parentOf(normalPath(path)));
    this.#changed(path);
    return ok();
  }

  async space(
    directory: string,
  ): Promise<Result<{ readonly freeBytes: number; readonly totalBytes: number }, DiskFailure>> {
    const failure = await this.#begin("space", directory);
    if (failure !== undefined) return fail(failure);
    if (this.#names.at(normalPath(directory)) === undefined) return broken("ENOENT", directory);
    return ok({ freeBytes: this.#freeBytes(), totalBytes: this.capacityBytes });
  }

  watch(path: string, onChange: () => void): () => void {
    return this.#watchers.add(normalPath(path), onChange);
  }

  /** Every operation takes a turn at least, takes `delayMs`, and meets the fault armed for it. */
  async #begin(operation: DiskOperation, path: string): Promise<DiskFailure | undefined> {
    const { delayMs } = this;
    if (delayMs > 0) await this.#delayed(delayMs);
    else await undefined;
    const fault = this.#faults.take(operation);
    fault?.onMet();
    return fault === undefined ? undefined : diskFailure(fault.errno, path);
  }

  /** Who asked may be gone by then: nothing is done for it any more, and nobody hears of it. */
  async #delayed(delayMs: number): Promise<void> {
    const clock = this.#clock;
    assert(clock !== undefined, "a slow disk has a clock");
    const crashes = this.#crashCount;
    await new Promise<void>((resolve) => {
      clock.after(delayMs, () => {
        if (this.#crashCount === crashes) resolve();
      });
    });
  }

  #full(path: string): Result<never, DiskFailure> {
    this.#fullCount += 1;
    return broken("ENOSPC", path);
  }

  #freeBytes(): number {
    return Math.max(0, this.capacityBytes - this.usedBytes);
  }

  #changed(path: string): void {
    this.#watchers.changed(normalPath(path));
  }
}

function broken(errno: string, path: string): Result<never, DiskFailure> {
  return fail(diskFailure(errno, path));
}

function assertPosition(position: number): void {
  assert(Number.isSafeInteger(position) && position >= 0, "a position in a file is a whole number from 0");
}

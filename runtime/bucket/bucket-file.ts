/**
 * One file of a bucket that is open, whoever has it open.
 *
 * What is written waits in memory; `flush` makes objects of it, several at once, and answers when all of them are there.
 * Reads see the objects, under what is on its way, under what waits.
 *
 * - One flush or cut at a time. The first change to a file that was there before, and every cut, begins with a new head:
 *   it voids what puts that were given up, by this life or one before, may still bring about.
 * - After a flush that failed nothing is written any more: what it covered is gone from memory, and may be in the bucket or
 *   come to be. Reads still answer from what is durable. Whoever opens the file afresh sees what the bucket has by then.
 */
import type { Bucket, BucketFailure } from "#runtime/bucket/bucket.ts";
import { diskFailureOf } from "#runtime/bucket/disk-failures.ts";
import { ExtentTable, type Piece } from "#runtime/bucket/extent-table.ts";
import { type FileOrigin, putHead } from "#runtime/bucket/file-origin.ts";
import { EXTENT_BYTES_MAX, PIECES_MAX, planMerge, type Stretch } from "#runtime/bucket/merge-plan.ts";
import { type ExtentName, formatName } from "#runtime/bucket/object-name.ts";
import type { ObjectReader } from "#runtime/bucket/object-reader.ts";
import { eachOf } from "#runtime/bucket/several.ts";
import { type JoinedRun, joinRuns, layOver, type Run, Unsynced } from "#runtime/bucket/unsynced.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** Puts, and reads, of one operation on a file at once. */
export const FILE_REQUESTS_MAX = 4;

export interface FileDeps {
  readonly bucket: Bucket;
  /** Of the same bucket. */
  readonly reader: ObjectReader;
  /** Higher than all before. */
  readonly nextGeneration: () => string;
}

export class BucketFile {
  readonly #deps: FileDeps;
  #origin: FileOrigin;
  #table: ExtentTable;
  /** As the bucket has it, cuts included that are not there yet. */
  #durableBytes: number;
  /** All that are in the bucket, by generation. */
  #extents: Map<string, ExtentName>;
  #unsynced = new Unsynced();
  #underWay: readonly Run[] = [];
  /** Nothing is to be put before a head is. */
  #needsHead: boolean;
  #isCut = false;
  #surplus: string[];
  #trouble: DiskFailure | undefined;
  #work: Promise<Result<void, DiskFailure>> = Promise.resolve(ok());
  #flushCount = 0;
  /** Descriptors that are open on it. */
  openCount = 0;
  /** Whether the path still leads to it. */
  isNamed = true;

  constructor(deps: FileDeps, origin: FileOrigin) {
    this.#deps = deps;
    this.#origin = origin;
    this.#table = origin.table;
    this.#durableBytes = origin.sizeBytes;
    this.#extents = new Map(origin.extents.map((extent) => [extent.generation, extent]));
    this.#needsHead = !origin.isOwn;
    this.#surplus = [...origin.surplus];
  }

  get sizeBytes(): number {
    const last = this.#underWay.at(-1);
    const underWayEnd = last === undefined ? 0 : last.start + last.bytes.length;
    return Math.max(this.#durableBytes, underWayEnd, this.#unsynced.end);
  }

  /** The generation that all of its objects have in their names. */
  get file(): string {
    return this.#origin.head.file;
  }

  /** Where its objects are, with a slash at the end. */
  get folder(): string {
    return this.#origin.folder;
  }

  /** In memory: written, and in no object that is known to be there. */
  get unsyncedBytes(): number {
    return this.#underWay.reduce((sum, { bytes }) => sum + bytes.length, this.#unsynced.sizeBytes);
  }

  get isFlushing(): boolean {
    return this.#flushCount > 0;
  }

  /** Why nothing is to be written to it any more. */
  get trouble(): DiskFailure | undefined {
    return this.#trouble;
  }

  /** `bytes` belong to the file from now on. */
  write(position: number, bytes: Uint8Array): void {
    this.#unsynced.write(position, bytes);
  }

  /** Fills the front of `into`. */
  async read(into: Uint8Array, position: number): Promise<Result<number, DiskFailure>> {
    const length = Math.max(0, Math.min(into.length, this.sizeBytes - position));
    const wanted = into.subarray(0, length);
    for (let isAgain = false; length > 0; isAgain = true) {
      const table = this.#table;
      const newer = [...this.#underWay, ...this.#unsynced.within(position, position + length)];
      const isCovered = newer.some(
        ({ start, bytes }) => start <= position && start + bytes.length >= position + length,
      );
      const read: Result<void, BucketFailure> = isCovered ? ok() : await this.#readObjects(table, wanted, position);
      if (read.ok) {
        layOver(wanted, position, newer);
        break;
      }
      // It may have gone because it was merged with others, or moved, meanwhile.
      const isOld = read.failure.code === "bucket.missing" && table !== this.#table;
      if (isAgain || !isOld) return fail(diskFailureOf(read.failure, this.#origin.path));
    }
    return ok(length);
  }

  /** To this size, cut or extended. */
  async cut(sizeBytes: number): Promise<Result<void, DiskFailure>> {
    return await this.#next(async () => {
      if (this.#trouble !== undefined) return fail(this.#trouble);
      this.#isCut ||= sizeBytes !== this.#durableBytes;
      this.#unsynced.cut(sizeBytes);
      this.#table = new ExtentTable(this.#table.pieces);
      this.#table.cut(sizeBytes);
      this.#durableBytes = sizeBytes;
      return ok();
    });
  }

  /** All that was written before is in the bucket when this has answered so. */
  async flush(): Promise<Result<void, DiskFailure>> {
    this.#flushCount += 1;
    const flushed = await this.#next(() => this.#flushNow());
    this.#flushCount -= 1;
    return flushed;
  }

  /** It is to be found elsewhere: `moved` is a copy of it. */
  async become(moved: FileOrigin): Promise<void> {
    await this.#next(async () => {
      this.#origin = moved;
      this.#table = moved.table;
      this.#extents = new Map(moved.extents.map((extent) => [extent.generation, extent]));
      this.#surplus = [];
      this.#needsHead = !moved.isOwn;
      return ok();
    });
  }

  #next(run: () => Promise<Result<void, DiskFailure>>): Promise<Result<void, DiskFailure>> {
    this.#work = this.#work.then(run);
    return this.#work;
  }

  async #flushNow(): Promise<Result<void, DiskFailure>> {
    if (this.#trouble !== undefined) return fail(this.#trouble);
    this.#underWay = this.#unsynced.take();
    if (this.#underWay.length === 0 && !this.#isCut) return ok();
    const isHole = (from: number, to: number): boolean => this.#table.within(from, to).length === 0;
    const put = await this.#putAll(joinRuns(this.#underWay, EXTENT_BYTES_MAX, isHole));
    this.#underWay = [];
    if (!put.ok) {
      this.#unsynced = new Unsynced();
      this.#trouble = diskFailureOf(put.failure, this.#origin.path);
      return fail(this.#trouble);
    }
    await this.#merge();
    await this.#tidy();
    return ok();
  }

  async #putAll(runs: readonly JoinedRun[]): Promise<Result<void, BucketFailure>> {
    // Merging was tried before, and did not go well: there may not be ever more of them.
    const merged = this.#table.pieces.length > PIECES_MAX ? await this.#merge() : ok();
    const headed = merged.ok && (this.#needsHead || this.#isCut) ? await this.#putHead(this.#table) : merged;
    if (!headed.ok) return headed;
    const table = new ExtentTable(this.#table.pieces);
    const put = await this.#putExtents(runs, table);
    if (!put.ok) return put;
    this.#table = table;
    this.#durableBytes = Math.max(this.#durableBytes, table.end);
    return ok();
  }

  async #putExtents(runs: readonly JoinedRun[], table: ExtentTable): Promise<Result<void, BucketFailure>> {
    return await eachOf(runs, FILE_REQUESTS_MAX, async ({ start, lengthBytes, parts }) => {
      const extent: ExtentName = {
        kind: "extent",
        file: this.file,
        generation: this.#deps.nextGeneration(),
        start,
        lengthBytes,
      };
      const put = await this.#deps.bucket.put(this.#origin.folder + formatName(extent), parts);
      if (!put.ok) return put;
      this.#extents.set(extent.generation, extent);
      table.add(extent);
      return ok();
    });
  }

  /** The file is what `table` says from now on. What is not in it is surplus. */
  async #putHead(table: ExtentTable): Promise<Result<void, BucketFailure>> {
    const { bucket, nextGeneration } = this.#deps;
    const facts = { file: this.file, generation: nextGeneration(), sizeBytes: this.#durableBytes };
    const head = await putHead(bucket, this.#origin, facts, table);
    if (!head.ok) return head;
    this.#surplus.push(formatName(this.#origin.head));
    this.#origin = { ...this.#origin, head: head.value };
    this.#needsHead = false;
    this.#isCut = false;
    const counting = table.generations();
    for (const [generation, extent] of this.#extents) {
      if (counting.has(generation)) continue;
      this.#extents.delete(generation);
      this.#surplus.push(formatName(extent));
    }
    return ok();
  }

  /** Puts small extents together. One that fails has changed nothing. */
  async #merge(): Promise<Result<void, BucketFailure>> {
    const plan = planMerge(this.#table.pieces);
    if (plan.length === 0) return ok();
    const table = new ExtentTable(this.#table.pieces);
    const rewritten = await eachOf(plan, 1, (stretch) => this.#rewrite(stretch, table));
    const headed = rewritten.ok ? await this.#putHead(table) : rewritten;
    if (headed.ok) this.#table = table;
    return headed;
  }

  async #rewrite({ from, to }: Stretch, table: ExtentTable): Promise<Result<void, BucketFailure>> {
    const bytes = new Uint8Array(to - from);
    const read = await this.#readObjects(this.#table, bytes, from);
    return read.ok ? await this.#putExtents([{ start: from, lengthBytes: to - from, parts: [bytes] }], table) : read;
  }

  /** Removes what counts no more, as far as that goes: the rest is met again by whoever writes to the file next. */
  async #tidy(): Promise<void> {
    if (this.#needsHead || this.#surplus.length === 0) return;
    const keys = this.#surplus.splice(0).map((name) => this.#origin.folder + name);
    await this.#deps.bucket.remove(keys);
  }

  async #readObjects(table: ExtentTable, into: Uint8Array, position: number): Promise<Result<void, BucketFailure>> {
    into.fill(0);
    return await eachOf(table.within(position, position + into.length), FILE_REQUESTS_MAX, async (piece) => {
      const place = into.subarray(piece.from - position, piece.to - position);
      const { start, lengthBytes } = piece.extent;
      return await this.#deps.reader.read(this.#keyOf(piece), lengthBytes, place, piece.from - start);
    });
  }

  #keyOf({ extent }: Piece): string {
    return this.#origin.folder + formatName({ kind: "extent", file: this.file, ...extent });
  }
}

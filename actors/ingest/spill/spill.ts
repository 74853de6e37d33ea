/**
 * Rows that Postgres cannot take now, kept on disk until it can: durable before their entries are acknowledged, given back the
 * oldest first, and removed when they were committed.
 *
 * It is no `Journal`, whose state is in memory, and whose file is rewritten to remove something: what is here may be much more
 * than memory, and goes from the front. So it is a row of files, each removed as a whole; only the batches that they are made
 * of are those of a journal.
 *
 * - What was answered survives any crash. What was not may be there all the same; and what was given back comes again after a
 *   crash, with the rest of its file: rows stand being written twice.
 * - Nothing is added to a file of another life, nor behind a failure: a new file is begun.
 * - Rows are numbered, and a file is called by the number of its first. What was promised from the mark (`moved-mark.ts`) on, as
 *   far as the names of younger files and the record (`spill-record.ts`) tell, and is in no file, is lost. It is told when it is
 *   its turn to be given back, once: twice only where a life ends just then.
 * - A file of which something cannot be read gives what can be, and is then set aside under another name: it is never read
 *   again, counts in what the spill takes, and waits for the operator. One that cannot be read at all is set aside after
 *   `SPILL_READ_TRIES_MAX` tries.
 */
import { posix } from "node:path";
import type { EventRow } from "#actors/ingest/event-row.ts";
import { MovedMark } from "#actors/ingest/spill/moved-mark.ts";
import { batchBytesOf, inBatches } from "#actors/ingest/spill/row-batches.ts";
import { parseSegmentName, readSegment, writeSegmentName } from "#actors/ingest/spill/segment-file.ts";
import { countRecords, readWhole } from "#actors/ingest/spill/segment-reader.ts";
import { type Segment, SegmentWriter } from "#actors/ingest/spill/segment-writer.ts";
import { decodeRow } from "#actors/ingest/spill/spilled-row.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { isWantOfMeans } from "#runtime/disk/disk-failure.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { newSalt } from "#runtime/journal/file-header.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import { Turns } from "#runtime/turns.ts";
import { MiB } from "#runtime/units.ts";

/** A file that has grown to so much is complete. It is read as a whole, and kept in memory until it was moved. */
export const SPILL_SEGMENT_BYTES_MAX: number = 4 * MiB;
/** A file that could not be read so often, one time after another, is set aside. */
export const SPILL_READ_TRIES_MAX = 3;

export interface SpillOptions {
  readonly disk: Disk;
  readonly random: Random;
  /** Made where it is missing; its parent is there. Of one life at a time: close it before the next one opens it. */
  readonly directory: string;
  /** Asked for every time. */
  readonly bytesMax: () => number;
  /** Told once for each file that is set aside, and for each run of rows of which no file is left. */
  readonly onDamage?: (damage: SpillDamage) => void;
}

/** Rows that were acknowledged and are lost. */
export interface SpillDamage {
  /** The file as it is set aside; undefined where there is none, or nothing but what was given back. */
  readonly fileName: string | undefined;
  readonly damagedBytes: number;
  /** At least. */
  readonly lostCountMin: number;
}

/** Nothing more fits: in `bytesMax`, or on the disk. Nothing that was asked for is promised; retry after a pause. */
export interface SpillFull extends Failure<"ingest.spill-full"> {
  readonly cause: "budget" | "disk";
  readonly sizeBytes: number;
  readonly sizeBytesMax: number;
}

/** The disk did not do it. Nothing that was asked for is promised; retry after a pause. */
export interface SpillBroken extends Failure<"ingest.spill-broken"> {
  readonly cause: DiskFailure;
}

/** Nobody waited for it any more when it was its turn, or it was closed. Nothing was done. */
export interface SpillGivenUp extends Failure<"ingest.spill-given-up"> {}

export type SpillFailure = SpillFull | SpillBroken | SpillGivenUp;

/** The oldest rows, until they are dropped. */
export interface SpillPage {
  readonly rows: readonly EventRow[];
  /** Of the file, and of the row behind the last one in it. */
  readonly segmentNumber: number;
  readonly end: number;
}

/** Numbers of rows: of the first that may not last elsewhere yet, and the one behind the last that was promised. */
export interface SpillSpan {
  readonly first: number;
  readonly end: number;
}

export interface SpillTotals {
  /** As far as it is known before they are read. */
  readonly rowCount: number;
  /** What was set aside included. */
  readonly sizeBytes: number;
  /** Files that were set aside and are still there. */
  readonly damagedCount: number;
  /** Rows that are known to be lost, in this life. */
  readonly lostCountMin: number;
}

interface Reading {
  readonly segment: Segment;
  readonly rows: readonly EventRow[];
  readonly damagedBytes: number;
  readonly lostCountMin: number;
  /** The first row that was not dropped. */
  at: number;
}

export class Spill {
  readonly #options: SpillOptions;
  readonly #mark: MovedMark;
  readonly #turns = new Turns<"spill">();
  /** The oldest first. None is written any more. */
  #segments: Segment[] = [];
  #writer: SegmentWriter | undefined;
  #reading: Reading | undefined;
  #readTries = 0;
  /** Everything before it lasts elsewhere, or was told to be lost. */
  #first = 1;
  /** Behind the last row that is durable. */
  #end = 1;
  #damagedBytes = 0;
  #damagedCount = 0;
  #lostCountMin = 0;
  #isOpen = false;
  #isClosed = false;

  constructor(options: SpillOptions) {
    this.#options = options;
    this.#mark = new MovedMark(options.disk, options.directory);
  }

  /** What is promised by now: it may be told to whoever shall know. */
  get span(): SpillSpan {
    return { first: this.#first, end: Math.max(this.#first, this.#end) };
  }

  get totals(): SpillTotals {
    const all = [...this.#segments, ...(this.#writer === undefined ? [] : [this.#writer.segment])];
    const readRows = this.#reading === undefined ? 0 : this.#reading.at;
    return {
      rowCount: all.reduce((sum, { rowCount }) => sum + rowCount, 0) - readRows,
      sizeBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, this.#damagedBytes),
      damagedCount: this.#damagedCount,
      lostCountMin: this.#lostCountMin,
    };
  }

  /**
   * Finds what is there. `known`: the last span that somebody was told, where that is known. Once it has gone well it does nothing
   * more; before that, everything else is a defect.
   */
  async open(known: SpillSpan | undefined, within: Within): Promise<Result<void, SpillFailure>> {
    return await this.#inTurn(within, async () => {
      if (this.#isOpen) return ok();
      const found = await this.#find(known);
      if (!found.ok) return broken(found.failure);
      this.#isOpen = true;
      return ok();
    });
  }

  /** They are durable when it is answered. */
  async append(rows: readonly EventRow[], within: Within): Promise<Result<void, SpillFailure>> {
    if (rows.length === 0) return ok();
    return await this.#inTurn(within, async () => {
      assert(this.#isOpen, "a spill is opened first");
      const batches = inBatches(rows);
      const wantedBytes = batches.reduce((sum, batch) => sum + batchBytesOf(batch), 0);
      if (this.totals.sizeBytes + wantedBytes > this.#options.bytesMax()) return this.#full("budget");
      for (const batch of batches) {
        const appended = await this.#appendBatch(batch);
        if (!appended.ok) return appended.failure.code === "disk.full" ? this.#full("disk") : broken(appended.failure);
      }
      return ok();
    });
  }

  /** At most `countMax` of the oldest, the same until they are dropped; undefined where there are none. */
  async oldest(countMax: number, within: Within): Promise<Result<SpillPage | undefined, SpillFailure>> {
    assert(countMax >= 1, "a page has at least one row");
    return await this.#inTurn(within, async () => {
      assert(this.#isOpen, "a spill is opened first");
      const reading = await this.#nextReading();
      if (!reading.ok) return broken(reading.failure);
      if (reading.value === undefined) return ok(undefined);
      const { segment, rows, at } = reading.value;
      const end = Math.min(rows.length, at + countMax);
      return ok({ rows: rows.slice(at, end), segmentNumber: segment.number, end });
    });
  }

  /** They last elsewhere: the page that was given last is not given again in this life, also after a failure. */
  async drop(page: SpillPage, within: Within): Promise<Result<void, SpillFailure>> {
    return await this.#inTurn(within, async () => {
      const reading = this.#reading;
      assert(reading?.segment.number === page.segmentNumber, "the page that was given last is dropped");
      assert(reading.at + page.rows.length === page.end, "a page is dropped once");
      reading.at = page.end;
      if (reading.at < reading.rows.length) return ok();
      const finished = await this.#finish(reading);
      return finished.ok ? ok() : broken(finished.failure);
    });
  }

  /** Waits for what is under way; nothing is done after it. What is there is found by whoever opens it next. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turns.inTurn("spill", async () => {
      await this.#writer?.seal();
      this.#writer = undefined;
    });
  }

  async #inTurn<Value>(
    { signal }: Within,
    work: () => Promise<Result<Value, SpillFailure>>,
  ): Promise<Result<Value, SpillFailure>> {
    return await this.#turns.inTurn("spill", async () =>
      signal.aborted || this.#isClosed ? fail({ code: "ingest.spill-given-up" }) : await work(),
    );
  }

  async #find(known: SpillSpan | undefined): Promise<Result<void, DiskFailure>> {
    const { disk, directory } = this.#options;
    const made = await disk.makeDirectory(directory);
    if (!made.ok) return made;
    const named = await disk.syncDirectory(posix.dirname(directory));
    if (!named.ok) return named;
    const listed = await disk.list(directory);
    if (!listed.ok) return listed;
    const found: Segment[] = [];
    this.#mark.find(listed.value.map(({ name }) => name));
    let end = Math.max(1, this.#mark.number ?? 1, known?.end ?? 1);
    for (const { name, sizeBytes } of listed.value) {
      const parsed = parseSegmentName(name);
      if (parsed === undefined) continue;
      const path = `${directory}/${name}`;
      const rowCount = parsed.isDamaged ? 0 : await countRecords(disk, path, parsed.salt);
      end = Math.max(end, parsed.number + rowCount);
      if (parsed.isDamaged) this.#aside(sizeBytes);
      else found.push({ ...parsed, path, rowCount, sizeBytes });
    }
    this.#segments = found.sort((one, other) => one.number - other.number);
    this.#end = end;
    // Where nobody knows, all that is gone lasts elsewhere.
    const first = this.#mark.number ?? known?.first ?? this.#segments[0]?.number ?? end;
    this.#first = Math.max(first, known?.first ?? 1);
    return ok();
  }

  async #appendBatch(batch: readonly Uint8Array[]): Promise<Result<void, DiskFailure>> {
    const { disk, directory, random } = this.#options;
    if (this.#writer === undefined) {
      // Rows that were never promised, and lasted all the same, have numbers too.
      this.#end = Math.max(this.#first, this.#end);
      const created = await SegmentWriter.create(disk, directory, { number: this.#end, salt: newSalt(random) });
      if (!created.ok) return created;
      this.#writer = created.value;
    }
    const writer = this.#writer;
    const appended = await writer.append(batch);
    if (!appended.ok) {
      this.#writer = undefined;
      await writer.abandon();
      if (writer.segment.rowCount > 0) this.#segments.push(writer.segment);
      return appended;
    }
    this.#end += batch.length;
    if (writer.segment.sizeBytes >= SPILL_SEGMENT_BYTES_MAX) await this.#seal(writer);
    return ok();
  }

  async #seal(writer: SegmentWriter): Promise<void> {
    await writer.seal();
    this.#writer = undefined;
    this.#segments.push(writer.segment);
  }

  /** Rows of the oldest file that has some. */
  async #nextReading(): Promise<Result<Reading | undefined, DiskFailure>> {
    while (this.#reading === undefined) {
      if (this.#segments.length === 0 && this.#writer !== undefined) await this.#seal(this.#writer);
      const [segment] = this.#segments;
      const told = await this.#tellMissing(segment?.number ?? this.#end);
      if (!told.ok) return told;
      if (segment === undefined) return ok(undefined);
      const reading = await this.#read(segment);
      if (!reading.ok) return reading;
      this.#segments[0] = { ...segment, rowCount: reading.value.rows.length };
      this.#reading = reading.value;
      if (reading.value.rows.length > 0) break;
      const finished = await this.#finish(reading.value);
      if (!finished.ok) return finished;
    }
    return ok(this.#reading);
  }

  /** No file that is left has the rows from where those before it end up to `number`. */
  async #tellMissing(number: number): Promise<Result<void, DiskFailure>> {
    const lostCountMin = number - this.#first;
    if (lostCountMin <= 0) return ok();
    this.#first = number;
    this.#tell({ fileName: undefined, damagedBytes: 0, lostCountMin });
    return await this.#mark.moveTo(number);
  }

  async #read(segment: Segment): Promise<Result<Reading, DiskFailure>> {
    const read = await readWhole(this.#options.disk, segment.path);
    if (!read.ok) {
      // A process that has no descriptors left knows nothing of the file.
      if (!isWantOfMeans(read.failure)) this.#readTries += 1;
      if (this.#readTries < SPILL_READ_TRIES_MAX) return read;
      const { sizeBytes, rowCount } = segment;
      const lostCountMin = Math.max(1, rowCount, this.#missingBehind(segment.number));
      return ok({ segment, rows: [], damagedBytes: sizeBytes, lostCountMin, at: 0 });
    }
    this.#readTries = 0;
    const { records, damagedBytes, lostCountMin, tornBytes } = readSegment(segment.salt, read.value);
    const rows = records.map(decodeRow).filter((row) => row !== undefined);
    // What was counted when it was found and is not there now was durable too.
    const unreadCount = records.length - rows.length;
    const countedCount = Math.max(lostCountMin, segment.rowCount - records.length);
    // And so was what a file ends in the middle of, where rows up to the next one were promised.
    const cutCount = tornBytes === 0 ? 0 : this.#missingBehind(segment.number + records.length);
    const missingCount = Math.max(countedCount, cutCount);
    const lostBytes = cutCount > 0 ? damagedBytes + tornBytes : damagedBytes;
    return ok({ segment, rows, damagedBytes: lostBytes, lostCountMin: unreadCount + missingCount, at: 0 });
  }

  /** Rows from `number` on that were promised, and are in no file up to the oldest one. */
  #missingBehind(number: number): number {
    const next = this.#segments[1] ?? this.#writer?.segment;
    return Math.max(0, (next?.number ?? this.#end) - Math.max(number, this.#first));
  }

  /** Nothing of the file is wanted any more. */
  async #finish({ segment, rows, damagedBytes, lostCountMin }: Reading): Promise<Result<void, DiskFailure>> {
    const { disk, directory } = this.#options;
    this.#reading = undefined;
    this.#readTries = 0;
    this.#segments.shift();
    this.#first = Math.max(this.#first, segment.number + rows.length + lostCountMin);
    const fileName = lostCountMin === 0 ? undefined : writeSegmentName({ ...segment, isDamaged: true });
    if (fileName !== undefined) this.#tell({ fileName, damagedBytes, lostCountMin });
    const marked = await this.#mark.moveTo(this.#first);
    if (!marked.ok) return marked;
    if (fileName === undefined) {
      const removed = await disk.remove(segment.path);
      return removed.ok || removed.failure.code === "disk.not-found" ? ok() : removed;
    }
    this.#aside(segment.sizeBytes);
    return await disk.rename(segment.path, `${directory}/${fileName}`);
  }

  #tell(damage: SpillDamage): void {
    this.#lostCountMin += damage.lostCountMin;
    this.#options.onDamage?.(damage);
  }

  #aside(sizeBytes: number): void {
    this.#damagedBytes += sizeBytes;
    this.#damagedCount += 1;
  }

  #full(cause: SpillFull["cause"]): Result<never, SpillFull> {
    const sizeBytesMax = this.#options.bytesMax();
    return fail({ code: "ingest.spill-full", cause, sizeBytes: this.totals.sizeBytes, sizeBytesMax });
  }
}

function broken(cause: DiskFailure): Result<never, SpillBroken> {
  return fail({ code: "ingest.spill-broken", cause });
}

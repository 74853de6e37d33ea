/**
 * An append-only log of facts that nothing else can rebuild (architecture §6).
 *
 * The state of its owner is a function of its records: `apply` is called once for every durable record, in order, when
 * the journal is opened and again as records become durable. `snapshot` gives records that rebuild the present state
 * from nothing; from them a new file is made when the old one has grown, and the old one is removed.
 *
 * Invariants:
 * - an append that answered ok survives any crash, and `apply` has seen it;
 * - an append that did not is afterwards whole or absent;
 * - after a failed `sync` nothing is appended any more: the system has forgotten what it did not write, and the next
 *   `sync` would not say so. Opening anew writes the doubtful batch again.
 *
 * Group commit without a timer: a batch is whatever arrived while the previous one was being synced.
 */
import type { Disk, DiskFailure, DiskFull } from "#runtime/disk/disk.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { type BaseFile, nameBase, writeBase } from "#runtime/journal/base.ts";
import {
  encodeBatch,
  journalBatchBytesMax,
  journalRecordBytesMax,
  RECORD_HEADER_BYTES,
} from "#runtime/journal/batch.ts";
import { fileName, newSalt } from "#runtime/journal/file-header.ts";
import type { Random } from "#runtime/random.ts";
import { MiB } from "#runtime/units.ts";

export interface JournalOptions {
  readonly disk: Disk;
  /** For the number that tells this file's batches from imitations in its records. */
  readonly random: Random;
  /** Made if missing. Its parent is there and durable; nobody else writes in it. */
  readonly directory: string;
  /** Takes one durable record into the state, at once. The bytes may be a view into a large buffer: copy to keep. */
  readonly apply: (record: Uint8Array) => void;
  /** Records that rebuild the present state. It is read to its end before `apply` is called again. */
  readonly snapshot: () => Iterable<Uint8Array>;
  /** A file is rewritten when it has grown by this, and by its own base. */
  readonly compactBytesMin?: number;
  /** Told of every attempt to rewrite the file. After a failure the old one goes on growing. */
  readonly onCompacted?: (result: Result<{ readonly sizeBytes: number }, DiskFailure>) => void;
}

/** Larger than `sizeBytesMax`. Final: split the record. */
export interface RecordTooLarge extends Failure<"journal.record-too-large"> {
  readonly sizeBytes: number;
  readonly sizeBytesMax: number;
}

/** Too much waits for the disk. Nothing was written; retry after a pause. */
export interface JournalBusy extends Failure<"journal.busy"> {
  readonly waitingBytesMax: number;
}

/** The journal was closed, or closed itself for `cause`. Whether the record survives is open. Open it again. */
export interface JournalClosed extends Failure<"journal.closed"> {
  readonly cause?: DiskFailure;
}

export type AppendFailure = RecordTooLarge | JournalBusy | JournalClosed | DiskFull;

/** Memory of the records that wait for the disk, 256 bytes apiece added. More are refused with `journal.busy`. */
export const journalWaitingBytesMax: number = 32 * MiB;
/** Default growth after which a file is rewritten. */
export const journalCompactBytesMin: number = 64 * MiB;

interface Waiting {
  readonly record: Uint8Array;
  readonly settle: (result: Result<void, AppendFailure>) => void;
}

/** The file that a journal appends to. */
export interface OpenFile extends BaseFile {
  /** Size of the base alone; what lies behind it was appended. */
  readonly baseBytes: number;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #compactBytesMin: number;
  #file: OpenFile;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #compactRequests: ((result: Result<void, JournalClosed | DiskFailure>) => void)[] = [];
  #compactAtBytes: number;
  #running: Promise<void> | undefined;
  #closed: JournalClosed | undefined;
  #ended = false;

  constructor(options: JournalOptions, file: OpenFile) {
    this.#options = options;
    this.#compactBytesMin = options.compactBytesMin ?? journalCompactBytesMin;
    this.#file = file;
    this.#compactAtBytes = this.#thresholdAfter(file.baseBytes);
  }

  /** Size of the file, bytes: what a restart has to read. */
  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  /** Why it no longer appends; undefined while it does. */
  get closed(): JournalClosed | undefined {
    return this.#closed;
  }

  /**
   * Durable, and applied, when answered. The record must not change until then. `disk.full`: nothing of the record
   * stays, and the journal goes on. Failures other than `journal.closed` mean that nothing was appended.
   */
  append(record: Uint8Array): Promise<Result<void, AppendFailure>> {
    const sizeBytes = record.length;
    if (this.#closed !== undefined) return Promise.resolve(fail(this.#closed));
    if (sizeBytes > journalRecordBytesMax) {
      const sizeBytesMax = journalRecordBytesMax;
      return Promise.resolve(fail({ code: "journal.record-too-large", sizeBytes, sizeBytesMax }));
    }
    if (this.#waitingBytes + waitingBytes(record) > journalWaitingBytesMax) {
      return Promise.resolve(fail({ code: "journal.busy", waitingBytesMax: journalWaitingBytesMax }));
    }
    this.#waitingBytes += waitingBytes(record);
    return new Promise((settle) => {
      this.#waiting.push({ record, settle });
      this.#running ??= this.#run();
    });
  }

  /** Rewrites the file now. Appends wait meanwhile. */
  compact(): Promise<Result<void, JournalClosed | DiskFailure>> {
    if (this.#closed !== undefined) return Promise.resolve(fail(this.#closed));
    return new Promise((settle) => {
      this.#compactRequests.push(settle);
      this.#running ??= this.#run();
    });
  }

  /**
   * Refuses further appends, finishes those that wait, and marks the end, so that later damage to the last batch is
   * told from a torn write. Idempotent.
   */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#closed ??= { code: "journal.closed" };
    await this.#running;
    // A batch without records. It promises nothing, so its failure changes nothing.
    if (this.#closed.cause === undefined) await this.#commit([]);
    await this.#options.disk.close(this.#file.descriptor);
  }

  async #run(): Promise<void> {
    // What is appended in the same turn shares the first batch.
    await undefined;
    while (this.#waiting.length + this.#compactRequests.length > 0) {
      if (this.#waiting.length > 0) await this.#appendBatch(this.#nextBatch());
      if (this.#compactRequests.length > 0 || this.#file.sizeBytes >= this.#compactAtBytes) await this.#compactNow();
    }
    this.#running = undefined;
  }

  #nextBatch(): readonly Waiting[] {
    let batchBytes = 0;
    const fits = ({ record }: Waiting): boolean => {
      batchBytes += RECORD_HEADER_BYTES + record.length;
      return batchBytes <= journalBatchBytesMax;
    };
    const end = this.#waiting.findIndex((waiting) => !fits(waiting));
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #appendBatch(batch: readonly Waiting[]): Promise<void> {
    const committed = await this.#commit(batch.map(({ record }) => record));
    for (const { record, settle } of batch) {
      this.#waitingBytes -= waitingBytes(record);
      if (committed.ok) this.#options.apply(record);
      settle(committed);
    }
  }

  async #commit(records: readonly Uint8Array[]): Promise<Result<void, JournalClosed | DiskFull>> {
    // Closing finishes what waits; a cause says that nothing may be written any more.
    if (this.#closed?.cause !== undefined) return fail(this.#closed);
    const { disk } = this.#options;
    const { descriptor, salt, sequence, sizeBytes } = this.#file;
    const batch = encodeBatch(salt, sequence + 1, records);

    const written = await disk.write(descriptor, [batch], sizeBytes);
    if (!written.ok) {
      // Any part of the batch may be visible, all of it even. It is cut off, durably: a restart must not find it, not after a
      // power cut either, nor may it fill the disk.
      const cut = await disk.truncate(descriptor, sizeBytes);
      const gone = cut.ok ? await disk.sync(descriptor) : cut;
      return gone.ok && written.failure.code === "disk.full"
        ? fail(written.failure)
        : fail(this.#give(written.failure));
    }
    const synced = await disk.sync(descriptor);
    if (!synced.ok) return fail(this.#give(synced.failure));
    this.#file = { ...this.#file, sequence: sequence + 1, sizeBytes: sizeBytes + batch.length };
    return ok();
  }

  async #compactNow(): Promise<void> {
    const requests = this.#compactRequests;
    this.#compactRequests = [];
    const compacted = await this.#rewrite();
    const { baseBytes, sizeBytes } = this.#file;
    this.#compactAtBytes = compacted.ok ? this.#thresholdAfter(baseBytes) : sizeBytes + this.#compactBytesMin;
    if (compacted.ok) this.#options.onCompacted?.(ok({ sizeBytes }));
    else if (compacted.failure.code !== "journal.closed") this.#options.onCompacted?.(fail(compacted.failure));
    for (const settle of requests) settle(compacted);
  }

  async #rewrite(): Promise<Result<void, JournalClosed | DiskFailure>> {
    if (this.#closed?.cause !== undefined) return fail(this.#closed);
    const { disk, directory, snapshot, random } = this.#options;
    const old = this.#file;
    const base = await writeBase(disk, directory, old.number + 1, newSalt(random), snapshot());
    if (!base.ok) return base;
    const named = await nameBase(disk, directory, base.value.number);
    if (!named.ok) {
      // Either file may be the newest after a crash: neither can promise anything any more.
      await disk.close(base.value.descriptor);
      return fail(this.#give(named.failure));
    }
    this.#file = { ...base.value, baseBytes: base.value.sizeBytes };
    await disk.close(old.descriptor);
    // If this fails the file stays until the journal is opened again.
    await disk.remove(`${directory}/${fileName(old.number)}`);
    return ok();
  }

  /** At least the minimum of new records, and as many as the base itself holds: the cost stays a constant factor. */
  #thresholdAfter(baseBytes: number): number {
    return baseBytes + Math.max(this.#compactBytesMin, baseBytes);
  }

  /** Gives up for good. */
  #give(cause: DiskFailure): JournalClosed {
    this.#closed = { code: "journal.closed", cause };
    return this.#closed;
  }
}

/** What a waiting record costs in memory, roughly: small ones are bounded in number too. */
function waitingBytes(record: Uint8Array): number {
  return record.length + 256;
}

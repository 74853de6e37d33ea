/**
 * Uploads in pieces (`specs/actors/storage.md`): begun, added to over any number of lives, and stored as objects by
 * themselves when they are complete.
 *
 * Invariants:
 * - an offset that was answered is durable, bytes and record; nothing behind it counts;
 * - one adds to an upload at a time, and nobody to one that is complete;
 * - a file goes only after it is recorded that nobody needs it: that its object is committed, or the upload over. So a crash
 *   at any point loses nothing that was answered, and storing twice finds the object known.
 */

import {
  type AppendUpload,
  type BeginUpload,
  UPLOAD_ID_SIZE_BYTES,
  UPLOAD_NOTE_LENGTH_MAX,
  type UploadFacts,
  type UploadId,
  type UploadOverrun,
  type UploadUnknown,
  uploadIdFromBytes,
} from "#actors/domain/upload.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import { writeFailure } from "#actors/storage/packs/pack-write.ts";
import type { SourceFailed, StorageNotReady, StorageProtocol } from "#actors/storage/protocol.ts";
import type { Space } from "#actors/storage/space.ts";
import { appendBytes, type Reached } from "#actors/storage/staging/append-upload.ts";
import { MovingSource } from "#actors/storage/staging/moving-source.ts";
import type { StagedObjects } from "#actors/storage/staging/staged-objects.ts";
import { StagingRoom } from "#actors/storage/staging/staging-room.ts";
import { isComplete, type StagedUpload, type UploadBook } from "#actors/storage/staging/upload-book.ts";
import type { LogFailure, UploadLog } from "#actors/storage/staging/upload-log.ts";
import type { Writers } from "#actors/storage/writers.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf } from "#runtime/protocol.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import { slabBytes } from "#runtime/slabs.ts";
import { minute, second } from "#runtime/units.ts";

/**
 * A body of which nothing came for so long gives way to another one, ms: its client may have lost the connection without
 * the node having heard of it, and be here again.
 */
export const UPLOAD_SILENT_MS: number = 2 * second;
/** What became of so many uploads is remembered while more are begun; the oldest are forgotten before their age. */
export const UPLOADS_REMEMBERED_MAX = 1024;

/** An upload to which nothing has come for so long since it was begun gives way to a new one where there is no place, ms. */
export const UPLOAD_EMPTY_MS: number = 5 * minute;

export interface StagingDeps {
  readonly config: () => StorageConfig;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly space: Space;
  /** What bounds puts, as long as there may be any. */
  readonly intake: () => Result<Pick<Writers, "limit" | "reservations">, StorageNotReady>;
  readonly log: UploadLog;
  readonly objects: StagedObjects;
  /** Of the incarnation. */
  readonly signal: AbortSignal;
}

type Answer<Name extends keyof StorageProtocol> = Promise<Result<UploadFacts, FailureOf<StorageProtocol, Name>>>;

export class Staging {
  readonly #deps: StagingDeps;
  /** Being added to: by what, and until when. */
  readonly #adding = new Map<UploadId, { readonly source: MovingSource; readonly over: Promise<unknown> }>();
  /** On their way out. */
  readonly #ending = new Set<UploadId>();
  readonly #room: StagingRoom;

  constructor(deps: StagingDeps) {
    this.#deps = deps;
    this.#room = new StagingRoom(deps.config);
  }

  async begin(request: BeginUpload): Answer<"beginUpload"> {
    const { intake, log } = this.#deps;
    assert(request.note.length <= UPLOAD_NOTE_LENGTH_MAX, "a note is bounded by whoever takes it");
    const puts = intake();
    if (!puts.ok) return puts;
    const reached = puts.value.limit.reachedBy(request.sizeBytes ?? 0);
    if (reached !== undefined) return fail(reached);
    const book = await log.book();
    if (!book.ok) return book;
    for (;;) {
      const begun = await this.#room.admitted(book.value, request, () => this.#begin(book.value, request));
      if (begun.ok || begun.failure.code !== "storage.uploads-full") return begun;
      const leaving = this.#room.firstToGo(book.value, request, this.#empty(book.value));
      if (leaving === undefined || !(await this.cancel(leaving.upload)).ok) return begun;
    }
  }

  async append(request: AppendUpload, within: Within): Answer<"appendUpload"> {
    const { upload } = request;
    const busy = { code: "storage.upload-busy" } as const;
    const before = this.#adding.get(upload);
    if (before !== undefined && before.source.silentMs >= UPLOAD_SILENT_MS) {
      before.source.cancel(busy);
      await before.over;
    }
    if (this.#adding.has(upload) || this.#ending.has(upload)) return fail(busy);
    const source = new MovingSource(request.source, this.#deps.clock);
    const over = this.#append({ ...request, source }, within);
    this.#adding.set(upload, { source, over });
    const outcome = await over;
    this.#adding.delete(upload);
    return outcome.ok ? await this.#facts(upload) : outcome;
  }

  /** See `statUpload`. */
  async stat(upload: UploadId, waitMs: number, within: Within): Answer<"statUpload"> {
    const found = await this.#find(upload);
    if (!found.ok) return fail(this.#deps.objects.whyEnded(upload) ?? found.failure);
    const { staged } = found.value;
    if (waitMs === 0 || !isComplete(staged) || staged.stored !== undefined) return ok(this.#factsOf(staged));
    const stored = await this.#deps.objects.storeWithin(upload, waitMs, within);
    // Others may have seen it end meanwhile, which is nothing to wait for any more.
    return stored.ok ? await this.stat(upload, 0, within) : stored;
  }

  /** Who adds to it is cut off. One that is being stored goes on. */
  async cancel(upload: UploadId): Promise<Result<void, FailureOf<StorageProtocol, "cancelUpload">>> {
    const { log, objects } = this.#deps;
    const found = await this.#find(upload);
    if (!found.ok) return found;
    if (this.#ending.has(upload)) return fail({ code: "storage.upload-busy" });
    this.#ending.add(upload);
    const adding = this.#adding.get(upload);
    adding?.source.cancel(unknown(upload));
    await adding?.over;
    const ended = objects.isStoring(upload) ? fail({ code: "storage.upload-busy" }) : await log.end(upload);
    this.#ending.delete(upload);
    return ended;
  }

  /** Forgets what is too old, and stores what is complete. To be called now and then, and at the start. */
  async sweep(): Promise<void> {
    const { clock, log, objects, signal } = this.#deps;
    if (!(await log.exists())) return;
    const book = await log.book();
    if (!book.ok) return;
    const nowMs = clock.wallMs();
    const all = book.value.all();
    for (const staged of all) {
      if (signal.aborted) return;
      const isOld = this.#expiresWallMs(staged) <= nowMs && !this.#adding.has(staged.upload);
      if (isOld) await this.cancel(staged.upload);
      else if (isComplete(staged) && staged.stored === undefined) objects.store(staged.upload);
    }
  }

  async #begin(book: UploadBook, { sizeBytes, note, manner }: BeginUpload): Answer<"beginUpload"> {
    const { clock, log, random, space } = this.#deps;
    // For a moment there are two of it: what was staged, and the object.
    const fits = await space.fits(2 * (sizeBytes ?? 0));
    if (!fits.ok) return fits;
    const remembered = book.all().filter(({ stored }) => stored !== undefined);
    const [oldest] = remembered;
    if (oldest !== undefined && remembered.length >= UPLOADS_REMEMBERED_MAX) await log.end(oldest.upload);
    const upload = uploadIdFromBytes(random.bytes(UPLOAD_ID_SIZE_BYTES));
    const changedWallMs = clock.wallMs();
    const staged: StagedUpload = { upload, offsetBytes: 0, crc: 0, sizeBytes, note, manner, changedWallMs };
    const begun = await log.begin(staged);
    return begun.ok ? ok(this.#factsOf(staged)) : begun;
  }

  /** Those to which nothing has come for too long, the oldest first. */
  #empty(book: UploadBook): readonly StagedUpload[] {
    const untilMs = this.#deps.clock.wallMs() - UPLOAD_EMPTY_MS;
    return book.all().filter((staged) => {
      const { changedWallMs, offsetBytes, upload } = staged;
      const isEmpty = offsetBytes === 0 && !isComplete(staged) && changedWallMs <= untilMs;
      return isEmpty && !this.#adding.has(upload) && !this.#ending.has(upload);
    });
  }

  async #append(
    request: AppendUpload,
    within: Within,
  ): Promise<Result<void, FailureOf<StorageProtocol, "appendUpload">>> {
    const { upload, offsetBytes, lengthBytes, source } = request;
    const puts = this.#deps.intake();
    if (!puts.ok) return puts;
    const found = await this.#find(upload);
    if (!found.ok) return found;
    if (offsetBytes !== found.value.staged.offsetBytes) {
      return fail({ code: "storage.upload-conflict", offsetBytes: found.value.staged.offsetBytes });
    }
    const sized = await this.#setSize(found.value.book, found.value.staged, request.sizeBytes);
    if (!sized.ok) return sized;
    const again = await this.#find(upload);
    if (!again.ok) return again;
    const { book, staged } = again.value;
    const admitted = this.#room.admitTo(book, staged, offsetBytes + (lengthBytes ?? 0));
    if (!admitted.ok) return admitted;

    if (isComplete(staged)) return await nothingMore(source, staged.offsetBytes);
    const reserved = await puts.value.reservations.reserve(request, slabBytes, within);
    if (!reserved.ok) return fail({ code: "storage.source-failed", cause: reserved.failure });
    const lease = reserved.value.lease(slabBytes);
    const appended = await this.#appendTo(book, staged, request, lease.bytes);
    lease.release();
    reserved.value.release();
    if (!appended.ok) source.cancel(appended.failure);
    return appended;
  }

  async #appendTo(
    book: UploadBook,
    staged: StagedUpload,
    { source, isWhole }: AppendUpload,
    buffer: Uint8Array,
  ): Promise<Result<void, FailureOf<StorageProtocol, "appendUpload">>> {
    const { clock, disk, log, objects, space } = this.#deps;
    const { upload } = staged;
    const opened = await disk.open(log.pathOf(upload), "write");
    if (!opened.ok) {
      if (opened.failure.code !== "disk.not-found") return fail(await writeFailure(opened.failure, space));
      // Somebody took its bytes away: there is nothing to go on with.
      await log.end(upload);
      return fail(unknown(upload));
    }
    const appended = await appendBytes({
      descriptor: opened.value,
      from: staged,
      source,
      isWhole,
      buffer,
      clock,
      disk,
      space,
      admit: (endBytes) => this.#room.admitTo(book, staged, endBytes),
      record: ({ offsetBytes, crc }: Reached) =>
        log.record({ upload, offsetBytes, crc, changedWallMs: clock.wallMs() }),
    });
    await disk.close(opened.value);
    const now = await this.#find(upload);
    if (now.ok && isComplete(now.value.staged)) objects.store(upload);
    return appended;
  }

  /** The size that was left open is said, or said again. */
  async #setSize(
    book: UploadBook,
    staged: StagedUpload,
    sizeBytes: number | undefined,
  ): Promise<Result<void, FailureOf<StorageProtocol, "appendUpload">>> {
    if (sizeBytes === undefined || sizeBytes === staged.sizeBytes) return ok();
    const least = staged.sizeBytes ?? staged.offsetBytes;
    if (staged.sizeBytes !== undefined || sizeBytes < least) {
      return fail({ code: "storage.upload-size-set", sizeBytes: least });
    }
    const admitted = this.#room.admitTo(book, staged, sizeBytes);
    return admitted.ok ? await this.#deps.log.record({ upload: staged.upload, sizeBytes }) : admitted;
  }

  async #find(
    upload: UploadId,
  ): Promise<Result<{ readonly book: UploadBook; readonly staged: StagedUpload }, UploadUnknown | LogFailure>> {
    const { log } = this.#deps;
    // Nobody who asks makes a place for uploads.
    if (!(await log.exists())) return fail(unknown(upload));
    const book = await log.book();
    if (!book.ok) return book;
    const staged = book.value.get(upload);
    return staged === undefined ? fail(unknown(upload)) : ok({ book: book.value, staged });
  }

  async #facts(upload: UploadId): Promise<Result<UploadFacts, UploadUnknown | LogFailure>> {
    const found = await this.#find(upload);
    return found.ok ? ok(this.#factsOf(found.value.staged)) : found;
  }

  #factsOf(staged: StagedUpload): UploadFacts {
    const { upload, offsetBytes, sizeBytes, note, stored } = staged;
    return { upload, offsetBytes, sizeBytes, note, expiresWallMs: this.#expiresWallMs(staged), stored };
  }

  #expiresWallMs({ changedWallMs }: StagedUpload): number {
    return changedWallMs + this.#deps.config().uploadAgeMsMax;
  }
}

function unknown(upload: UploadId): UploadUnknown {
  return { code: "storage.upload-unknown", upload };
}

/** What is sent to an upload that has all of its bytes. */
async function nothingMore(source: ByteSource, sizeBytes: number): Promise<Result<void, UploadOverrun | SourceFailed>> {
  const count = await source.read(new Uint8Array(1));
  if (count === ENDED) return ok();
  if (count !== FAILED) return fail({ code: "storage.upload-overrun", sizeBytes });
  return fail({ code: "storage.source-failed", cause: source.failure ?? { code: "runtime.cancelled" } });
}

/**
 * The directory of the uploads in pieces: a file of bytes for each, and the journal that says what they are.
 *
 * Nothing is there before the first upload. What a crash left of one that was not begun, or is over, is removed when the
 * journal is opened; that happens again after a failure that closed it, because only the disk knows then what was recorded.
 * The file of one that is just being begun stays: its record may follow.
 */

import { journalDamaged, type StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import { parseUploadId, type UploadId } from "#actors/domain/upload.ts";
import { writeFailure } from "#actors/storage/packs/pack-write.ts";
import type { StorageFull, WriteFailed } from "#actors/storage/protocol.ts";
import type { Relief } from "#actors/storage/reserve-file.ts";
import type { Space } from "#actors/storage/space.ts";
import { encodeChange, type StagedUpload, UploadBook, type UploadChange } from "#actors/storage/staging/upload-book.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { HeldJournal, type OpenFailure } from "#runtime/journal/held-journal.ts";
import type { AppendFailure } from "#runtime/journal/journal.ts";
import type { Random } from "#runtime/random.ts";
import { MiB } from "#runtime/units.ts";

/** The journal is rewritten when it has grown by so much. */
export const UPLOAD_LOG_COMPACT_BYTES_MIN: number = 1 * MiB;

export interface UploadLogDeps {
  readonly disk: Disk;
  /** Of the store: the uploads have one inside. */
  readonly directory: string;
  readonly random: Random;
  readonly space: Space;
  readonly relief: Relief;
  /** The journal turned out to be damaged. */
  readonly onJournalDamaged: (damage: StorageJournalDamaged) => void;
}

export type LogFailure = StorageFull | WriteFailed | StorageJournalDamaged;

export class UploadLog {
  readonly #deps: UploadLogDeps;
  readonly #directory: string;
  readonly #journal: HeldJournal<UploadBook>;
  /** Their files are made, or are being made, and they are not in the book yet. */
  readonly #beginning = new Set<UploadId>();

  constructor(deps: UploadLogDeps) {
    const { disk, random } = deps;
    this.#deps = deps;
    this.#directory = `${deps.directory}/staging`;
    this.#journal = new HeldJournal({
      disk,
      random,
      directory: `${this.#directory}/journal`,
      compactBytesMin: UPLOAD_LOG_COMPACT_BYTES_MIN,
      makeState: () => new UploadBook(),
      onOpened: async (opened) => {
        if (opened.ok) await this.#clear(opened.value);
        else if (opened.failure.code === "journal.damaged") {
          deps.onJournalDamaged(journalDamaged("staging/journal", opened.failure));
        }
      },
    });
  }

  /** The file of an upload's bytes. */
  pathOf(upload: UploadId): string {
    return `${this.#directory}/${upload}`;
  }

  /** Whether there ever was an upload. A disk that does not say so may have some. */
  async exists(): Promise<boolean> {
    if (this.#journal.wasOpened) return true;
    const listed = await this.#deps.disk.list(this.#directory);
    return listed.ok || listed.failure.code !== "disk.not-found";
  }

  /** What is recorded. */
  async book(): Promise<Result<UploadBook, LogFailure>> {
    const opened = await this.#journal.open();
    return opened.ok ? ok(this.#journal.state) : fail(await this.#failure(opened.failure));
  }

  /** Its file is there, empty, and it is in the book; both are durable. */
  async begin(staged: StagedUpload): Promise<Result<void, LogFailure>> {
    const { upload } = staged;
    this.#beginning.add(upload);
    const begun = await this.#begin(staged);
    this.#beginning.delete(upload);
    return begun;
  }

  async #begin(staged: StagedUpload): Promise<Result<void, LogFailure>> {
    const made = await this.#makeFile(staged.upload);
    if (!made.ok) return made;
    const recorded = await this.record(staged);
    if (!recorded.ok) await this.removeFile(staged.upload);
    return recorded;
  }

  /** The change is durable, and in the book, when answered. */
  async record(change: UploadChange): Promise<Result<void, LogFailure>> {
    const appended = await this.#journal.append(encodeChange(change));
    return appended.ok ? appended : fail(await this.#failure(appended.failure));
  }

  /** The upload is over; its file goes when that is durable. */
  async end(upload: UploadId): Promise<Result<void, LogFailure>> {
    const record = encodeChange({ upload, isOver: true });
    const recorded = await this.#deps.relief.relieve(() => this.#journal.append(record));
    if (!recorded.ok) return fail(await this.#failure(recorded.failure));
    await this.removeFile(upload);
    return recorded;
  }

  async #makeFile(upload: UploadId): Promise<Result<void, LogFailure>> {
    const { disk, space } = this.#deps;
    const opened = await disk.open(this.pathOf(upload), "create-new");
    if (!opened.ok) return fail(await writeFailure(opened.failure, space));
    await disk.close(opened.value);
    const synced = await disk.syncDirectory(this.#directory);
    return synced.ok ? synced : fail(await writeFailure(synced.failure, space));
  }

  /** One that cannot be removed now is removed when the journal is opened the next time. */
  async removeFile(upload: UploadId): Promise<void> {
    await this.#deps.disk.remove(this.pathOf(upload));
  }

  /** Nothing is written any more when it settles. */
  async close(): Promise<void> {
    await this.#journal.close();
  }

  /** Removes files of uploads that are not begun, or over. */
  async #clear(book: UploadBook): Promise<void> {
    const listed = await this.#deps.disk.list(this.#directory);
    if (!listed.ok) return;
    for (const { name } of listed.value) {
      const upload = parseUploadId(name);
      if (upload === undefined || this.#beginning.has(upload)) continue;
      const staged = book.get(upload);
      if (staged === undefined || staged.stored !== undefined) await this.removeFile(upload);
    }
  }

  async #failure(failure: AppendFailure | OpenFailure): Promise<LogFailure> {
    const { space } = this.#deps;
    switch (failure.code) {
      case "journal.damaged":
        return journalDamaged("staging/journal", failure);
      case "journal.closed":
        return failure.cause === undefined ? closed : await writeFailure(failure.cause, space);
      case "journal.busy":
      case "journal.record-too-large":
        return { code: "storage.write-failed", errno: "EAGAIN" };
      default:
        return await writeFailure(failure, space);
    }
  }
}

const closed: WriteFailed = { code: "storage.write-failed", errno: "ECANCELED" };

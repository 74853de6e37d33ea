/** How many uploads in pieces there may be, and how much they may promise together. */
import type { BeginUpload, UploadOverrun, UploadsFull } from "#actors/domain/upload.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { ObjectTooLarge } from "#actors/storage/protocol.ts";
import { promisedBy, type StagedUpload, type UploadBook } from "#actors/storage/staging/upload-book.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

export class StagingRoom {
  readonly #config: () => StorageConfig;
  /** Admitted, and not in the book yet. */
  readonly #beginning = new Set<BeginUpload>();

  constructor(config: () => StorageConfig) {
    this.#config = config;
  }

  /** Room for one more, until it is in the book, or is not. */
  async admitted<Outcome>(
    book: UploadBook,
    request: BeginUpload,
    begin: () => Promise<Outcome>,
  ): Promise<Outcome | Result<never, ObjectTooLarge | UploadsFull>> {
    const admitted = this.#admit(book, 0, request.sizeBytes ?? 0);
    if (!admitted.ok) return admitted;
    if (this.#excessCount(book) > 0) return fail(this.#full());
    this.#beginning.add(request);
    const begun = await begin();
    this.#beginning.delete(request);
    return begun;
  }

  /** Which of these empty ones, the oldest first, has to go before there is room; undefined where all of them are too few. */
  firstToGo(book: UploadBook, request: BeginUpload, empty: readonly StagedUpload[]): StagedUpload | undefined {
    const excessBytes = this.#excessBytes(book, request.sizeBytes ?? 0);
    const promisedBytes = empty.reduce((sum, staged) => sum + promisedBy(staged), 0);
    if (promisedBytes < excessBytes || empty.length < this.#excessCount(book)) return undefined;
    return excessBytes > 0 ? empty.find((staged) => promisedBy(staged) > 0) : empty[0];
  }

  /** Whether `staged` may be `endBytes` long. */
  admitTo(
    book: UploadBook,
    { upload, sizeBytes }: StagedUpload,
    endBytes: number,
  ): Result<void, UploadOverrun | ObjectTooLarge | UploadsFull> {
    if (sizeBytes === undefined) return this.#admit(book, book.get(upload)?.offsetBytes ?? 0, endBytes);
    return endBytes <= sizeBytes ? ok() : fail({ code: "storage.upload-overrun", sizeBytes });
  }

  /** Whether one that has promised `hadBytes` may promise `sizeBytes`. */
  #admit(book: UploadBook, hadBytes: number, sizeBytes: number): Result<void, ObjectTooLarge | UploadsFull> {
    const { objectSizeBytesMax: sizeBytesMax } = this.#config();
    if (sizeBytes > sizeBytesMax) return fail({ code: "storage.object-too-large", sizeBytesMax });
    return this.#excessBytes(book, sizeBytes - hadBytes) <= 0 ? ok() : fail(this.#full());
  }

  /** By how much all of them would promise too much with so much more. */
  #excessBytes(book: UploadBook, moreBytes: number): number {
    const beginningBytes = [...this.#beginning].reduce((sum, request) => sum + (request.sizeBytes ?? 0), 0);
    return book.promisedBytes + beginningBytes + moreBytes - this.#config().stagingBytesMax;
  }

  /** By how much they would be too many with one more. */
  #excessCount(book: UploadBook): number {
    return book.openCount + this.#beginning.size + 1 - this.#config().uploadsMax;
  }

  #full(): UploadsFull {
    const { stagingBytesMax, uploadsMax } = this.#config();
    return { code: "storage.uploads-full", uploadsMax, stagingBytesMax };
  }
}

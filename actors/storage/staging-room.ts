/** How many uploads in pieces there may be, and how much they may promise together. */
import type { BeginUpload, UploadOverrun, UploadsFull } from "#actors/domain/upload.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { ObjectTooLarge } from "#actors/storage/protocol.ts";
import type { StagedUpload, UploadBook } from "#actors/storage/upload-book.ts";
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
    if (book.openCount + this.#beginning.size >= this.#config().uploadsMax) return fail(this.#full());
    const admitted = this.#admit(book, 0, request.sizeBytes ?? 0);
    if (!admitted.ok) return admitted;
    this.#beginning.add(request);
    const begun = await begin();
    this.#beginning.delete(request);
    return begun;
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
    const { objectSizeBytesMax: sizeBytesMax, stagingBytesMax } = this.#config();
    if (sizeBytes > sizeBytesMax) return fail({ code: "storage.object-too-large", sizeBytesMax });
    const beginningBytes = [...this.#beginning].reduce((sum, request) => sum + (request.sizeBytes ?? 0), 0);
    const promisedBytes = book.promisedBytes + beginningBytes - hadBytes + sizeBytes;
    return promisedBytes <= stagingBytesMax ? ok() : fail(this.#full());
  }

  #full(): UploadsFull {
    const { stagingBytesMax, uploadsMax } = this.#config();
    return { code: "storage.uploads-full", uploadsMax, stagingBytesMax };
  }
}

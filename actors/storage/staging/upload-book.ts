/**
 * What is known of the uploads in pieces: a function of the changes that were recorded, in order.
 *
 * A record is a change to one upload, as JSON: the fields that it has from then on, or that it is over. The journal proves
 * that records are what was written.
 */

import type { PutManner, StoredUpload, UploadId } from "#actors/domain/upload.ts";

/** One upload. */
export interface StagedUpload {
  readonly upload: UploadId;
  /** So many bytes of its file are durable. */
  readonly offsetBytes: number;
  /** CRC-32 of those bytes: it can be carried on over lives, and finds what has turned on the disk. */
  readonly crc: number;
  readonly sizeBytes?: number | undefined;
  readonly note: string;
  readonly manner: PutManner;
  readonly changedWallMs: number;
  /** The object that it became. Its file is gone. */
  readonly stored?: StoredUpload | undefined;
}

/** What a record says. An upload is begun by all of its fields. */
export type UploadChange =
  | (Partial<Omit<StagedUpload, "upload">> & { readonly upload: UploadId })
  | { readonly upload: UploadId; readonly isOver: true };

export function encodeChange(change: UploadChange): Uint8Array {
  return Buffer.from(JSON.stringify(change));
}

export class UploadBook {
  readonly #uploads = new Map<UploadId, StagedUpload>();

  get(upload: UploadId): StagedUpload | undefined {
    return this.#uploads.get(upload);
  }

  /** In the order in which they were begun. */
  all(): readonly StagedUpload[] {
    return [...this.#uploads.values()];
  }

  /** Begun and not stored. */
  get openCount(): number {
    return this.all().filter(isOpen).length;
  }

  /** What those hold, or will hold. */
  get promisedBytes(): number {
    return this.all().reduce((sum, staged) => sum + (isOpen(staged) ? promisedBy(staged) : 0), 0);
  }

  apply(record: Uint8Array): void {
    const change = JSON.parse(Buffer.from(record).toString()) as UploadChange;
    const { upload } = change;
    const staged = this.#uploads.get(upload);
    if ("isOver" in change) this.#uploads.delete(upload);
    else if (staged !== undefined) this.#uploads.set(upload, { ...staged, ...change });
    // The first record of an upload has all fields; a later one may come when it is over.
    else if (change.note !== undefined) this.#uploads.set(upload, change as StagedUpload);
  }

  *snapshot(): Iterable<Uint8Array> {
    for (const staged of this.#uploads.values()) yield encodeChange(staged);
  }
}

/** All of it is here. */
export function isComplete({ offsetBytes, sizeBytes }: StagedUpload): boolean {
  return offsetBytes === sizeBytes;
}

/** What it will hold, or holds where that is not said. */
export function promisedBy({ offsetBytes, sizeBytes }: StagedUpload): number {
  return sizeBytes ?? offsetBytes;
}

function isOpen({ stored }: StagedUpload): boolean {
  return stored === undefined;
}

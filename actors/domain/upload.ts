/** Uploads in pieces, as all who pass them on know them; and how the object is put that one becomes. */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { ChunkerName } from "#actors/domain/chunk-profiles.ts";
import type { Manifest } from "#actors/domain/manifest.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";

declare const uploadIdBrand: unique symbol;
/** 128 bits at random, as 32 lower-case hex digits: who knows it may add to the upload. */
export type UploadId = string & { readonly [uploadIdBrand]: "UploadId" };

/** Longest note that is kept with an upload, characters. */
export const UPLOAD_NOTE_LENGTH_MAX = 4096;

const PATTERN = /^[0-9a-f]{32}$/;

/** Undefined for anything else. */
export function parseUploadId(text: string): UploadId | undefined {
  return PATTERN.test(text) ? (text as UploadId) : undefined;
}

export function uploadIdFromBytes(bytes: Uint8Array): UploadId {
  return Buffer.from(bytes).toString("hex") as UploadId;
}

/** What `uploadIdFromBytes` is made from. */
export const UPLOAD_ID_SIZE_BYTES = 16;

/** How an object is put, beside its bytes. */
export interface PutManner {
  /** How it is cut. Default `CHUNKER_DEFAULT`. The same bytes may be held cut in several ways. */
  readonly chunker?: ChunkerName | undefined;
  /** A tree is looked at before it is kept, and its manifest says that it is one. It has no `enc`. */
  readonly kind?: "tree" | undefined;
  /**
   * Set for ciphertext: public parameters of the client's encryption, kept in the manifest. It has no address, so `expect`
   * is not for it, and is found by its manifest alone.
   */
  readonly enc?: Manifest["enc"];
  /** It is held for so long, and then for as long as somebody pins it. Default: until it is removed. */
  readonly keepMs?: number | undefined;
}

export interface BeginUpload {
  /** Undefined where it is said later. */
  readonly sizeBytes: number | undefined;
  /** What the client wants to be told again, as it is, at most `UPLOAD_NOTE_LENGTH_MAX` characters. */
  readonly note: string;
  readonly manner: PutManner;
}

export interface AppendUpload {
  readonly upload: UploadId;
  /** Where the client means to go on: where the upload is, else `storage.upload-conflict`. */
  readonly offsetBytes: number;
  readonly source: ByteSource;
  /** Known beforehand, e.g. from Content-Length: lets storage refuse before it reads. */
  readonly lengthBytes: number | undefined;
  /** Says how long the whole upload is, where that was left open. */
  readonly sizeBytes: number | undefined;
  /** Nothing of `source` is kept unless it ends well: it carries a proof. */
  readonly isWhole: boolean;
}

export interface UploadFacts {
  readonly upload: UploadId;
  /** So many bytes are here, and durable. */
  readonly offsetBytes: number;
  readonly sizeBytes: number | undefined;
  readonly note: string;
  /** Milliseconds since 1970 UTC at which it is forgotten, if nothing is added before. */
  readonly expiresWallMs: number;
  readonly stored: StoredUpload | undefined;
}

/** The object that an upload became. */
export interface StoredUpload {
  /** Undefined for ciphertext. */
  readonly address: Address | undefined;
  readonly manifest: Digest;
  readonly sizeBytes: number;
  readonly chunkCount: number;
}

/** As many uploads are begun, or as many bytes promised, as there may be. Retry after a pause: old ones are forgotten. */
export interface UploadsFull extends Failure<"storage.uploads-full"> {
  readonly uploadsMax: number;
  readonly stagingBytesMax: number;
}

/** No such upload: it was never begun, was cancelled, or is forgotten for its age. Begin another. */
export interface UploadUnknown extends Failure<"storage.upload-unknown"> {
  readonly upload: UploadId;
}

/** What the disk holds of the upload is not what was sent, and it is forgotten. Begin another. */
export type UploadDamaged = Failure<"storage.upload-damaged">;

/** Somebody else adds to it at the moment. Retry after a pause. */
export type UploadBusy = Failure<"storage.upload-busy">;

/** It is at another offset than the one to add at. Go on there. */
export interface UploadConflict extends Failure<"storage.upload-conflict"> {
  readonly offsetBytes: number;
}

/** Its size was said already, and it was another one; or more than that is here. Final. */
export interface UploadSizeSet extends Failure<"storage.upload-size-set"> {
  readonly sizeBytes: number;
}

/** There is more to add than the upload was said to be long. What is over was not kept. Final. */
export interface UploadOverrun extends Failure<"storage.upload-overrun"> {
  readonly sizeBytes: number;
}

/**
 * Storage keeps chunks and manifests in packs, and builds the manifest of what it stores.
 *
 * It promises that what it acknowledged survives any crash of the node, and that no byte it returns differs from what
 * was stored. It does not know which manifest answers for an address, nor who asks.
 *
 * Specified in `specs/actors/storage.md`.
 */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { ChunkerName } from "#actors/domain/chunk-profiles.ts";
import type { Manifest } from "#actors/domain/manifest.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";

/** What storage hears. */
export interface StorageProtocol {
  /**
   * Reads `source` to its end, cuts it into chunks, writes those that are new, then the manifest: the commit record.
   * Answers when all of it is durable. A failure keeps nothing. Idempotent.
   */
  putObject: Call<
    PutObject,
    StoredObject,
    StorageFull | ObjectTooLarge | TooManyChunks | AddressMismatch | SourceFailed | WriteFailed | StorageRebuilding
  >;

  /** Answers with the bytes of a manifest node (root or inner), verified against its digest. At most 1 MiB. */
  getManifest: Call<
    { readonly root: Digest },
    Uint8Array,
    ManifestNotFound | StorageCorrupt | StorageReadFailed | StorageRebuilding
  >;

  /**
   * Answers with the bytes of the slices, one after another, at most 1 024 of them. Every 64 KiB segment is verified
   * before its bytes leave; a damaged one fails the source with `storage.corrupt` and quarantines its chunk; one
   * that could not be read now fails it with `storage.read-failed`. All chunks are looked up before the answer.
   */
  readChunks: Call<{ readonly slices: readonly ChunkSlice[] }, ChunkBytes, ChunkNotFound | StorageRebuilding>;

  /**
   * Committed manifest roots after `after`, oldest first: what an index is rebuilt from. One that was shown may be shown
   * again, to a cursor from before storage started over.
   */
  listManifests: Call<
    { readonly after: Cursor | undefined; readonly limit: number },
    {
      readonly entries: readonly CommittedManifest[];
      readonly next: Cursor;
      readonly done: boolean;
      readonly total: number;
    },
    StorageRebuilding
  >;

  /** Sizes and counts, for `/status`. */
  describe: Call<Record<never, never>, StorageFacts>;
}

export interface PutObject {
  readonly source: ByteSource;
  /** Known beforehand, e.g. from Content-Length: lets storage refuse before it reads. */
  readonly sizeBytes?: number | undefined;
  /** The object must have this address, else `storage.address-mismatch` and nothing is kept. */
  readonly expect?: Address | undefined;
  /** How it is cut. Default `CHUNKER_DEFAULT`. The same bytes may be held cut in several ways. */
  readonly chunker?: ChunkerName | undefined;
  /**
   * Set for ciphertext: public parameters of the client's encryption, kept in the manifest. It has no address, so `expect`
   * is not for it, and is found by its manifest alone.
   */
  readonly enc?: Manifest["enc"];
}

export interface StoredObject {
  /** Undefined for ciphertext. */
  readonly address: Address | undefined;
  readonly manifest: Digest;
  readonly sizeBytes: number;
  readonly chunkCount: number;
  /** True when this very manifest was committed before: nothing was written. */
  readonly known: boolean;
  /**
   * Position of the commit. Never a checkpoint by itself: commits with lower positions may still be under way. Only
   * `listManifests` answers with positions below which nothing can appear any more.
   */
  readonly cursor: Cursor;
}

/** Bytes `offset … offset + lengthBytes - 1` of one chunk. */
export interface ChunkSlice {
  readonly chunk: Digest;
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface ChunkBytes {
  readonly source: ByteSource;
}

/**
 * A position in the order of commits. Opaque. Where storage has lost track of that order it starts over, and with an older
 * cursor so does its reader.
 */
export type Cursor = string;

export interface CommittedManifest {
  /** Undefined for ciphertext. */
  readonly address: Address | undefined;
  readonly manifest: Digest;
  readonly sizeBytes: number;
}

export interface StorageFacts {
  readonly packCount: number;
  readonly chunkCount: number;
  readonly manifestCount: number;
  readonly storedBytes: number;
  readonly freeBytes: number;
  readonly damagedChunkCount: number;
  /** Packs that are left as they are, because not all of them can be read. */
  readonly setAsidePackCount: number;
  /** Set while the catalog is rebuilt from the packs. */
  readonly rebuilding: { readonly doneBytes: number; readonly totalBytes: number } | undefined;
}

/** What storage announces. */
export interface StorageEvents {
  chunkDamaged: { readonly chunk: Digest };
  objectCommitted: { readonly address: Address | undefined; readonly sizeBytes: number };
}

/** The disk has no room for it. Reads go on. Retry after something is removed. */
export interface StorageFull extends Failure<"storage.full"> {
  readonly freeBytes: number;
  readonly reserveBytes: number;
}

/** Over `storage.objectSizeBytesMax`. Final. */
export interface ObjectTooLarge extends Failure<"storage.object-too-large"> {
  readonly sizeBytesMax: number;
}

/** Cut that finely, the object has more chunks than one may have. Nothing was kept. Put it with a coarser chunker. */
export interface TooManyChunks extends Failure<"storage.too-many-chunks"> {
  readonly chunker: ChunkerName;
  readonly chunksMax: number;
}

/** The bytes are not the object that the address names. Final: nothing was kept. */
export interface AddressMismatch extends Failure<"storage.address-mismatch"> {
  readonly expected: Address;
  readonly actual: Address;
}

/** The source failed before its end; `cause` is its own failure. Nothing was kept. */
export interface SourceFailed extends Failure<"storage.source-failed"> {
  readonly cause: Failure;
}

/** The disk refused a write or a sync. Nothing is acknowledged, and the next put goes to another pack. Retry once. */
export interface WriteFailed extends Failure<"storage.write-failed"> {
  readonly errno: string;
}

/** No such manifest is held here. */
export interface ManifestNotFound extends Failure<"storage.manifest-not-found"> {
  readonly root: Digest;
}

/** A chunk is not held here, or was found damaged: putting the object again heals it. */
export interface ChunkNotFound extends Failure<"storage.chunk-not-found"> {
  readonly chunk: Digest;
}

/**
 * The bytes on disk are not what was stored, or the disk refuses them: then `errno` says why. They are quarantined: putting
 * them again heals them, and what the disk has refused is served again when it can be read.
 */
export interface StorageCorrupt extends Failure<"storage.corrupt"> {
  readonly digest: Digest;
  readonly errno?: string;
}

/** The disk did not let the bytes be read, which says nothing about them: nothing is quarantined. Retry after a pause. */
export interface StorageReadFailed extends Failure<"storage.read-failed"> {
  readonly errno: string;
}

/**
 * The catalog is being rebuilt from the packs, and what was asked for is not known yet, or writes wait for the end of
 * it. Nothing has run. Retry after a pause.
 */
export interface StorageRebuilding extends Failure<"storage.rebuilding"> {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

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
import type { CollectionFacts } from "#actors/domain/collection-facts.ts";
import type { StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import type { TreeProblem } from "#actors/domain/tree.ts";
import type {
  AppendUpload,
  BeginUpload,
  PutManner,
  UploadBusy,
  UploadConflict,
  UploadDamaged,
  UploadFacts,
  UploadId,
  UploadOverrun,
  UploadSizeSet,
  UploadsFull,
  UploadUnknown,
} from "#actors/domain/upload.ts";
import type {
  ForgetVolume,
  RepairAction,
  VolumeInUse,
  VolumeNeeded,
  VolumesFacts,
  VolumeUnknown,
} from "#actors/domain/volumes-facts.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";

/** What storage hears. */
export interface StorageProtocol {
  /**
   * Reads `source` to its end, cuts it into chunks, writes those that are new, then the manifest: the commit record.
   * Answers when all of it is durable. A failure keeps nothing. Idempotent.
   */
  putObject: Call<PutObject, StoredObject, PutFailure | StorageNotReady>;

  /**
   * Answers with the bytes of a manifest node (root or inner), verified against its digest. At most
   * `MANIFEST_BYTES_MAX`. `address` is the object that it is asked for on behalf of, where that is known.
   */
  getManifest: Call<
    { readonly root: Digest; readonly address?: Address | undefined },
    Uint8Array,
    ManifestNotFound | ObjectRemoved | StorageCorrupt | StorageReadFailed | StorageNotReady
  >;

  /** Whether the object of this manifest may still be read: for those who keep what `getManifest` once said. */
  isHeld: Call<{ readonly root: Digest }, boolean>;

  /**
   * Whether it is known that the object of this manifest cannot be read whole, and that only a put can change that: records of
   * it are damaged or lost. What nobody has read yet is not known.
   */
  isDamaged: Call<{ readonly root: Digest }, boolean>;

  /**
   * Answers with the bytes of the slices, one after another, at most 1 024 of them. Every 64 KiB segment is verified
   * before its bytes leave; a damaged one fails the source with `storage.corrupt` and quarantines its chunk; one
   * that could not be read now fails it with `storage.read-failed`. All chunks are looked up before the answer.
   */
  readChunks: Call<
    { readonly slices: readonly ChunkSlice[] },
    ChunkBytes,
    ChunkNotFound | StorageReadFailed | StorageNotReady
  >;

  /**
   * All of a chunk that is the whole of an object, verified: 64 KiB at most, and the object of this manifest may still be read.
   * The bytes are not to be modified: others are given the same.
   */
  readSmallObject: Call<
    { readonly chunk: Digest; readonly root: Digest },
    Uint8Array,
    ChunkNotFound | ManifestNotFound | ObjectRemoved | StorageCorrupt | StorageReadFailed | StorageNotReady
  >;

  /**
   * Committed manifest roots after `after`, oldest first: what an index is rebuilt from. One that was shown may be shown
   * again, to a cursor from before storage started over.
   */
  listManifests: Call<
    { readonly after: Cursor | undefined; readonly limit: number },
    {
      readonly entries: readonly ListedManifest[];
      readonly next: Cursor;
      readonly done: boolean;
      readonly total: number;
    },
    StorageNotReady
  >;

  /**
   * From now on nobody can read the object. It can be restored for `storage.trashMs`; then its bytes are given up. Removing
   * what is removed begins that time anew. A put that comes later keeps it again.
   */
  removeObject: Call<HeldObject, { readonly restorableUntilMs: number }, ManifestNotFound | KeepRefused>;

  /** What a manifest was committed for, also where that was removed. */
  findCommitted: Call<{ readonly root: Digest }, CommittedManifest, ManifestNotFound | StorageNotReady>;
  /** The same of what may be read, with what its put asked for. */
  findHeld: Call<{ readonly root: Digest }, ListedManifest, ManifestNotFound | ObjectRemoved | StorageNotReady>;

  /** Takes a removal back, and answers with what is there again; `findRemoved` says what that would be. */
  restoreObject: Call<RemovedName, ListedManifest, NotInTrash | KeepRefused>;
  findRemoved: Call<RemovedName, ListedManifest, NotInTrash | StorageNotReady>;

  /**
   * Holds on to the object, whatever its put asked for, at least until then; without `untilMs` until it is let go. Answers
   * until when it is held by now.
   */
  pinObject: Call<
    HeldObject & { readonly untilMs?: number | undefined },
    { readonly untilMs: number | undefined },
    ManifestNotFound | ObjectRemoved | KeepRefused
  >;

  /** Lets go of the object, for whoever held it: the next collection removes it. */
  unpinObject: Call<HeldObject, void, ManifestNotFound | ObjectRemoved | KeepRefused>;

  /** Objects that can be restored, in no order that means anything. `after` is the `next` of the page before. */
  listTrash: Call<
    { readonly after?: string | undefined; readonly limit: number },
    { readonly entries: readonly TrashedObject[]; readonly next: string | undefined },
    StorageNotReady
  >;

  /**
   * Begins a collection, if none is under way: what nobody holds is removed, and what was removed long ago, or with
   * `emptyTrash` at all, is given up. Answers at once, with how things stand.
   */
  collectGarbage: Call<{ readonly emptyTrash: boolean }, CollectionFacts, StorageNotReady>;
  /** Begins an upload that is sent in pieces, over any number of connections and lives of the node. */
  beginUpload: Call<BeginUpload, UploadFacts, ObjectTooLarge | UploadsFull | LimitReached | WriteRefused>;

  /**
   * Adds what `source` brings. What was added is durable when its offset is answered, or shown by `statUpload`; a source
   * that fails leaves what it had brought, unless `isWhole`.
   */
  appendUpload: Call<
    AppendUpload,
    UploadFacts,
    | UploadUnknown
    | UploadBusy
    | UploadConflict
    | UploadSizeSet
    | UploadOverrun
    | ObjectTooLarge
    | UploadsFull
    | SourceFailed
    | WriteRefused
  >;

  /**
   * What is held of it. One that is complete is being stored as an object, by itself: then this waits up to `waitMs` for
   * that, and fails with what stopped it. What may be tried again is tried again, by this and once in a while; what may
   * not ends the upload.
   */
  statUpload: Call<
    { readonly upload: UploadId; readonly waitMs: number },
    UploadFacts,
    UploadUnknown | UploadDamaged | Exclude<PutFailure, AddressMismatch> | StorageNotReady
  >;

  /** Forgets it, and what it has brought. An object that came of it stays. */
  cancelUpload: Call<{ readonly upload: UploadId }, void, UploadUnknown | UploadBusy | WriteRefused>;

  /** Everything is read and compared again, from now on, beside the traffic. Answers at once, with how things stand. */
  scrubNow: Call<Record<never, never>, ScrubFacts, StorageNotReady>;

  describeVolumes: Call<Record<never, never>, VolumesFacts, StorageNotReady>;

  /** Answers at once; what goes on is in the facts. A pause ends with a resume, or with the life of the node. */
  repair: Call<{ readonly action: RepairAction }, VolumesFacts, StorageNotReady>;

  /** Gives up a volume that is left out. With `mayLose` also where it may hold what nothing else does. Durable when answered. */
  forgetVolume: Call<ForgetVolume, VolumesFacts, VolumeUnknown | VolumeInUse | VolumeNeeded | WriteRefused>;

  /** Sizes and counts, for `/status`. */
  describe: Call<Record<never, never>, StorageFacts>;
}

/** What the manifest was committed for, of an object all of it: also what other manifests of it describe. */
export interface HeldObject {
  readonly manifest: Digest;
}

/** What has an address is found by that, and by the root of any manifest of it. */
export type RemovedName = { readonly address: Address } | { readonly root: Digest };

export interface TrashedObject extends CommittedManifest {
  readonly removedAtMs: number;
  readonly restorableUntilMs: number;
}

/** What can be said and done only when all is known that was kept and removed. Nothing has run. */
export type StorageNotReady = StorageRebuilding | StorageJournalDamaged;

export type WriteRefused = StorageFull | WriteFailed | StorageNotReady;

/** A change of what is kept was not made. */
export type KeepRefused = WriteRefused | KeepsFull;

export interface PutObject extends PutManner {
  /** Bytes that are whole in memory are not changed any more: they may be read for longer than the call lasts. */
  readonly source: ByteSource | Uint8Array;
  /** Known beforehand, e.g. from Content-Length: lets storage refuse before it reads. */
  readonly sizeBytes?: number | undefined;
  /** The object must have this address, else `storage.address-mismatch` and nothing is kept. */
  readonly expect?: Address | undefined;
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

/** A position in the order of commits. Opaque. Where storage loses track of the order it starts over, and so does its reader. */
export type Cursor = string;

export interface CommittedManifest {
  /** Undefined for ciphertext. */
  readonly address: Address | undefined;
  readonly manifest: Digest;
  readonly sizeBytes: number;
}

/** With `isTransient` its put does not hold it without an end: it asked for a time, or was let go. */
export type ListedManifest = CommittedManifest & { readonly isTransient: boolean };

export interface StorageFacts {
  readonly packCount: number;
  /** Of all packs together, on the disk. */
  readonly packBytes: number;
  readonly chunkCount: number;
  readonly manifestCount: number;
  readonly storedBytes: number;
  readonly freeBytes: number;
  readonly damagedChunkCount: number;
  /** Packs that are left as they are, because not all of them can be read. */
  readonly setAsidePackCount: number;
  readonly trash: { readonly objectCount: number; readonly bytes: number };
  readonly collection: CollectionFacts;
  readonly scrub: ScrubFacts;
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

/** The store holds as much as it may (`storage.storedBytesMax`, `storage.packsMax`). Reads go on. Remove something, and collect. */
export interface LimitReached extends Failure<"storage.limit-reached"> {
  readonly usedBytes: number;
  readonly storedBytesMax: number;
  readonly packCount: number;
  readonly packsMax: number;
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

/** The bytes are no tree, or one that names what is not stored here. Nothing was kept. Put that first. */
export interface TreeRefused extends Failure<"storage.tree-refused"> {
  readonly problem: TreeProblem | "not-stored";
  /** Of the first entry that is not stored. */
  readonly name?: string;
}

/** The source failed before its end; `cause` is its own failure. Nothing was kept. */
export interface SourceFailed extends Failure<"storage.source-failed"> {
  readonly cause: Failure;
}

/** The disk refused a write or a sync. Nothing is acknowledged, and the next put goes to another pack. Retry once. */
export interface WriteFailed extends Failure<"storage.write-failed"> {
  readonly errno: string;
}

/** How a put may end, once all packs are known. */
export type PutFailure =
  | StorageFull
  | LimitReached
  | ObjectTooLarge
  | TooManyChunks
  | AddressMismatch
  | TreeRefused
  | SourceFailed
  | WriteFailed
  | KeepsFull
  | StorageJournalDamaged;

/** No such manifest is held here. */
export interface ManifestNotFound extends Failure<"storage.manifest-not-found"> {
  readonly root: Digest;
}

/** The object of this manifest was removed. Restore it while it is in the trash, or put it again. */
export interface ObjectRemoved extends Failure<"storage.removed"> {
  readonly root: Digest;
}

/** It was not removed, or so long ago that its bytes are given up. Final. */
export type NotInTrash = Failure<"storage.not-in-trash">;

/** Pins, removals and the like of as many objects as may be are remembered. Collect garbage, or let pins go. */
export interface KeepsFull extends Failure<"storage.keeps-full"> {
  readonly keepsMax: number;
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

/**
 * The disk did not let the bytes be read, which says nothing about them: nothing is quarantined. Retry after a pause; with
 * `ENODEV` when the volumes are back that they are on.
 */
export interface StorageReadFailed extends Failure<"storage.read-failed"> {
  readonly errno: string;
}

/**
 * The catalog is being rebuilt from the packs or compared with them, or volumes are looked through, and what was asked for is
 * not known yet, or writes wait for the end of it. Nothing has run. Retry after a pause.
 */
export interface StorageRebuilding extends Failure<"storage.rebuilding"> {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

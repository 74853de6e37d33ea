/**
 * Overlay streams objects in and out: it joins the index's answers with storage's bytes and verifies the whole.
 *
 * It promises that the bytes of a `get` are those of the address asked for, and that a `put` it answered can be got.
 * It keeps no state that matters: after a crash it feeds the index from storage again.
 *
 * Specified in `specs/actors/overlay.md`.
 */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { ByteRange } from "#actors/domain/byte-range.ts";
import type { CollectionFacts } from "#actors/domain/collection-facts.ts";
import type { Name, NameValue, PublicKey } from "#actors/domain/name.ts";
import type { NameRecord } from "#actors/domain/name-record.ts";
import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import type { AppendUpload, BeginUpload, UploadFacts, UploadId } from "#actors/domain/upload.ts";
import type { ForgetVolume, RepairAction, VolumesFacts } from "#actors/domain/volumes-facts.ts";
import type {
  IndexFacts,
  IndexRebuilding,
  NameConflict,
  NameFrozen,
  NameState,
  NamesFull,
  NamesUnavailable,
  NameUnknown,
} from "#actors/index/protocol.ts";
import type {
  KeepRefused,
  ManifestNotFound,
  NotInTrash,
  PutObject,
  StorageCorrupt,
  StorageFacts,
  StorageNotReady,
  StorageProtocol,
  StorageReadFailed,
  TrashedObject,
} from "#actors/storage/protocol.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Call, FailureOf } from "#runtime/protocol.ts";

/** What overlay hears. */
export interface OverlayProtocol {
  /** Stores the object and makes it findable. Durable when answered; a failure keeps nothing. Idempotent. */
  put: Call<PutObject, PutReceipt, StorageFailureOf<"putObject"> | OverlayUnavailable>;

  /** Answers with what is known of the object and the bytes of `range` (all of it if absent), verified. */
  get: Call<
    { readonly address: Address; readonly range?: ByteRange | undefined },
    ObjectBytes,
    | ObjectUnknown
    | IndexRebuilding
    | StorageNotReady
    | StorageCorrupt
    | StorageReadFailed
    | RangeUnsatisfiable
    | OverlayUnavailable
  >;

  /** With `damageToo` an object that storage knows to be damaged in any part is `storage.corrupt`. */
  stat: Call<
    { readonly address: Address; readonly damageToo?: boolean | undefined },
    ObjectFacts,
    ObjectUnknown | IndexRebuilding | StorageNotReady | StorageCorrupt | StorageReadFailed | OverlayUnavailable
  >;

  /** As `get`, by the root of a manifest: the only way to ciphertext, which has no address. Index is not asked. */
  getByRoot: Call<
    { readonly root: Digest; readonly range?: ByteRange | undefined },
    ContentBytes,
    | ManifestNotFound
    | NotARoot
    | StorageNotReady
    | StorageCorrupt
    | StorageReadFailed
    | RangeUnsatisfiable
    | OverlayUnavailable
  >;

  statByRoot: Call<
    { readonly root: Digest },
    ContentFacts,
    ManifestNotFound | NotARoot | StorageNotReady | StorageCorrupt | StorageReadFailed | OverlayUnavailable
  >;

  /**
   * Nobody can read it from now on. Until the moment answered it can be restored; then its bytes are given up. A put that
   * comes later keeps it again.
   */
  remove: Call<Target, RemovedObject, TargetFailure>;

  /** Takes a removal back, and makes the object findable again. Idempotent while it is in the trash. */
  restore: Call<Target, RestoredObject, NotInTrash | KeepRefused | OverlayUnavailable>;

  /** Holds on to it, at least until then; without `untilMs` until it is let go. Answers until when it is held by now. */
  pin: Call<
    { readonly target: Target; readonly untilMs?: number | undefined },
    { readonly untilMs: number | undefined },
    TargetFailure
  >;

  /** Lets go of it, for whoever held it: the next collection removes it. */
  unpin: Call<Target, void, TargetFailure>;

  /** As storage's. */
  listTrash: Call<
    { readonly after?: string | undefined; readonly limit: number },
    { readonly entries: readonly TrashedObject[]; readonly next: string | undefined },
    StorageNotReady | OverlayUnavailable
  >;

  /** As storage's. */
  collectGarbage: Call<{ readonly emptyTrash: boolean }, CollectionFacts, StorageNotReady | OverlayUnavailable>;

  /** As storage's. */
  scrubNow: Call<Record<never, never>, ScrubFacts, StorageNotReady | OverlayUnavailable>;

  /** As storage's. */
  describeVolumes: Call<Record<never, never>, VolumesFacts, StorageNotReady | OverlayUnavailable>;

  /** As storage's. */
  repair: Call<{ readonly action: RepairAction }, VolumesFacts, StorageNotReady | OverlayUnavailable>;

  /** As storage's. */
  forgetVolume: Call<ForgetVolume, VolumesFacts, StorageFailureOf<"forgetVolume"> | OverlayUnavailable>;

  /** The bytes of a manifest node, verified. */
  getManifest: Call<
    { readonly root: Digest },
    Uint8Array,
    ManifestNotFound | StorageCorrupt | StorageReadFailed | StorageNotReady | OverlayUnavailable
  >;

  /**
   * Answers with a CARv1 of the object, or of what is below the manifest node: `specs/formats/car.md`. Every block is
   * verified before it has left whole.
   */
  getCar: Call<
    CarWanted,
    CarBytes,
    | ObjectUnknown
    | IndexRebuilding
    | StorageNotReady
    | ManifestNotFound
    | StorageCorrupt
    | StorageReadFailed
    | OverlayUnavailable
  >;

  /** Reads a CAR and puts the object that its root names. Durable when answered; a failure keeps nothing. Idempotent. */
  putCar: Call<
    Pick<PutObject, "keepMs"> & { readonly source: ByteSource },
    PutReceipt,
    CarRefused | StorageFailureOf<"putObject"> | OverlayUnavailable
  >;

  /** Uploads in pieces, as storage keeps them. */
  beginUpload: Call<BeginUpload, UploadFacts, StorageFailureOf<"beginUpload"> | OverlayUnavailable>;
  appendUpload: Call<AppendUpload, UploadFacts, StorageFailureOf<"appendUpload"> | OverlayUnavailable>;
  cancelUpload: Call<{ readonly upload: UploadId }, void, StorageFailureOf<"cancelUpload"> | OverlayUnavailable>;

  /** As storage has it; the object that an upload became can be got when it is named here. */
  statUpload: Call<
    { readonly upload: UploadId; readonly waitMs: number },
    UploadFacts,
    StorageFailureOf<"statUpload"> | OverlayUnavailable
  >;

  /**
   * Leads a name to what is held here, by a record whose signature was verified. Durable when answered. Idempotent: where
   * the answer is lost, set the same record again.
   */
  setName: Call<
    { readonly record: NameRecord },
    void,
    | TargetUnknown
    | KeepRefused
    | NameConflict
    | NameFrozen
    | NamesFull
    | NamesUnavailable
    | IndexRebuilding
    | StorageNotReady
    | StorageCorrupt
    | StorageReadFailed
    | OverlayUnavailable
  >;

  /** The record that says where the name leads now. It waits for nobody: who signs the next one reads the history. */
  getName: Call<
    { readonly name: Name },
    NameRecord,
    NameUnknown | NameExpired | NameFrozen | NamesUnavailable | OverlayUnavailable
  >;

  /** All that is kept of a name, whatever became of it. Whoever came before to set the name is answered first. */
  readNameHistory: Call<{ readonly name: Name }, NameState, NameUnknown | NamesUnavailable | OverlayUnavailable>;

  /** Names of one key, in the order of their labels, from behind `after`. */
  listNames: Call<
    { readonly publicKey: PublicKey; readonly after: string; readonly limit: number },
    readonly NameState[],
    NamesUnavailable | OverlayUnavailable
  >;

  describe: Call<Record<never, never>, StoreFacts, OverlayUnavailable>;
}

type StorageFailureOf<Name extends keyof StorageProtocol> = FailureOf<StorageProtocol, Name>;

/** What a manifest says of the bytes that it describes. */
export interface ContentFacts {
  readonly manifest: Digest;
  readonly sizeBytes: number;
  readonly chunkCount: number;
}

export interface PutReceipt extends ContentFacts {
  /** Undefined for ciphertext. */
  readonly address: Address | undefined;
  readonly known: boolean;
}

export interface ObjectFacts extends ContentFacts {
  readonly address: Address;
}

export interface ContentBytes extends ContentFacts {
  /** First byte and count of what `body` is, or delivers. */
  readonly firstByte: number;
  readonly lengthBytes: number;
  /** Of a small object all that was asked for, at once: others are given the same bytes, so they are not to be modified. */
  readonly body: ByteSource | Uint8Array;
}

export interface ObjectBytes extends ObjectFacts, ContentBytes {}

export type CarWanted = { readonly address: Address } | { readonly root: Digest };

export interface CarBytes {
  /** The root of the CAR: of the address, the manifest that the index names. */
  readonly root: Digest;
  readonly lengthBytes: number;
  readonly source: ByteSource;
}

export interface StoreFacts {
  readonly storage: StorageFacts;
  readonly index: IndexFacts;
}

/** An object by its address, or whatever the manifest of this root describes: where that has an address, the object. */
export type Target = { readonly address: Address } | { readonly root: Digest };

export type TargetFailure = ObjectUnknown | ManifestNotFound | IndexRebuilding | KeepRefused | OverlayUnavailable;

export interface RemovedObject {
  /** Undefined for ciphertext. */
  readonly address: Address | undefined;
  readonly restorableUntilMs: number;
}

export interface RestoredObject {
  /** Undefined for ciphertext. */
  readonly address: Address | undefined;
  readonly manifest: Digest;
  readonly sizeBytes: number;
}

/** What overlay announces. */
export type OverlayEvents = Record<never, never>;

/** No object with this address is held here. */
export interface ObjectUnknown extends Failure<"overlay.unknown"> {
  readonly address: Address;
}

/** The manifest node is held here and is no root: it stands for a part of an object. Final. */
export interface NotARoot extends Failure<"overlay.not-a-root"> {
  readonly node: Digest;
}

/** The range lies outside the object. */
export interface RangeUnsatisfiable extends Failure<"overlay.range-unsatisfiable"> {
  readonly sizeBytes: number;
}

/** The bytes are no CAR that is taken here. Final: nothing was kept. */
export interface CarRefused extends Failure<"overlay.car-refused"> {
  readonly problem: CarProblem;
  /** Where what is wrong with it begins, or where it ended. */
  readonly atByte: number;
}

/** `specs/formats/car.md` says what each means. */
export type CarProblem =
  | "bad-length"
  | "bad-header"
  | "bad-root"
  | "bad-cid"
  | "bad-manifest"
  | "not-puttable"
  | "out-of-order"
  | "wrong-length"
  | "digest-mismatch"
  | "truncated"
  | "trailing-bytes";

/** What the name would lead to is not held here. Put it first. */
export interface TargetUnknown extends Failure<"overlay.target-unknown"> {
  readonly value: NameValue;
}

/** The name led somewhere until the time that its owner gave it. It does again when the owner sets the next record. */
export interface NameExpired extends Failure<"overlay.name-expired"> {
  readonly record: NameRecord;
}

/** An actor below did not answer; `executed: "maybe"` where it may have acted. All of it is idempotent: retry. */
export interface OverlayUnavailable extends Failure<"overlay.unavailable"> {
  readonly cause: string;
  readonly executed: "no" | "maybe";
}

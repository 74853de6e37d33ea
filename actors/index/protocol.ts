/**
 * Index resolves an address to the manifest that answers for it, and a name to the record that its owner signed last.
 *
 * It promises to say `rebuilding` rather than `unknown` while it does not know everything that was committed. Of addresses
 * it keeps nothing that packs cannot rebuild, and it does not know storage: overlay feeds it. Names are its own: what it
 * has acknowledged of them is durable.
 *
 * Specified in `specs/actors/index.md`.
 */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { Name, PublicKey } from "#actors/domain/name.ts";
import type { NameRecord } from "#actors/domain/name-record.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";

/** What index hears. */
export interface IndexProtocol {
  resolve: Call<{ readonly address: Address }, ResolvedEntry, IndexUnknown | IndexRebuilding>;

  /**
   * Remembers entries; visible to `resolve` when answered, also after `index.restarted`. `checkpoint` says that every
   * commit up to its cursor is now known; it is kept with the entries, all or none. Idempotent. With `isDurable` it answers
   * when a crash cannot take the entries away: for those of commits that nobody will tell of again.
   */
  record: Call<
    {
      readonly entries: readonly IndexEntry[];
      readonly checkpoint?: Checkpoint | undefined;
      readonly isDurable?: boolean | undefined;
    },
    void,
    IndexRestarted | IndexFull | IndexNotWritten
  >;

  /** From now on `resolve` does not know it, until it is recorded again. Idempotent. */
  forget: Call<{ readonly address: Address }, void, IndexFull>;

  /** Nobody holds what is known of it without an end any more: none of its manifests lasts. Idempotent. */
  loosen: Call<{ readonly address: Address }, void, IndexFull>;

  /** Where feeding must go on, and in which life of the index what follows counts. */
  readCheckpoint: Call<Record<never, never>, FeedStart>;

  /** Feeding progress; at `done` an unknown address is really unknown. */
  reportRebuild: Call<
    { readonly life: string; readonly doneCount: number; readonly totalCount: number; readonly done: boolean },
    void,
    IndexRestarted
  >;

  /**
   * Leads a name elsewhere, if the record is signed (whoever calls has looked) and follows on the current one. Durable
   * when answered. Idempotent: the current record once more is answered as if it were new.
   */
  setName: Call<{ readonly record: NameRecord }, void, NameConflict | NameFrozen | NamesFull | NamesUnavailable>;

  /**
   * What would become of the record, for who must make ready before it is set. One that follows is not taken yet, and
   * `setName` judges it again; any other is dealt with as there: one that contradicts freezes the name.
   */
  judgeName: Call<
    { readonly record: NameRecord },
    NameVerdict,
    NameConflict | NameFrozen | NamesFull | NamesUnavailable
  >;

  /** The current record, though it may have expired: see `isExpired`. */
  getName: Call<{ readonly name: Name }, NameRecord, NameUnknown | NameFrozen | NamesUnavailable>;

  /** All that is kept of a name, also where it is frozen. */
  readNameHistory: Call<{ readonly name: Name }, NameState, NameUnknown | NamesUnavailable>;

  /** Names of one key, in the order of their labels, from behind `after`. */
  listNames: Call<
    { readonly publicKey: PublicKey; readonly after: string; readonly limit: number },
    readonly NameState[],
    NamesUnavailable
  >;

  describe: Call<Record<never, never>, IndexFacts>;
}

/** It follows on the current record, or is that one once more. */
export type NameVerdict = "next" | "known";

/** What is kept of a name. */
export interface NameState {
  /** Without a gap, the current record last. Of what is not kept any more the first one's `prev` is left. */
  readonly history: readonly NameRecord[];
  /** Set for a name that is frozen. */
  readonly evidence: Evidence | undefined;
}

/** Two records of one name and `seq` that differ, both signed: the first that was known and its rival. */
export type Evidence = readonly [NameRecord, NameRecord];

/** What was committed. */
export interface IndexEntry {
  readonly address: Address;
  readonly manifest: Digest;
  readonly sizeBytes: number;
  /** Its put does not hold it without an end: it asked for a time, or was let go. */
  readonly isTransient: boolean;
}

/** What was recorded of an address. */
export interface ResolvedEntry {
  readonly address: Address;
  /** Recorded last. */
  readonly manifest: Digest;
  readonly sizeBytes: number;
  /** Of those whose put asked for no end, the one recorded last: what is left when the time of `manifest` is over. */
  readonly lasting: Digest | undefined;
}

/** Every commit up to `cursor` is known to the life of the index that `life` names. */
export interface Checkpoint {
  readonly cursor: string;
  readonly life: string;
}

export interface FeedStart {
  /** Undefined: feed from the beginning. */
  readonly cursor: string | undefined;
  readonly life: string;
  readonly entryCount: number;
}

export interface IndexFacts {
  readonly entryCount: number;
  readonly rebuilding: { readonly doneCount: number; readonly totalCount: number } | undefined;
  /** Undefined while the journal of names cannot be read. */
  readonly names: NameTotals | undefined;
}

export interface NameTotals {
  readonly nameCount: number;
  /** Those that others have replaced among them. */
  readonly recordCount: number;
  readonly frozenCount: number;
}

/** What index announces. */
export type IndexEvents = Record<never, never>;

/** No committed object has this address. */
export interface IndexUnknown extends Failure<"index.unknown"> {
  readonly address: Address;
}

/** Not known yet: the index is being rebuilt. Retry after a pause. */
export interface IndexRebuilding extends Failure<"index.rebuilding"> {
  readonly doneCount: number;
  readonly totalCount: number;
}

/**
 * The index was restarted since the feeder asked where to begin, and forgot what it had not written. Begin again with
 * `readCheckpoint`.
 */
export interface IndexRestarted extends Failure<"index.restarted"> {
  readonly life: string;
}

/** The store refuses what was recorded: it is found until the index ends, and written when the store takes it. */
export interface IndexNotWritten extends Failure<"index.not-written"> {
  readonly cause: string;
}

/** The store of the index refuses writes and `pendingCountMax` entries wait for it. Nothing was kept. Retry later. */
export interface IndexFull extends Failure<"index.full"> {
  readonly pendingCount: number;
  readonly pendingCountMax: number;
}

/** Nothing is known of the name here. */
export type NameUnknown = Failure<"index.name-unknown">;

/** The record does not follow on `current` (undefined: the name has none). Sign one that does, and set that. */
export interface NameConflict extends Failure<"index.name-conflict"> {
  readonly current: NameRecord | undefined;
}

/**
 * Two different records with one `seq` were signed, so nobody can say where the name leads. Final: the evidence is kept, and
 * the owner takes another label or key.
 */
export interface NameFrozen extends Failure<"index.name-frozen"> {
  readonly evidence: Evidence;
}

/** There are as many names as may be. Nothing was kept. */
export interface NamesFull extends Failure<"index.names-full"> {
  readonly namesMax: number;
}

/**
 * The journal of names cannot be read or written just now. Retry with the same record: after `maybe` it may be set, and
 * another one with its `seq` would freeze the name.
 */
export interface NamesUnavailable extends Failure<"index.names-unavailable"> {
  readonly cause: string;
  readonly executed: "no" | "maybe";
}

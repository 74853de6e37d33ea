/**
 * Index resolves an address to the manifest that answers for it.
 *
 * It promises to say `rebuilding` rather than `unknown` while it does not know everything that was committed. It keeps
 * nothing that packs cannot rebuild, and does not know storage: overlay feeds it.
 *
 * Specified in `specs/actors/index.md`.
 */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";

/** What index hears. */
export interface IndexProtocol {
  resolve: Call<{ readonly address: Address }, IndexEntry, IndexUnknown | IndexRebuilding>;

  /**
   * Remembers entries; visible to `resolve` when answered, also after `index.restarted`. `checkpoint` says that every
   * commit up to its cursor is now known; it is kept with the entries, all or none. Idempotent.
   */
  record: Call<
    { readonly entries: readonly IndexEntry[]; readonly checkpoint?: Checkpoint | undefined },
    void,
    IndexRestarted | IndexFull
  >;

  /** From now on `resolve` does not know it, until it is recorded again. Idempotent. */
  forget: Call<{ readonly address: Address }, void, IndexFull>;

  /** Where feeding must go on, and in which life of the index what follows counts. */
  readCheckpoint: Call<Record<never, never>, FeedStart>;

  /** Feeding progress; at `done` an unknown address is really unknown. */
  reportRebuild: Call<
    { readonly life: string; readonly doneCount: number; readonly totalCount: number; readonly done: boolean },
    void,
    IndexRestarted
  >;

  describe: Call<Record<never, never>, IndexFacts>;
}

export interface IndexEntry {
  readonly address: Address;
  readonly manifest: Digest;
  readonly sizeBytes: number;
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

/** The store of the index refuses writes and `pendingCountMax` entries wait for it. Nothing was kept. Retry later. */
export interface IndexFull extends Failure<"index.full"> {
  readonly pendingCount: number;
  readonly pendingCountMax: number;
}

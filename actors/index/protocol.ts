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
   * Remembers entries; visible to `resolve` when answered. `checkpoint` says that every commit up to it is now known;
   * it is kept with the entries, all or none. Idempotent.
   */
  record: Call<{ readonly entries: readonly IndexEntry[]; readonly checkpoint?: string | undefined }>;

  /** Where feeding must go on: undefined means from the beginning. */
  readCheckpoint: Call<Record<never, never>, { readonly checkpoint: string | undefined }>;

  /** Feeding progress; at `done` an unknown address is really unknown. */
  reportRebuild: Call<{ readonly doneCount: number; readonly totalCount: number; readonly done: boolean }>;

  describe: Call<Record<never, never>, IndexFacts>;
}

export interface IndexEntry {
  readonly address: Address;
  readonly manifest: Digest;
  readonly sizeBytes: number;
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

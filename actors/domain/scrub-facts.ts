/** How scrubbing goes, as storage tells it and everybody above passes it on. */
import type { Address, Digest } from "#actors/domain/address.ts";

/** An object, of the trash where it is removed, of which a part is not what was stored, or cannot be read. A new put heals it. */
export interface DamagedObject {
  /** Undefined for ciphertext. */
  readonly address: Address | undefined;
  readonly manifest: Digest;
  readonly sizeBytes: number;
  readonly isRemoved: boolean;
}

export interface ScrubFacts {
  readonly isRunning: boolean;
  readonly totalBytes: number;
  /** Of packs that are to be read again by now. */
  readonly dueBytes: number;
  /** Of those, what is on volumes that are away: it is read when they are back. */
  readonly awayBytes: number;
  /** Of those, what could not be verified when it was tried last: it is tried again within a minute, and the log says why. */
  readonly unverifiedBytes: number;
  /** Of all packs, ms since 1970; 0 where one was never verified. */
  readonly oldestVerifiedAtMs: number;
  /** How long what is due takes at the present rate. */
  readonly etaMs: number;
  /** Everything should be read again within that time. */
  readonly periodMs: number;
  /** How long all of it takes, as fast as maintenance may: where it is more than `periodMs`, that cannot be kept. */
  readonly wholeMs: number;
  /** As far as scrubbing has found any. */
  readonly damaged: readonly DamagedObject[];
}

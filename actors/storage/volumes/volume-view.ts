/** What others are told of a volume. */

/**
 * - `present`: it is there, and may be written;
 * - `full`: it may be read only, because no more than the reserve is free, or a write was refused for want of room;
 * - `failing`: it may be read only, because reads and writes fail again and again, or it does not answer;
 * - `absent`: its disk is not mounted, or cannot be looked at;
 * - `foreign`: what is mounted there is another volume, or one of another store, or a copy. It is never written to.
 */
export type VolumeState = "present" | "absent" | "full" | "failing" | "foreign";

export interface VolumeView {
  /** Empty where no volume was ever seen. */
  readonly id: string;
  /** 1 … `SLOT_MAX`; 0 where the directory has no volume of this store. */
  readonly slot: number;
  readonly directory: string;
  /** Whole GiB, as when the node started or, while it is absent, as it was last seen. */
  readonly weight: number;
  /** What is lost together has the same: the id, for now. */
  readonly domain: string;
  readonly state: VolumeState;
  /** A sentence for people about any state but `present`. */
  readonly problem: string | undefined;
  /** As last seen; 0 before that. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Of volumes on one file system the same; undefined where it is not there, or does not say. */
  readonly fileSystem: string | undefined;
  /** Since when it is in this state, by the monotonic clock. */
  readonly changedAtMs: number;
}

/**
 * Packs of volumes that hold up recovery: the disk is too slow over some place in them to be waited for. After so many
 * attempts they are set aside unread, for the rest of this life, or their volumes would never be back.
 */
import { causeOf } from "#actors/storage/volumes/sighting.ts";
import { STALLED } from "#actors/storage/volumes/timed-disk.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";

/** The first one may be for a disk that was hung as a whole, and answers again. */
const STALLS_MAX = 2;

export class SlowPacks {
  readonly #stalls = new Map<number, number>();

  has(pack: number): boolean {
    return (this.#stalls.get(pack) ?? 0) >= STALLS_MAX;
  }

  /** Why a recovery ended when it read or wrote the pack. */
  heardOf(pack: number, failure: DiskFailure): void {
    if (causeOf(failure) === STALLED) this.#stalls.set(pack, (this.#stalls.get(pack) ?? 0) + 1);
  }
}

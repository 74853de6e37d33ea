/**
 * The number of a pack says which volume it is on: 12 bits for the volume's slot, 20 for its place among the packs of that.
 * Slot 0 is the data directory's own.
 */
import { assert } from "#runtime/errors.ts";

const PLACE_BITS = 20;
/** Numbers of one slot that a pack can have; 0 is none. */
export const PACKS_PER_SLOT: number = 2 ** PLACE_BITS;
export const SLOT_MAX = 4095;
/** Most numbers that are left out behind the last pack of a slot of which nobody remembers how many packs it had. */
export const PACK_NUMBERS_SKIPPED_MAX = 64;
/** The slot of packs that are in no volume. */
export const HOME_SLOT = 0;

export function slotOf(pack: number): number {
  return pack >>> PLACE_BITS;
}

/** The number below the first pack of the slot. */
export function packsBefore(slot: number): number {
  assert(slot >= 0 && slot <= SLOT_MAX, "a slot is one of 4096");
  return slot * PACKS_PER_SLOT;
}

/** The last number that is left out behind the pack, as far as its slot has any. */
export function lastSkippedBehind(pack: number): number {
  return Math.min(pack + PACK_NUMBERS_SKIPPED_MAX, packsBefore(slotOf(pack)) + PACKS_PER_SLOT - 1);
}

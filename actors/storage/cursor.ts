/** Positions in the log of commits as text: sixteen digits, so that strings compare as the numbers do. */
import type { Cursor } from "#actors/storage/protocol.ts";

/** Before the first commit. */
export const CURSOR_START: Cursor = "0".repeat(16);

export function cursorOf(sequence: number): Cursor {
  return sequence.toString().padStart(16, "0");
}

/** Anything that is no cursor of ours reads as the start: whoever asks gets everything again, which is harmless. */
export function sequenceOf(cursor: Cursor | undefined): number {
  return cursor !== undefined && /^\d{16}$/.test(cursor) ? Number(cursor) : 0;
}

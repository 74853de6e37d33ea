/**
 * Positions in the log of commits as text: the era, and sixteen digits, so that strings of one era compare as the numbers do.
 *
 * An era ends when commits may come to light behind the positions that were given out in it. A cursor of another era reads
 * as the start: whoever asks gets everything again, which is harmless, and misses nothing.
 */
import type { Cursor } from "#actors/storage/protocol.ts";

/** `era`: sixteen hex digits. */
export function cursorOf(era: string, sequence: number): Cursor {
  return `${era}-${sequence.toString().padStart(16, "0")}`;
}

/** 0, the start, also for anything that is no cursor of ours. */
export function sequenceOf(era: string, cursor: Cursor | undefined): number {
  const digits = cursor?.startsWith(`${era}-`) ? cursor.slice(era.length + 1) : "";
  return /^\d{16}$/.test(digits) ? Number(digits) : 0;
}

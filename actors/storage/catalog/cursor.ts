/**
 * Positions in the log of commits as text: the era, the number of the last commit that was told, and what it committed.
 *
 * An era ends when commits may come to light behind the positions that were given out in it. Within one, a commit whose
 * record has decayed is gone and its number may be another's: then the position is not what it was. Either way the cursor
 * reads as the start: whoever asks gets everything again, which is harmless, and misses nothing.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Cursor } from "#actors/storage/protocol.ts";

/** Hex digits of the manifest. */
const TAG_LENGTH = 16;
const FORM = new RegExp(`^([0-9a-f]+)-(\\d{16})-([0-9a-f]{${TAG_LENGTH}})$`);
/** Before the first commit. */
const NOTHING = { sequence: 0, manifest: "0".repeat(TAG_LENGTH) };

/** `era` in hex. Without a commit it is the start. */
export function cursorOf(
  era: string,
  { sequence, manifest }: { readonly sequence: number; readonly manifest: string } = NOTHING,
): Cursor {
  return `${era}-${sequence.toString().padStart(16, "0")}-${manifest.slice(0, TAG_LENGTH)}`;
}

/** 0, the start, also for anything that is no cursor of ours. `manifestAt` says what a number has committed. */
export function sequenceOf(
  era: string,
  cursor: Cursor | undefined,
  manifestAt: (sequence: number) => Digest | undefined,
): number {
  const [, ofEra, digits, tag] = FORM.exec(cursor ?? "") ?? [];
  if (ofEra !== era || tag === undefined) return 0;
  const sequence = Number(digits);
  return manifestAt(sequence)?.startsWith(tag) ? sequence : 0;
}

/**
 * A dead letter as others see it. Its token stays where it is: whoever looks at letters has no need to be its producer.
 *
 * A list has no payloads: each may be as large as half of what one message between cells holds.
 */
import type { DeadLetter } from "#actors/ingest/dead-letter.ts";
import type { KeptLetter } from "#actors/ingest/dead-letters.ts";

/** One of a list. */
export interface LetterHead extends Omit<DeadLetter, "payload" | "token"> {
  /** Its name in `events:dlq`. */
  readonly letterId: string;
  /** Of the payload, as much as is kept of it. */
  readonly payloadBytes: number;
}

export interface ShownLetter extends LetterHead {
  readonly payload: Uint8Array;
}

export function headOf({ payload, token: _, ...head }: KeptLetter): LetterHead {
  return { ...head, payloadBytes: payload.length };
}

export function shownOf(letter: KeptLetter): ShownLetter {
  return { ...headOf(letter), payload: letter.payload };
}

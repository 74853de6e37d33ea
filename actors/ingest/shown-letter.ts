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
  /** Of what came. */
  readonly payloadBytes: number;
  /** Only the beginning of it is kept. */
  readonly isCut: boolean;
}

export interface ShownLetter extends LetterHead {
  readonly payload: Uint8Array;
}

/** What is kept of it is not what came. */
export function isCut({ payload, payloadBytes }: Pick<KeptLetter, "payload" | "payloadBytes">): boolean {
  return payloadBytes > payload.length;
}

export function headOf({ payload, token: _, ...head }: KeptLetter): LetterHead {
  return { ...head, isCut: isCut({ payload, ...head }) };
}

export function shownOf(letter: KeptLetter): ShownLetter {
  return { ...headOf(letter), payload: letter.payload };
}

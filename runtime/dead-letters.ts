/**
 * The last messages of an actor that it had accepted and that nothing will handle any more: to look at, and to send
 * again once the cause is gone.
 *
 * What was refused is not here, because its sender was told so at once; nor is a call that expired or was given up
 * before it was handled.
 */
import { isByteSource } from "#runtime/byte-source.ts";
import type { Message } from "#runtime/message.ts";

/** Why nobody will handle it. */
export type DeadLetterReason =
  /** It was in hand when its incarnation crashed. */
  | "crashed"
  /** It was in hand at the crash of `ENTERED_MAX` incarnations. */
  | "poison"
  /** There is no handler of its name: it was sent past the types. */
  | "unknown"
  /** A newer message took its place (`drop-oldest`). */
  | "displaced"
  /** It waited, or was in hand, when the actor was stopped or quarantined. */
  | "stopped";

/** A message that an actor had accepted and that was lost. */
export interface DeadLetter {
  /** Counts up from 1 for each actor. */
  readonly id: number;
  readonly name: string;
  /** Undefined where it was too large to keep or held a stream: such a letter cannot be sent again. */
  readonly request: unknown;
  readonly isReplayable: boolean;
  readonly isCall: boolean;
  readonly reason: DeadLetterReason;
  /** The incarnation that had it, or would have. */
  readonly incarnation: number;
  /** Incarnations that ended while they had it in hand. */
  readonly entered: number;
  readonly wallMs: number;
}

/** Letters kept for each actor; the oldest makes room. */
export const DEAD_LETTERS_MAX = 32;
/** A longer request is not kept with its letter. */
export const DEAD_LETTER_BYTES_MAX: number = 64 * 1024;
/** Incarnations that a message may take down before it is given up as poison. */
export const ENTERED_MAX = 3;

export class DeadLetters {
  readonly #letters: DeadLetter[] = [];
  #lastId = 0;

  /** Oldest first. */
  list(): readonly DeadLetter[] {
    return [...this.#letters];
  }

  add(message: Message, reason: DeadLetterReason, incarnation: number, wallMs: number): DeadLetter {
    const { name, request, entered } = message;
    const isReplayable = isKept(request);
    this.#lastId += 1;
    const letter: DeadLetter = {
      id: this.#lastId,
      name,
      request: isReplayable ? request : undefined,
      isReplayable,
      isCall: message.call !== undefined,
      reason,
      incarnation,
      entered,
      wallMs,
    };
    this.#letters.push(letter);
    if (this.#letters.length > DEAD_LETTERS_MAX) this.#letters.shift();
    return letter;
  }

  /** Takes a letter out. */
  take(id: number): DeadLetter | undefined {
    const index = this.#letters.findIndex((letter) => letter.id === id);
    return index < 0 ? undefined : this.#letters.splice(index, 1)[0];
  }

  /** Puts one back that could not be delivered. */
  restore(letter: DeadLetter): void {
    const index = this.#letters.findIndex(({ id }) => id > letter.id);
    this.#letters.splice(index < 0 ? this.#letters.length : index, 0, letter);
  }
}

/** What throws when it is looked at is not. */
function isKept(request: unknown): boolean {
  try {
    return weigh(request, DEAD_LETTER_BYTES_MAX) >= 0;
  } catch {
    return false;
  }
}

/** Anything else may hold what cannot be seen from here, such as a `Map`. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

/** Of `leftBytes`, what a value of codec types leaves, roughly; negative when it does not fit or cannot be kept. */
function weigh(value: unknown, leftBytes: number): number {
  if (typeof value === "string") return leftBytes - value.length * 2;
  if (typeof value !== "object" || value === null) return leftBytes - 8;
  // A view keeps all of its buffer alive.
  if (ArrayBuffer.isView(value)) return leftBytes - value.buffer.byteLength;
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return leftBytes - value.byteLength;
  if (isByteSource(value) || !isPlain(value)) return -1;
  let left = leftBytes - 16;
  for (const key in value) {
    if (left < 0) return left;
    left = weigh((value as Record<string, unknown>)[key], left - key.length);
  }
  return left;
}

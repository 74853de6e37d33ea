/**
 * An entry that is no event, with why: what is kept of it in the stream `events:dlq`.
 *
 * Whoever looks after a producer reads the reason; who redrives it needs all that came.
 */
import type { EventReason } from "#actors/domain/events/event.ts";
import type { Uuid } from "#actors/domain/uuid.ts";

/** By the words of seed 004, and by those that it leaves out. */
export type DeadReason =
  | EventReason
  | "unauthenticated"
  | "producer_disabled"
  | "subject_mismatch_token"
  | "producer_subject_forbidden"
  | "missing_subject_schema"
  /** Another event has its id. */
  | "duplicate_event"
  /** The database took the batch, and not this one. */
  | "db_rejected"
  /** Whoever had it in hand ended, time after time. */
  | "poison";

/** Who sent an entry, as an admission says. */
export interface Sender {
  readonly producerId: Uuid;
  /** The one subject that the token is good for. */
  readonly subjectId: Uuid | undefined;
}

export interface DeadLetter {
  /** Of the entry in the stream `events`. */
  readonly id: string;
  readonly reason: DeadReason;
  /** What exactly is wrong, in a word or in those of the database. */
  readonly error: string;
  /** As they came; empty where there was no such field. */
  readonly payload: Uint8Array;
  readonly token: Uint8Array;
  /** Where that is known: whoever redrives it needs no token that is still good. */
  readonly sender: Sender | undefined;
  /** How often it was delivered. */
  readonly attempts: number;
  /** Milliseconds since 1970: when it came to Redis, and when it was given up. */
  readonly firstMs: number;
  readonly lastMs: number;
}

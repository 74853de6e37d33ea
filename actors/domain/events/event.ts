/**
 * An event as it is read from the stream, whichever protocol its producer speaks, and why what comes is none.
 *
 * What is known of it is what its text says: who sent it, whether they may, and whether its subject exists are questions for
 * others.
 */
import type { EventWindow } from "#actors/domain/events/event-window.ts";
import type { JsonProblem } from "#actors/domain/events/json-parts.ts";
import type { Uuid } from "#actors/domain/uuid.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";

/** Tags of one event. */
export const TAGS_MAX = 64;
/** UTF-16 units of a tag's key. With a value they are at most 1920 bytes: an entry of an index of Postgres has 2704. */
export const TAG_KEY_LENGTH_MAX = 128;
/** UTF-16 units of a tag's value. */
export const TAG_VALUE_LENGTH_MAX = 512;

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** What there is of an event in either protocol. */
export interface EventBody {
  readonly eventId: Uuid;
  /** Nanoseconds since 1970. */
  readonly tsNs: bigint;
  /**
   * JSON, with the characters that came: the database parses it, so that no digit of a number is lost to the doubles of
   * JavaScript. `jsonb` takes it.
   */
  readonly payload: string;
  readonly tags: readonly Tag[];
}

/** What an entry must keep to. The window is of now: one serves a batch. */
export interface EventBounds {
  /** Of the text, in UTF-8. */
  readonly sizeBytesMax: number;
  readonly window: EventWindow;
}

/** The reasons under which an entry that cannot be read is dead-lettered. */
export type EventReason = "empty_payload" | "too_large" | "bad_event_json" | "bad_envelope" | "ts_out_of_range";

/** What exactly is wrong, for the one who has to mend it. */
export type EventProblem =
  | "empty"
  | "too-large"
  | "not-json"
  | "not-an-object"
  | "not-storable"
  | JsonProblem
  | "bad-event-id"
  | "bad-ts"
  | "too-old"
  | "too-new"
  | "bad-subject-id"
  | "no-payload"
  | "bad-tags"
  | "bad-version"
  | "bad-type"
  | "bad-id"
  | "bad-data"
  | "bad-kind"
  | "bad-source"
  | "bad-symbol";

/** The entry holds no event. Final: it is dead-lettered. */
export interface EventRefused extends Failure<"event.refused"> {
  readonly reason: EventReason;
  readonly problem: EventProblem;
}

export function refuseEvent(reason: EventReason, problem: EventProblem): Result<never, EventRefused> {
  return fail({ code: "event.refused", reason, problem });
}

/** Text with something in it. */
export function isText(value: string | undefined, lengthMax: number): value is string {
  return value !== undefined && value !== "" && value.length <= lengthMax;
}

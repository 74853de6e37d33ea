/**
 * Ingest turns signed entries of streams into durable rows, each exactly once.
 *
 * It promises that an entry is acknowledged only when its event is committed, or on disk, or a dead letter with its reason. It
 * does not know who may publish: it asks auth. What producers send it comes over streams, not over this protocol.
 *
 * Specified in `specs/actors/ingest.md`.
 */
import type { Uuid } from "#actors/domain/uuid.ts";
import type { DeadReason } from "#actors/ingest/dead-letter.ts";
import type { BindingRequest, EventTooLong, Pair, StoredEvent } from "#actors/ingest/rows/event-rows.ts";
import type { LetterHead, ShownLetter } from "#actors/ingest/shown-letter.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";

/** What ingest hears. */
export interface IngestProtocol {
  /** For status. */
  describe: Call<Record<never, never>, IngestFacts>;

  /**
   * Producers that wait to be let write about somebody else's subject, the oldest first, from behind the request of that number on;
   * at most `limit`, which is 1 … `BINDINGS_LISTED_MAX`.
   */
  listBindingRequests: Call<
    { readonly after?: number | undefined; readonly limit: number },
    readonly BindingRequest[],
    IngestUnavailable
  >;

  /**
   * Lets a producer write about a subject, or shuts it out, whether or not it has asked, and tells it. It counts on this node from
   * the answer on. May be asked again, and decided otherwise.
   */
  reviewBinding: Call<BindingOrder, BindingReviewed, ProducerUnknown | SubjectUnknown | IngestUnavailable>;

  readEvent: Call<{ readonly eventId: Uuid }, StoredEvent, EventUnknown | EventTooLong | IngestUnavailable>;

  /** The oldest first, from behind `after` on; at most `limit`, which is 1 … `DEAD_LETTERS_LISTED_MAX`. */
  listDeadLetters: Call<
    { readonly after?: string | undefined; readonly limit: number },
    DeadLetterPage,
    IngestUnavailable
  >;

  readDeadLetter: Call<{ readonly letterId: string }, ShownLetter, DeadLetterUnknown | IngestUnavailable>;

  /** Judges it once more, as it came. Where it is a row now, the letter is gone; else it stays as it was. */
  redriveDeadLetter: Call<{ readonly letterId: string }, Redriven, DeadLetterUnknown | IngestUnavailable>;

  /** Nothing is left of it. */
  dropDeadLetter: Call<{ readonly letterId: string }, void, DeadLetterUnknown | IngestUnavailable>;
}

/** What ingest announces: nothing. */
export type IngestEvents = Record<never, never>;

export interface BindingOrder extends Pair {
  readonly action: "approve" | "deny";
  /** The principal of the administrator's certificate. */
  readonly reviewer: string;
}

export interface BindingReviewed {
  readonly subjectKey: string;
  /** Whether the producer could be told, where it looks for answers about subjects. */
  readonly isTold: boolean;
}

export interface DeadLetterPage {
  /** Of all that there are. */
  readonly totalCount: number;
  readonly letters: readonly LetterHead[];
}

export type Redriven =
  /** `same`: it was there already. */
  | { readonly kind: "written"; readonly outcome: "new" | "same" }
  /** An envelope without an event. */
  | { readonly kind: "nothing-to-write" }
  | { readonly kind: "still-dead"; readonly reason: DeadReason; readonly error: string };

export interface IngestFacts {
  /** Why nothing comes in, or not all of it; else that something that had come in is lost; undefined where all is well. */
  readonly trouble: string | undefined;
  /** Of the stream `events`, as Redis was asked last; undefined before it could be. */
  readonly backlog: { readonly unreadCount: number | undefined; readonly pendingCount: number } | undefined;
  readonly spill: { readonly rowCount: number; readonly sizeBytes: number };
}

/** Postgres, Redis or auth cannot be asked now. Retry after a pause; all that can be asked here may be asked again. */
export interface IngestUnavailable extends Failure<"ingest.unavailable"> {
  readonly cause: string;
}

/** No event with this id was committed. It may be on its way. */
export interface EventUnknown extends Failure<"ingest.event-unknown"> {
  readonly eventId: Uuid;
}

/** No producer of this id has registered. Final: nothing was changed. */
export interface ProducerUnknown extends Failure<"ingest.producer-unknown"> {
  readonly producerId: Uuid;
}

/** Nobody has registered a subject of this id, or used it. Final: nothing was changed. */
export interface SubjectUnknown extends Failure<"ingest.subject-unknown"> {
  readonly subjectId: Uuid;
}

/** It was redriven or dropped, made room for newer ones, or never was. Final. */
export interface DeadLetterUnknown extends Failure<"ingest.dead-letter-unknown"> {
  readonly letterId: string;
}

/**
 * What ingest keeps: events, the subjects that they are about, and the schemas that these are written under.
 *
 * Of each event there is one row, however often and by however many nodes it is written. Rows, subjects and schemas are never
 * changed and never removed; which schema a subject has now, what is said of it, and which producers may write about
 * it, is.
 */
import type { JsonObject } from "#actors/domain/json-value.ts";
import type { Uuid } from "#actors/domain/uuid.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SchemaUnknown } from "#runtime/sql/migrations.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";
import { KiB, MiB } from "#runtime/units.ts";

/** Rows written, and pairs or uses looked up, by one call. */
export const ROWS_MAX = 5000;
/** UTF-16 units of a subject's key: at most 1536 bytes, which an index of Postgres takes. */
export const SUBJECT_KEY_LENGTH_MAX = 512;
/** UTF-16 units of the name of a family of schemas. */
export const SCHEMA_NAME_LENGTH_MAX = 256;
/** Of the body of a schema, also of one that upgrades have made. */
export const SCHEMA_BYTES_MAX: number = 1 * MiB;
/** Of what is said of a subject, also after it was added to. */
export const ATTRS_BYTES_MAX: number = 64 * KiB;
/** Of one family of schemas. */
export const SCHEMA_VERSIONS_MAX = 1000;
/** Subjects of others that a producer waits to be let write about. */
export const BINDINGS_PENDING_MAX = 16;
/** Requests for bindings listed at once. */
export const BINDINGS_LISTED_MAX = 1000;
/** Of a payload that is shown, as the database writes it: with a space behind each comma, and numbers without exponents. */
export const EVENT_SHOWN_BYTES_MAX: number = 1.5 * MiB;
/** Names of schemas that begin so are those of protocol 0.1.0: no producer makes one. */
export const LEGACY_SCHEMA_PREFIX = "fdc-0.1.0/";

/** What is bounded here. Tests have smaller ones. */
export interface RowsLimits {
  readonly schemaBytesMax: number;
  readonly attrsBytesMax: number;
  readonly schemaVersionsMax: number;
  readonly bindingsPendingMax: number;
}

export const ROWS_LIMITS: RowsLimits = {
  schemaBytesMax: SCHEMA_BYTES_MAX,
  attrsBytesMax: ATTRS_BYTES_MAX,
  schemaVersionsMax: SCHEMA_VERSIONS_MAX,
  bindingsPendingMax: BINDINGS_PENDING_MAX,
};

/** Who wants to write about what. */
export interface Pair {
  readonly producerId: Uuid;
  readonly subjectId: Uuid;
}

export type Binding =
  /** It may, under this schema. */
  | { readonly kind: "bound"; readonly schemaId: Uuid }
  /** `isThere`: somebody has registered the subject, or used it. */
  | { readonly kind: "producer_subject_forbidden"; readonly isThere: boolean }
  | { readonly kind: "missing_subject_schema" };

/** Who wants to write about what, in protocol 0.1.0. */
export interface LegacyUse {
  readonly producerId: Uuid;
  readonly subjectKey: string;
  /** It begins with `LEGACY_SCHEMA_PREFIX`. */
  readonly schemaName: string;
}

export type LegacyBinding =
  | { readonly kind: "bound"; readonly subjectId: Uuid; readonly schemaId: Uuid }
  /** Somebody registered that subject, or people have said no. */
  | { readonly kind: "producer_subject_forbidden" };

export type Written =
  | { readonly kind: "new" }
  /** It was there with the same content, perhaps by an earlier try of the same call. */
  | { readonly kind: "same" }
  /** There is an event of that id with other content. */
  | { readonly kind: "conflict" }
  /** The database takes everything but this row. Five characters of SQL, and its own words. */
  | { readonly kind: "rejected"; readonly state: string; readonly message: string };

/** What `register` asks for. Its key and the schema's name have between 1 and so many units as the limits above say. */
export interface SubjectRegistration {
  readonly producerId: Uuid;
  readonly subjectKey: string;
  readonly schemaName: string;
  readonly schemaBody: JsonObject;
  readonly attrs: JsonObject;
  readonly atMs: number;
}

/** What `upgrade` asks for. */
export interface SubjectUpgrade {
  readonly producerId: Uuid;
  readonly subjectKey: string;
  readonly schemaName: string;
  readonly schemaDelta: JsonObject;
  readonly attrsDelta: JsonObject;
  readonly atMs: number;
}

export type SubjectAnswer =
  | {
      readonly kind: "done";
      readonly subjectId: Uuid;
      readonly schemaId: Uuid;
      readonly schemaName: string;
      readonly schemaVersion: number;
      /** The subject's schema is the one that it had. */
      readonly isUnchanged: boolean;
    }
  | { readonly kind: "refused"; readonly reason: SubjectRefusal };

/** Nothing was changed, but that with `needs_review` the request is remembered. */
export type SubjectRefusal =
  /** Of `register`: the subject has another schema, or the family has no such version. */
  | "schema_conflict"
  /** It is somebody else's: people decide. */
  | "needs_review"
  /** They have said no. */
  | "review_denied"
  /** The producer waits for as many reviews as it may. */
  | "too_many_reviews"
  /** Of `upgrade`: there is no such subject. */
  | "subject_not_found"
  /** Of `upgrade`: it is somebody else's. */
  | "producer_subject_forbidden"
  | "missing_subject_schema"
  /** Of `upgrade`: the schema that the subject has is of another family. */
  | "schema_family_not_found_for_subject"
  | "schema_too_large"
  | "attrs_too_large"
  | "too_many_versions"
  /** A text in it has U+0000, or half a surrogate pair. */
  | "not_storable";

/** A producer waits to be let write about somebody else's subject. */
export interface BindingRequest extends Pair {
  /** In the order in which they came; numbers may be missing between two. */
  readonly number: number;
  readonly subjectKey: string;
  readonly askedMs: number;
}

export interface BindingReview extends Pair {
  readonly isApproved: boolean;
  /** The principal of the administrator's certificate. */
  readonly reviewer: string;
  readonly atMs: number;
}

/** An event that was written, with what its subject and its schema are called. */
export interface StoredEvent extends EventRow {
  readonly subjectKey: string | undefined;
  readonly schemaName: string | undefined;
  readonly schemaVersion: number | undefined;
}

export interface EventRows {
  /** Ready to be asked: its tables are those of this build. */
  open(within: Within): Promise<Result<void, SchemaUnknown | RowsFailure>>;

  /** In the order asked. Nothing of it holds for ever: a binding may be taken away, and a subject get another schema. */
  bindings(pairs: readonly Pair[], within: Within): Promise<Result<readonly Binding[], RowsFailure>>;

  /**
   * In the order asked. A subject is made on its first use, and every producer that uses one that was made so is bound to it:
   * protocol 0.1.0 has no owners. One that was registered is only for those who are bound to it.
   */
  legacy(
    uses: readonly LegacyUse[],
    atMs: number,
    within: Within,
  ): Promise<Result<readonly LegacyBinding[], RowsFailure>>;

  /**
   * In the order asked. When it is answered, each row that was not rejected is there, durably, and once: what conflicts is there
   * with what it said before. When it fails, any of them may be there, and all may be written again.
   */
  write(rows: readonly EventRow[], within: Within): Promise<Result<readonly Written[], RowsFailure>>;

  /** Makes a subject that is not there, or answers what it is, where it is the producer's and of this schema. */
  registerSubject(registration: SubjectRegistration, within: Within): Promise<Result<SubjectAnswer, RowsFailure>>;
  /**
   * Lays a delta over the schema that the subject has. What comes of it is a later version of its family: one that
   * says the same, where there is one, else a new one.
   */
  upgradeSubject(upgrade: SubjectUpgrade, within: Within): Promise<Result<SubjectAnswer, RowsFailure>>;

  /** Those that wait, the oldest first, at most `limit`, which is 1 … `BINDINGS_LISTED_MAX`; those with a higher number than `after`. */
  bindingRequests(
    after: number | undefined,
    limit: number,
    within: Within,
  ): Promise<Result<readonly BindingRequest[], RowsFailure>>;
  /** The key of the subject; undefined where there is none. Who says no takes a binding away as well, and may say yes later on. */
  reviewBinding(review: BindingReview, within: Within): Promise<Result<string | undefined, RowsFailure>>;

  /** Its payload as the database writes it: the same JSON, its members in another order. */
  event(eventId: Uuid, within: Within): Promise<Result<StoredEvent | undefined, RowsFailure | EventTooLong>>;

  close(): Promise<void>;
}

/** The database writes the payload of that event with so many bytes: more than is shown. */
export interface EventTooLong extends Failure<"ingest.event-too-long"> {
  readonly eventId: Uuid;
  readonly sizeBytes: number;
}

/** Nothing was answered, but it may have been done after an `sql.unreachable` with `maybe`. Never for what is in one row. */
export type RowsFailure = SqlFailure;

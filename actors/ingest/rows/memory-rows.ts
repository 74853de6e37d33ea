/**
 * What ingest keeps, in memory: the simulated half of the seam. It outlives whoever uses it, as a database does.
 *
 * It follows the words of the contract and shares no rule with the other half, so that each is a check of the other: events are
 * compared by what they say, and not by a digest. Nothing in it waits, so every operation is a transaction by itself.
 */
import { isStorable } from "#actors/domain/events/json-escapes.ts";
import { deepMerge, isJsonObject, type JsonObject, type JsonValue, sameJson } from "#actors/domain/json-value.ts";
import { parseJson } from "#actors/domain/parse-json.ts";
import type { Uuid } from "#actors/domain/uuid.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import {
  BINDINGS_LISTED_MAX,
  type Binding,
  type BindingRequest,
  type BindingReview,
  EVENT_SHOWN_BYTES_MAX,
  type EventRows,
  LEGACY_SCHEMA_PREFIX,
  type LegacyBinding,
  type LegacyUse,
  type Pair,
  ROWS_LIMITS,
  ROWS_MAX,
  type RowsLimits,
  type SubjectAnswer,
  type SubjectRefusal,
  type SubjectRegistration,
  type SubjectUpgrade,
  type Written,
} from "#actors/ingest/rows/event-rows.ts";
import { type MemorySchema, type MemorySubject, MemorySubjects, sizeOf } from "#actors/ingest/rows/memory-subjects.ts";
import { placeOf } from "#actors/ingest/rows/stream-id.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

type Answer<Value> = Promise<Result<Value, never>>;

/** Ids of subjects and schemas are a function of `random`. */
export class MemoryRows implements EventRows {
  readonly #limits: RowsLimits;
  readonly #subjects: MemorySubjects;
  readonly #events = new Map<Uuid, EventRow>();

  constructor(random: Random, limits: RowsLimits = ROWS_LIMITS) {
    this.#limits = limits;
    this.#subjects = new MemorySubjects(random, limits);
  }

  /** All of them, in the order in which they were written. */
  get events(): readonly EventRow[] {
    return [...this.#events.values()];
  }

  async open(): Answer<void> {
    return ok();
  }

  async bindings(pairs: readonly Pair[]): Answer<readonly Binding[]> {
    assert(pairs.length <= ROWS_MAX, "pairs are asked for in batches");
    return ok(pairs.map((pair) => this.#bindingOf(pair)));
  }

  async legacy(uses: readonly LegacyUse[]): Answer<readonly LegacyBinding[]> {
    assert(uses.length <= ROWS_MAX, "uses are asked for in batches");
    return ok(uses.map((use) => this.#use(use)));
  }

  async write(rows: readonly EventRow[]): Answer<readonly Written[]> {
    assert(rows.length <= ROWS_MAX, "rows are written in batches");
    return ok(rows.map((row) => this.#write(row)));
  }

  async registerSubject(registration: SubjectRegistration): Answer<SubjectAnswer> {
    const { subjectKey, schemaName, schemaBody, attrs, producerId, atMs } = registration;
    const unfit = this.#unfitness([subjectKey, schemaName], schemaBody, attrs);
    if (unfit !== undefined) return refused(unfit);
    const known = this.#subjects.get(subjectKey);
    if (known === undefined) {
      const schema = this.#family(schemaName, schemaBody);
      if (schema === undefined) return refused("schema_conflict");
      const subject = this.#subjects.add(subjectKey, attrs, schema, false);
      subject.producers.add(producerId);
      return done(subject, schema, false);
    }
    if (!known.producers.has(producerId)) return refused(this.#subjects.wait(known, producerId, atMs));
    const together = { ...known.attrs, ...attrs };
    if (sizeOf(together) > this.#limits.attrsBytesMax) return refused("attrs_too_large");
    const { schema } = known;
    assert(schema !== undefined, "nobody takes a schema away here");
    if (schema.schemaName !== schemaName || !sameJson(schema.body, schemaBody)) return refused("schema_conflict");
    known.attrs = together;
    return done(known, schema, true);
  }

  async upgradeSubject(upgrade: SubjectUpgrade): Answer<SubjectAnswer> {
    const { subjectKey, schemaName, schemaDelta, attrsDelta, producerId } = upgrade;
    const unfit = this.#unfitness([subjectKey, schemaName], schemaDelta, attrsDelta);
    if (unfit !== undefined) return refused(unfit);
    const subject = this.#subjects.get(subjectKey);
    if (subject === undefined) return refused("subject_not_found");
    if (!subject.producers.has(producerId)) return refused("producer_subject_forbidden");
    const { schema } = subject;
    assert(schema !== undefined, "nobody takes a schema away here");
    if (schema.schemaName !== schemaName) return refused("schema_family_not_found_for_subject");
    const body = objectOf(deepMerge(schema.body, schemaDelta));
    const attrs = objectOf(deepMerge(subject.attrs, attrsDelta));
    if (sizeOf(body) > this.#limits.schemaBytesMax) return refused("schema_too_large");
    if (sizeOf(attrs) > this.#limits.attrsBytesMax) return refused("attrs_too_large");
    const isUnchanged = sameJson(schema.body, body);
    const later = isUnchanged ? schema : this.#subjects.later(schema, body);
    if (later === undefined) return refused("too_many_versions");
    subject.schema = later;
    subject.attrs = attrs;
    return done(subject, later, isUnchanged);
  }

  async bindingRequests(after: number | undefined, limit: number): Answer<readonly BindingRequest[]> {
    assert(Number.isInteger(limit) && limit >= 1 && limit <= BINDINGS_LISTED_MAX, "a page of requests has a length");
    return ok(this.#subjects.waiting(after, limit));
  }

  async reviewBinding(review: BindingReview): Answer<string | undefined> {
    return ok(this.#subjects.review(review));
  }

  async event(eventId: Uuid): ReturnType<EventRows["event"]> {
    const row = this.#events.get(eventId);
    if (row === undefined) return ok(undefined);
    const sizeBytes = Buffer.byteLength(row.payload);
    if (sizeBytes > EVENT_SHOWN_BYTES_MAX) return fail({ code: "ingest.event-too-long", eventId, sizeBytes });
    const schema = this.#subjects.schemaById(row.schemaId);
    const subjectKey = this.#subjects.byId(row.subjectId)?.subjectKey;
    return ok({ ...row, subjectKey, schemaName: schema?.schemaName, schemaVersion: schema?.schemaVersion });
  }

  async close(): Promise<void> {}

  #bindingOf({ producerId, subjectId }: Pair): Binding {
    const subject = this.#subjects.byId(subjectId);
    const isThere = subject !== undefined;
    if (!isThere || !subject.producers.has(producerId)) return { kind: "producer_subject_forbidden", isThere };
    const { schema } = subject;
    return schema === undefined ? { kind: "missing_subject_schema" } : { kind: "bound", schemaId: schema.schemaId };
  }

  #use({ producerId, subjectKey, schemaName }: LegacyUse): LegacyBinding {
    assert(schemaName.startsWith(LEGACY_SCHEMA_PREFIX), "schemas of protocol 0.1.0 have names of their own");
    const schema = this.#subjects.legacyFamily(schemaName);
    const subject = this.#subjects.get(subjectKey) ?? this.#subjects.add(subjectKey, {}, schema, true);
    const { subjectId, isLegacy, producers, denied } = subject;
    if (isLegacy && !denied.has(producerId)) producers.add(producerId);
    if (!producers.has(producerId)) return { kind: "producer_subject_forbidden" };
    return { kind: "bound", subjectId, schemaId: schema.schemaId };
  }

  #write(row: EventRow): Written {
    placeOf(row.streamId);
    const before = this.#events.get(row.eventId);
    if (before !== undefined) return { kind: saysTheSame(before, row) ? "same" : "conflict" };
    if (parseJson(row.payload) === undefined) return rejected("22P02", "it is no JSON");
    if (!isStorable(row.payload)) return rejected("22P05", "it has no text");
    this.#events.set(row.eventId, row);
    return { kind: "new" };
  }

  #family(schemaName: string, body: JsonObject): MemorySchema | undefined {
    return schemaName.startsWith(LEGACY_SCHEMA_PREFIX) ? undefined : this.#subjects.family(schemaName, body);
  }

  #unfitness(names: readonly string[], body: JsonObject, attrs: JsonObject): SubjectRefusal | undefined {
    if (!isStorable(JSON.stringify([...names, body, attrs]))) return "not_storable";
    if (sizeOf(body) > this.#limits.schemaBytesMax) return "schema_too_large";
    return sizeOf(attrs) > this.#limits.attrsBytesMax ? "attrs_too_large" : undefined;
  }
}

function saysTheSame(a: EventRow, b: EventRow): boolean {
  return (
    a.subjectId === b.subjectId &&
    a.tsNs === b.tsNs &&
    a.payload === b.payload &&
    a.tags.length === b.tags.length &&
    a.tags.every(({ key, value }, at) => key === b.tags[at]?.key && value === b.tags[at]?.value)
  );
}

function rejected(state: string, message: string): Written {
  return { kind: "rejected", state, message };
}

function objectOf(value: JsonValue): JsonObject {
  assert(isJsonObject(value), "an object laid over an object is one");
  return value;
}

function refused(reason: SubjectRefusal): Result<SubjectAnswer, never> {
  return ok({ kind: "refused", reason });
}

function done(
  { subjectId }: MemorySubject,
  { schemaId, schemaName, schemaVersion }: MemorySchema,
  isUnchanged: boolean,
): Result<SubjectAnswer, never> {
  return ok({ kind: "done", subjectId, schemaId, schemaName, schemaVersion, isUnchanged });
}

/** A subject that is held: until the transaction ends nobody else changes it, or decides who may write about it. */
import { canonicalText } from "#actors/domain/canonical-json.ts";
import type { JsonObject } from "#actors/domain/json-value.ts";
import type { Uuid } from "#actors/domain/uuid.ts";
import { uuidIn } from "#actors/ingest/rows/columns.ts";
import type { Pair, SubjectRefusal, SubjectRegistration } from "#actors/ingest/rows/event-rows.ts";
import { objectOf, type SchemaVersion, versionIn } from "#actors/ingest/rows/schema-versions.ts";
import type { Ask } from "#actors/ingest/rows/tables.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import { flagIn, maybeTextIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

/** Of the advisory locks of producers that come to wait: any number that nobody else uses with a second one. */
const LOCK = 0x77_61_69_74;

export interface HeldSubject {
  readonly subjectId: Uuid;
  readonly attrs: JsonObject;
  /** The schema that it has. */
  readonly version: SchemaVersion | undefined;
  /** Whether the producer that asks may write about it. */
  readonly isBound: boolean;
}

/** Undefined where there is none, and then nothing is held. */
export async function holdSubject(
  ask: Ask,
  schema: string,
  subjectKey: string,
  producerId: Uuid,
): Promise<Result<HeldSubject | undefined, SqlFailure>> {
  // What refers to a subject may be written meanwhile: nothing of that is decided on here.
  const held = await ask("hold-subject", `select from ${schema}.subjects where subject_key = $1 for no key update`, [
    subjectKey,
  ]);
  if (!held.ok) return held;
  if (held.value.length === 0) return ok(undefined);
  const found = await ask(
    "held-subject",
    `select s.subject_id, s.attrs, c.schema_id, c.name, c.version, b.subject_id is not null as is_bound
      from ${schema}.subjects s
        left join ${schema}.schemas c using (schema_id)
        left join ${schema}.producer_subjects b on b.subject_id = s.subject_id and b.producer_id = $2
      where s.subject_key = $1`,
    [subjectKey, producerId],
  );
  if (!found.ok) return found;
  const [row] = found.value;
  return ok({
    subjectId: uuidIn(row, "subject_id"),
    attrs: objectOf(textIn(row, "attrs")),
    version: versionIn(row),
    isBound: flagIn(row, "is_bound"),
  });
}

export async function makeSubject(
  ask: Ask,
  schema: string,
  { subjectKey, attrs, atMs }: SubjectRegistration,
  schemaId: Uuid,
): Promise<Result<Uuid, SqlFailure>> {
  const made = await ask(
    "make-subject",
    `insert into ${schema}.subjects (subject_key, origin, attrs, schema_id, created_ms)
      values ($1, 'registered', $2, $3, $4) on conflict do nothing returning subject_id`,
    [subjectKey, canonicalText(attrs), schemaId, atMs],
  );
  if (!made.ok) return made;
  const [row] = made.value;
  // Then all of it is done again, and finds that one.
  if (row === undefined) return fail({ code: "sql.refused", state: "40001", message: "somebody else has made it" });
  const subjectId = uuidIn(row, "subject_id");
  const noted = await noteSchema(ask, schema, subjectId, schemaId, atMs);
  return noted.ok ? ok(subjectId) : noted;
}

export async function setSubject(
  ask: Ask,
  schema: string,
  subjectId: Uuid,
  schemaId: Uuid,
  attrs: JsonObject,
  atMs: number,
): Promise<Result<void, SqlFailure>> {
  const text = `update ${schema}.subjects set schema_id = $2, attrs = $3 where subject_id = $1`;
  const set = await ask("set-subject", text, [subjectId, schemaId, canonicalText(attrs)]);
  return set.ok ? noteSchema(ask, schema, subjectId, schemaId, atMs) : set;
}

/**
 * The producer waits from now on, unless people have decided before. It may ask for several subjects at once: these come one at a
 * time, so that those for which it waits can be counted. Nobody who holds that lock waits for a subject.
 */
export async function queueBinding(
  ask: Ask,
  schema: string,
  { producerId, subjectId }: Pair,
  pendingMax: number,
  atMs: number,
): Promise<Result<SubjectRefusal, SqlFailure>> {
  const alone = await ask("lock-waiting", "select pg_advisory_xact_lock($1::integer, hashtext($2))", [
    LOCK,
    producerId,
  ]);
  if (!alone.ok) return alone;
  const queued = await ask(
    "queue-binding",
    `insert into ${schema}.binding_requests (producer_id, subject_id, status, asked_ms)
      select $1, $2, 'pending', $3 where $4 >
        (select count(*) from ${schema}.binding_requests where producer_id = $1 and status = 'pending')
      on conflict do nothing`,
    [producerId, subjectId, atMs, pendingMax],
  );
  if (!queued.ok) return queued;
  const text = `select status from ${schema}.binding_requests where producer_id = $1 and subject_id = $2`;
  const found = await ask("binding-request", text, [producerId, subjectId]);
  if (!found.ok) return found;
  const [row] = found.value;
  if (row === undefined) return ok("too_many_reviews");
  const status = maybeTextIn(row, "status");
  assert(status !== "approved", "who was let in is bound");
  return ok(status === "denied" ? "review_denied" : "needs_review");
}

/** That the subject has had it. */
async function noteSchema(
  ask: Ask,
  schema: string,
  subjectId: Uuid,
  schemaId: Uuid,
  atMs: number,
): Promise<Result<void, SqlFailure>> {
  const text = `insert into ${schema}.subject_schemas values ($1, $2, $3) on conflict do nothing`;
  const noted = await ask("note-schema", text, [subjectId, schemaId, atMs]);
  return noted.ok ? ok() : noted;
}

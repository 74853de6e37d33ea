/**
 * Subjects are registered, and their schemas upgraded (seed 004).
 *
 * Everything about one subject is decided while it is held, and what is decided on is read after that. A subject is held before
 * a family of schemas. Of a new one it is the other way round, so that nothing is made that has to go again; nobody can
 * wait for it, because nobody knows it yet.
 */
import { deepMerge, isJsonObject, type JsonObject, sameJson } from "#actors/domain/json-value.ts";
import { bind } from "#actors/ingest/rows/bindings.ts";
import {
  LEGACY_SCHEMA_PREFIX,
  type RowsFailure,
  type SubjectAnswer,
  type SubjectRefusal,
  type SubjectRegistration,
  type SubjectUpgrade,
} from "#actors/ingest/rows/event-rows.ts";
import {
  type HeldSubject,
  holdSubject,
  makeSubject,
  queueBinding,
  setSubject,
} from "#actors/ingest/rows/held-subject.ts";
import { bodyOf, ensureFamily, ensureLater, type SchemaVersion } from "#actors/ingest/rows/schema-versions.ts";
import { isWithin, unfitness } from "#actors/ingest/rows/subject-texts.ts";
import { type Ask, type Tables, transact } from "#actors/ingest/rows/tables.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

type Answered = Promise<Result<SubjectAnswer, SqlFailure>>;

/** One transaction, and where it is. */
interface Scope extends Pick<Tables, "schema" | "limits"> {
  readonly ask: Ask;
}

export async function registerSubject(
  tables: Tables,
  registration: SubjectRegistration,
  within: Within,
): Promise<Result<SubjectAnswer, RowsFailure>> {
  const { subjectKey, producerId, schemaBody, attrs } = registration;
  const unfit = unfitness(registration, schemaBody, attrs, tables.limits);
  if (unfit !== undefined) return refused(unfit);
  const { schema, limits } = tables;
  return transact<SubjectAnswer>(
    tables,
    async (ask) => {
      const held = await holdSubject(ask, schema, subjectKey, producerId);
      if (!held.ok) return held;
      const scope = { ask, schema, limits };
      return held.value === undefined
        ? registerNew(scope, registration)
        : registerKnown(scope, held.value, registration);
    },
    within,
  );
}

export async function upgradeSubject(
  tables: Tables,
  upgrade: SubjectUpgrade,
  within: Within,
): Promise<Result<SubjectAnswer, RowsFailure>> {
  const { subjectKey, producerId, schemaDelta, attrsDelta } = upgrade;
  const unfit = unfitness(upgrade, schemaDelta, attrsDelta, tables.limits);
  if (unfit !== undefined) return refused(unfit);
  const { schema, limits } = tables;
  return transact<SubjectAnswer>(
    tables,
    async (ask) => {
      const held = await holdSubject(ask, schema, subjectKey, producerId);
      if (!held.ok) return held;
      if (held.value === undefined) return refused("subject_not_found");
      return upgradeKnown({ ask, schema, limits }, held.value, upgrade);
    },
    within,
  );
}

async function registerNew({ ask, schema }: Scope, registration: SubjectRegistration): Answered {
  const { schemaName, schemaBody, producerId, atMs } = registration;
  const version = await makeFamily(ask, schema, schemaName, schemaBody, atMs);
  if (!version.ok) return version;
  if (version.value === undefined) return refused("schema_conflict");
  const made = await makeSubject(ask, schema, registration, version.value.schemaId);
  if (!made.ok) return made;
  const subjectId = made.value;
  const bound = await bind(ask, schema, { producerId, subjectId }, atMs);
  return bound.ok ? ok({ kind: "done", subjectId, ...version.value, isUnchanged: false }) : bound;
}

async function registerKnown(scope: Scope, subject: HeldSubject, registration: SubjectRegistration): Answered {
  const { ask, schema, limits } = scope;
  const { producerId, schemaName, schemaBody, attrs, atMs } = registration;
  const { subjectId, isBound, version } = subject;
  if (!isBound) {
    const queued = await queueBinding(ask, schema, { producerId, subjectId }, limits.bindingsPendingMax, atMs);
    return queued.ok ? refused(queued.value) : queued;
  }
  const together = { ...subject.attrs, ...attrs };
  if (!isWithin(together, limits.attrsBytesMax)) return refused("attrs_too_large");
  if (version === undefined) {
    const made = await makeFamily(ask, schema, schemaName, schemaBody, atMs);
    if (!made.ok) return made;
    if (made.value === undefined) return refused("schema_conflict");
    return conclude(scope, subject, made.value, together, atMs);
  }
  const body = await bodyOf(ask, schema, version.schemaId);
  if (!body.ok) return body;
  if (version.schemaName !== schemaName || !sameJson(body.value, schemaBody)) return refused("schema_conflict");
  return conclude(scope, subject, version, together, atMs);
}

async function upgradeKnown(scope: Scope, subject: HeldSubject, upgrade: SubjectUpgrade): Answered {
  const { ask, schema, limits } = scope;
  const { schemaName, schemaDelta, attrsDelta, atMs } = upgrade;
  const { version } = subject;
  if (!subject.isBound) return refused("producer_subject_forbidden");
  if (version === undefined) return refused("missing_subject_schema");
  if (version.schemaName !== schemaName) return refused("schema_family_not_found_for_subject");
  const before = await bodyOf(ask, schema, version.schemaId);
  if (!before.ok) return before;
  const [body, attrs] = [laidOver(before.value, schemaDelta), laidOver(subject.attrs, attrsDelta)];
  if (!isWithin(body, limits.schemaBytesMax)) return refused("schema_too_large");
  if (!isWithin(attrs, limits.attrsBytesMax)) return refused("attrs_too_large");
  if (sameJson(before.value, body)) return conclude(scope, subject, version, attrs, atMs);

  const later = await ensureLater(ask, schema, version, body, limits.schemaVersionsMax, atMs);
  if (!later.ok) return later;
  if (later.value === undefined) return refused("too_many_versions");
  return conclude(scope, subject, later.value, attrs, atMs);
}

/** What is new about a subject that is held is written. */
async function conclude(
  { ask, schema }: Scope,
  subject: HeldSubject,
  version: SchemaVersion,
  attrs: JsonObject,
  atMs: number,
): Answered {
  const { subjectId } = subject;
  const isUnchanged = subject.version?.schemaId === version.schemaId;
  const answer: SubjectAnswer = { kind: "done", subjectId, ...version, isUnchanged };
  if (isUnchanged && sameJson(subject.attrs, attrs)) return ok(answer);
  const set = await setSubject(ask, schema, subjectId, version.schemaId, attrs, atMs);
  return set.ok ? ok(answer) : set;
}

/** Not one of those that protocol 0.1.0 makes. */
function makeFamily(
  ask: Ask,
  schema: string,
  schemaName: string,
  body: JsonObject,
  atMs: number,
): Promise<Result<SchemaVersion | undefined, SqlFailure>> {
  if (schemaName.startsWith(LEGACY_SCHEMA_PREFIX)) return Promise.resolve(ok(undefined));
  return ensureFamily(ask, schema, schemaName, body, atMs);
}

function laidOver(base: JsonObject, delta: JsonObject): JsonObject {
  const whole = deepMerge(base, delta);
  assert(isJsonObject(whole), "an object laid over an object is one");
  return whole;
}

function refused(reason: SubjectRefusal): Result<SubjectAnswer, never> {
  return ok({ kind: "refused", reason });
}

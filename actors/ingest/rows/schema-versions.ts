/**
 * Families of schemas: versions 1, 2, 3 … of one name, each made once and never changed.
 *
 * Who adds a version holds the first one of its family, so that versions have no gap and no two have one number. What the
 * latest is, is read by a statement of its own, which sees what was there when it began: the one that waits begins before the wait.
 */
import { canonicalText, readStored } from "#actors/domain/canonical-json.ts";
import { isJsonObject, type JsonObject } from "#actors/domain/json-value.ts";
import type { Uuid } from "#actors/domain/uuid.ts";
import { uuidIn } from "#actors/ingest/rows/columns.ts";
import type { Ask } from "#actors/ingest/rows/tables.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import { maybeTextIn, numberIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure, SqlRow } from "#runtime/sql/sql.ts";

export interface SchemaVersion {
  readonly schemaId: Uuid;
  readonly schemaName: string;
  readonly schemaVersion: number;
}

/** The first version where there is no family of that name; otherwise the lowest one that says the same, if one does. */
export async function ensureFamily(
  ask: Ask,
  schema: string,
  schemaName: string,
  body: JsonObject,
  atMs: number,
): Promise<Result<SchemaVersion | undefined, SqlFailure>> {
  const text = `insert into ${schema}.schemas (name, version, body, created_ms) values ($1, 1, $2, $3)
    on conflict do nothing`;
  const made = await ask("make-family", text, [schemaName, canonicalText(body), atMs]);
  return made.ok ? findVersion(ask, schema, schemaName, body, 0) : made;
}

/** A later version of the family that says `body`: one that is there, or a new one; undefined where there is no room. */
export async function ensureLater(
  ask: Ask,
  schema: string,
  { schemaName, schemaVersion }: SchemaVersion,
  body: JsonObject,
  versionsMax: number,
  atMs: number,
): Promise<Result<SchemaVersion | undefined, SqlFailure>> {
  const first = `select from ${schema}.schemas where name = $1 and version = 1 for no key update`;
  const held = await ask("hold-family", first, [schemaName]);
  if (!held.ok) return held;
  const found = await findVersion(ask, schema, schemaName, body, schemaVersion);
  if (!found.ok || found.value !== undefined) return found;
  const added = await ask(
    "add-version",
    `insert into ${schema}.schemas (name, version, body, created_ms)
      select $1, max(version) + 1, $2, $3 from ${schema}.schemas where name = $1 having max(version) < $4
      returning schema_id, name, version`,
    [schemaName, canonicalText(body), atMs, versionsMax],
  );
  return added.ok ? ok(versionOf(added.value[0])) : added;
}

/** What the version says. */
export async function bodyOf(ask: Ask, schema: string, schemaId: Uuid): Promise<Result<JsonObject, SqlFailure>> {
  const found = await ask("schema-body", `select body from ${schema}.schemas where schema_id = $1`, [schemaId]);
  return found.ok ? ok(objectOf(textIn(found.value[0], "body"))) : found;
}

/** Of a subject that has one. */
export function versionIn(row: SqlRow | undefined): SchemaVersion | undefined {
  return maybeTextIn(row, "schema_id") === undefined ? undefined : versionOf(row);
}

/** JSON that stands in a column, which was an object when it was written. */
export function objectOf(text: string): JsonObject {
  const value = readStored(text);
  assert(isJsonObject(value), "an object was stored");
  return value;
}

async function findVersion(
  ask: Ask,
  schema: string,
  schemaName: string,
  body: JsonObject,
  after: number,
): Promise<Result<SchemaVersion | undefined, SqlFailure>> {
  const found = await ask(
    "find-version",
    `select schema_id, name, version from ${schema}.schemas
      where name = $1 and version > $3 and body = $2 order by version limit 1`,
    [schemaName, canonicalText(body), after],
  );
  return found.ok ? ok(versionOf(found.value[0])) : found;
}

function versionOf(row: SqlRow | undefined): SchemaVersion | undefined {
  if (row === undefined) return undefined;
  return {
    schemaId: uuidIn(row, "schema_id"),
    schemaName: textIn(row, "name"),
    schemaVersion: numberIn(row, "version"),
  };
}

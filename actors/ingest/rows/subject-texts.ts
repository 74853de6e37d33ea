/** What a producer says of a subject: whether it can be kept, and is not too much. */
import { canonicalText } from "#actors/domain/canonical-json.ts";
import { isStorable } from "#actors/domain/events/json-escapes.ts";
import type { JsonObject } from "#actors/domain/json-value.ts";
import {
  type RowsLimits,
  SCHEMA_NAME_LENGTH_MAX,
  SUBJECT_KEY_LENGTH_MAX,
  type SubjectRefusal,
} from "#actors/ingest/rows/event-rows.ts";
import { assert } from "#runtime/errors.ts";

export interface SubjectNames {
  readonly subjectKey: string;
  readonly schemaName: string;
}

/** Why nothing comes of it, whatever the database says. */
export function unfitness(
  { subjectKey, schemaName }: SubjectNames,
  body: JsonObject,
  attrs: JsonObject,
  { schemaBytesMax, attrsBytesMax }: RowsLimits,
): SubjectRefusal | undefined {
  assert(subjectKey !== "" && subjectKey.length <= SUBJECT_KEY_LENGTH_MAX, "a subject has a key");
  assert(schemaName !== "" && schemaName.length <= SCHEMA_NAME_LENGTH_MAX, "a schema has a name");
  // As JSON, in which zeros and halves of pairs are escapes.
  if (!isStorable(JSON.stringify([subjectKey, schemaName, body, attrs]))) return "not_storable";
  if (!isWithin(body, schemaBytesMax)) return "schema_too_large";
  return isWithin(attrs, attrsBytesMax) ? undefined : "attrs_too_large";
}

export function isWithin(value: JsonObject, sizeBytesMax: number): boolean {
  return Buffer.byteLength(canonicalText(value)) <= sizeBytesMax;
}

/** A UUID in a row. */
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import { assert } from "#runtime/errors.ts";
import { maybeTextIn } from "#runtime/sql/columns.ts";
import type { SqlRow } from "#runtime/sql/sql.ts";

export function uuidIn(row: SqlRow | undefined, column: string): Uuid {
  const uuid = maybeUuidIn(row, column);
  assert(uuid !== undefined, `${column} is a UUID`);
  return uuid;
}

/** Undefined where there is null. */
export function maybeUuidIn(row: SqlRow | undefined, column: string): Uuid | undefined {
  const text = maybeTextIn(row, column);
  return text === undefined ? undefined : parseUuid(text);
}

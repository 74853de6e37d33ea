/** What stands in a row. Postgres writes every value as text; one that is missing, or not what it has to be, is a defect. */
import { assert } from "#runtime/errors.ts";
import type { SqlRow } from "#runtime/sql/sql.ts";

export function textIn(row: SqlRow | undefined, column: string): string {
  const value = maybeTextIn(row, column);
  assert(value !== undefined, `there is a ${column}`);
  return value;
}

/** Undefined where there is null. */
export function maybeTextIn(row: SqlRow | undefined, column: string): string | undefined {
  const value = row?.[column];
  assert(value !== undefined, `there is a column ${column}`);
  return value ?? undefined;
}

export function numberIn(row: SqlRow | undefined, column: string): number {
  const value = Number(textIn(row, column));
  assert(Number.isSafeInteger(value), `${column} is a whole number`);
  return value;
}

export function flagIn(row: SqlRow | undefined, column: string): boolean {
  return textIn(row, column) === "t";
}

/** What stands in a row. Postgres writes every value as text; one that is missing, or not what it has to be, is a defect. */
import type { KeyStatus } from "#actors/auth/directory/directory.ts";
import { assert, Defect } from "#runtime/errors.ts";
import type { SqlRow } from "#runtime/sql/sql.ts";

export function textIn(row: SqlRow | undefined, column: string): string {
  const value = row?.[column];
  assert(typeof value === "string", `there is a ${column}`);
  return value;
}

/** Undefined where there is null. */
export function maybeTextIn(row: SqlRow, column: string): string | undefined {
  const value = row[column];
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

export function statusIn(row: SqlRow | undefined): KeyStatus {
  const status = textIn(row, "status");
  switch (status) {
    case "pending":
    case "approved":
    case "revoked":
    case "superseded":
      return status;
    default:
      throw new Defect(`${status} is no status of a key`);
  }
}

/** What a row says of a key: its status, and whether it is the first one of its producer. */
import type { KeyStatus, KeyType } from "#actors/auth/directory/directory.ts";
import { Defect } from "#runtime/errors.ts";
import { flagIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlRow } from "#runtime/sql/sql.ts";

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

/** Of the key `k`, to be called `is_rotation`. */
export function isRotation(schema: string): string {
  return `exists (select from ${schema}.keys earlier
    where earlier.producer_id = k.producer_id and earlier.number < k.number)`;
}

export function typeIn(row: SqlRow | undefined): KeyType {
  return flagIn(row, "is_rotation") ? "key_rotation" : "new_producer";
}

/** The status of a key in a row. */
import type { KeyStatus } from "#actors/auth/directory/directory.ts";
import { Defect } from "#runtime/errors.ts";
import { textIn } from "#runtime/sql/columns.ts";
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

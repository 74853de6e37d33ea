/** Whether a database does not like what it was given, and would take something else. */
import type { Failure } from "#runtime/errors.ts";
import type { SqlRefused } from "#runtime/sql/sql.ts";

/**
 * Classes of the SQL standard for that: data exception, integrity constraint violation, a limit exceeded, and what triggers
 * raise. All others say something of the database, or of us.
 */
const OF_A_VALUE = /^(22|23|54|P0)/;

export function isOfAValue(failure: Failure): failure is SqlRefused {
  return failure.code === "sql.refused" && OF_A_VALUE.test((failure as SqlRefused).state);
}

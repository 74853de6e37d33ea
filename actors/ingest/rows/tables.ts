/** Where the tables of ingest are, statements on them, and what of a refusal is known. */
import type { RowsLimits } from "#actors/ingest/rows/event-rows.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { Sql, SqlFailure, SqlRefused, SqlRow, SqlSession, SqlValue } from "#runtime/sql/sql.ts";

/** Runs of what the database gave up because it was in the way of another. The last one's refusal counts. */
export const ROWS_TRIES_MAX = 5;

export interface Tables {
  readonly sql: Sql;
  readonly schema: string;
  readonly limits: RowsLimits;
}

export type Rows = Result<readonly SqlRow[], SqlFailure>;
/** What the statement of this name answers. One name is one text; without one it is done once. */
export type Ask = (name: string | undefined, text: string, values: readonly SqlValue[]) => Promise<Rows>;

/** serialization_failure and deadlock_detected. */
const IN_THE_WAY: ReadonlySet<string> = new Set(["40001", "40P01"]);

/** One statement. */
export function ask({ sql, schema }: Tables, within: Within): Ask {
  return askOf(sql, schema, within);
}

/** Several statements: all of them happen, or none. `work` may be run more than once. */
export function transact<Value>(
  { sql, schema }: Tables,
  work: (ask: Ask) => Promise<Result<Value, SqlFailure>>,
  within: Within,
): Promise<Result<Value, SqlFailure>> {
  return untilLetThrough(() => sql.transaction((session) => work(askOf(session, schema, within)), within));
}

/** `work` again, where others held it up until the database gave it up: then nothing of it was done. */
export async function untilLetThrough<Value>(
  work: () => Promise<Result<Value, SqlFailure>>,
): Promise<Result<Value, SqlFailure>> {
  for (let tryCount = 1; ; tryCount += 1) {
    const done = await work();
    if (done.ok || !isRefused(done.failure)) return done;
    if (!IN_THE_WAY.has(done.failure.state) || tryCount === ROWS_TRIES_MAX) return done;
  }
}

export function isRefused(failure: Failure): failure is SqlRefused {
  return failure.code === "sql.refused";
}

function askOf(session: SqlSession, schema: string, within: Within): Ask {
  return (name, text, values) => {
    const named = name === undefined ? {} : { name: `${schema}.${name}` };
    return session.query({ ...named, text, values }, within);
  };
}

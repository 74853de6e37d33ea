/**
 * Statements on the tables of a directory: one alone, or several as one transaction.
 *
 * What a transaction decides on it holds, and whoever comes next waits for it. Everything is held in one order: the counter of
 * keys, one producer, the counter of changes. So nobody waits for one who waits for him; where somebody else's locks cross
 * ours all the same, and the database gives ours up, nothing was done, and it is tried again.
 *
 * A constraint that is broken is a defect: what would break one is found out before, while it is held. So is a value that a
 * statement cannot be run with. Any other refusal (a database that is read-only, a table that somebody took away) is a
 * failure, and for people to look at.
 */
import type { DirectoryLimits } from "#actors/auth/directory/directory.ts";
import { legible } from "#actors/auth/directory/legible.ts";
import { Defect, type Failure, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { Sql, SqlFailure, SqlRow, SqlSession, SqlValue } from "#runtime/sql/sql.ts";

/** Runs of a transaction that the database gave up because it was in the way of another. The last one's refusal counts. */
export const TRANSACTION_TRIES_MAX = 3;

/** Where the tables are. */
export interface Tables {
  readonly sql: Sql;
  readonly schema: string;
  readonly limits: DirectoryLimits;
}

type Rows = Result<readonly SqlRow[], SqlFailure>;

export interface Transaction extends Pick<Tables, "schema" | "limits"> {
  /** What the statement of this name answers. One name is one text. */
  rows(name: string, text: string, values: readonly SqlValue[]): Promise<Rows>;
}

/** serialization_failure and deadlock_detected. */
const IN_THE_WAY: ReadonlySet<string> = new Set(["40001", "40P01"]);
/** data_exception and integrity_constraint_violation, and what is in those classes. */
const OURS = /^2[23]/;

/** Several statements: all of them happen, or none. `work` may be run more than once. */
export async function transact<Value, F extends Failure = never>(
  { sql, schema, limits }: Tables,
  work: (transaction: Transaction) => Promise<Result<Value, F | SqlFailure>>,
  within: Within,
): Promise<Result<Value, F | SqlFailure>> {
  for (let tryCount = 1; ; tryCount += 1) {
    const done = await sql.transaction(
      (session) => work({ schema, limits, rows: rowsOf(session, schema, within) }),
      within,
    );
    if (done.ok || !isRefused(done.failure)) return done;
    const { state, message } = done.failure;
    if (OURS.test(state)) throw new Defect(`a rule of the tables was broken: ${message}`);
    if (!IN_THE_WAY.has(state) || tryCount === TRANSACTION_TRIES_MAX) return done;
  }
}

/** One statement, which is a transaction by itself. */
export function read(
  { sql, schema }: Tables,
  name: string,
  text: string,
  values: readonly SqlValue[],
  within: Within,
): Promise<Rows> {
  return rowsOf(sql, schema, within)(name, text, values);
}

function rowsOf(session: SqlSession, schema: string, within: Within): Transaction["rows"] {
  return (name, text, values) =>
    session.query({ name: `${schema}.${name}`, text, values: values.map(takable) }, within);
}

/** No text from outside may be what a statement fails on. */
function takable(value: SqlValue): SqlValue {
  if (typeof value === "string") return legible(value);
  if (!Array.isArray(value)) return value;
  return value.map((one: string | number | null) => (typeof one === "string" ? legible(one) : one));
}

function isRefused(failure: Failure): failure is Extract<SqlFailure, { code: "sql.refused" }> {
  return failure.code === "sql.refused";
}

/**
 * A Postgres, as a seam: statements with parameters, answered with rows or a failure.
 *
 * There is no Postgres in memory. What actors keep there has a seam of its own, with this behind one half of it.
 */
import type { Failure, Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

/**
 * A parameter. A list is an array of Postgres; what it is an array of, the statement says (`$1::uuid[]`). Bytes are a value in
 * its binary form: of `bytea` that is the bytes themselves, of arrays `binary-arrays.ts` makes it.
 */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array | readonly (string | number | null)[];

/** Values as Postgres writes them as text; `null` stays. */
export type SqlRow = Readonly<Record<string, string | null>>;

export interface Statement {
  /** Statements with a name are parsed and planned once a connection. One name is one text, for ever. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly SqlValue[];
}

/** Nobody answered, or the answer did not come in time. `maybe`: what was under way may have been done. */
export interface SqlUnreachable extends Failure<"sql.unreachable"> {
  readonly executed: "no" | "maybe";
  /** The system's or the database's own words. */
  readonly cause: string;
}

/** The database refused the statement. Of the transaction that it was in, nothing was done. */
export interface SqlRefused extends Failure<"sql.refused"> {
  /** Five characters, such as `23505` (unique_violation). */
  readonly state: string;
  readonly message: string;
  readonly constraint?: string;
}

export type SqlFailure = SqlUnreachable | SqlRefused;

export interface SqlSession {
  query(statement: Statement, within: Within): Promise<Result<readonly SqlRow[], SqlFailure>>;
}

/** A bounded pool of connections. */
export interface Sql extends SqlSession {
  /**
   * Runs `work` in a transaction on one connection: committed where it succeeds, and where it fails, or throws, or the database
   * refused any statement of it, nothing of it was done. A commit whose answer is lost is `sql.unreachable`, `maybe`.
   * It is READ COMMITTED, whatever the database does by default: each statement sees what was committed when it began.
   */
  transaction<Value, F extends Failure>(
    work: (session: SqlSession) => Promise<Result<Value, F>>,
    within: Within,
  ): Promise<Result<Value, F | SqlFailure>>;
  /** Cuts off what is under way. */
  close(): Promise<void>;
}

export interface SqlPlace {
  readonly url: string;
  readonly connectionsMax: number;
  /** The database ends a statement that takes longer. */
  readonly statementTimeoutMs: number;
}

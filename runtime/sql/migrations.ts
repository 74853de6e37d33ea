/**
 * Schemas of a database, moved forward step by step at every start: each step once, in order, and never changed after it was
 * done anywhere.
 *
 * Nodes that start at once wait for each other at an advisory lock. A database that has a step which this build does not
 * know, or knows otherwise, is left alone: it belongs to a newer build, or to something else.
 */
import { createHash } from "node:crypto";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { Sql, SqlFailure, SqlSession } from "#runtime/sql/sql.ts";

export interface Migration {
  /** Its words, for people: `producers-and-keys`. */
  readonly name: string;
  /** Statements; all of them happen in one transaction with the record of it. */
  readonly text: string;
}

/** Whose steps they are: a schema of the database, in which their record is. */
export interface Migrations {
  /** A plain name: lower-case letters, digits and underscores. */
  readonly schema: string;
  /** In order, the first one first. New ones come last. */
  readonly steps: readonly Migration[];
}

/** The database has a step that is not ours, or not as it is here. Nothing was changed: run the build that made it. */
export interface SchemaUnknown extends Failure<"sql.schema-unknown"> {
  readonly schema: string;
  readonly step: string;
}

/** Of the lock that all of a database's nodes share; any number that nobody else uses. */
const LOCK = 0x63_65_70_61;

/** Answers with how many steps were done now. */
export async function migrate(
  sql: Sql,
  { schema, steps }: Migrations,
  within: Within,
): Promise<Result<number, SchemaUnknown | SqlFailure>> {
  let doneCount = 0;
  for (;;) {
    const step = await sql.transaction((session) => takeStep(session, schema, steps, within), within);
    if (!step.ok) return step;
    if (!step.value) return ok(doneCount);
    doneCount += 1;
  }
}

/** The next one, if there is one left. */
async function takeStep(
  session: SqlSession,
  schema: string,
  steps: readonly Migration[],
  within: Within,
): Promise<Result<boolean, SchemaUnknown | SqlFailure>> {
  const prepared = await prepare(session, schema, within);
  if (!prepared.ok) return prepared;
  const done = await session.query({ text: `select name, checksum from ${schema}.migrations order by step` }, within);
  if (!done.ok) return done;
  for (const [index, { name, checksum }] of done.value.entries()) {
    const known = steps[index];
    if (known !== undefined && known.name === name && checksumOf(known) === checksum) continue;
    return fail({ code: "sql.schema-unknown", schema, step: name ?? "" });
  }
  const next = steps[done.value.length];
  if (next === undefined) return ok(false);
  const changed = await session.query({ text: next.text }, within);
  if (!changed.ok) return changed;
  const values = [done.value.length, next.name, checksumOf(next)];
  const text = `insert into ${schema}.migrations (step, name, checksum) values ($1, $2, $3)`;
  const recorded = await session.query({ text, values }, within);
  return recorded.ok ? ok(true) : recorded;
}

/** Everybody else waits from here to the end of the transaction. */
async function prepare(session: SqlSession, schema: string, within: Within): Promise<Result<void, SqlFailure>> {
  const locked = await session.query({ text: "select pg_advisory_xact_lock($1)", values: [LOCK] }, within);
  if (!locked.ok) return locked;
  const text = `create schema if not exists ${schema};
    create table if not exists ${schema}.migrations (
      step integer primary key,
      name text not null,
      checksum text not null,
      done_at timestamptz not null default now()
    )`;
  const made = await session.query({ text }, within);
  return made.ok ? ok() : made;
}

function checksumOf({ text }: Migration): string {
  return createHash("sha256").update(text).digest("hex");
}

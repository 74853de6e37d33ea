/**
 * Subjects of protocol 0.1.0, which nobody registers: they are made on their first use.
 *
 * Mostly there is nothing to make: that is looked at first, and holds nothing. What is made is made in one order, schemas, then
 * subjects, then bindings, each sorted, so that nodes which make the same do not stop each other.
 */

import { maybeUuidIn } from "#actors/ingest/rows/columns.ts";
import {
  LEGACY_SCHEMA_PREFIX,
  type LegacyBinding,
  type LegacyUse,
  ROWS_MAX,
  type RowsFailure,
} from "#actors/ingest/rows/event-rows.ts";
import { type Ask, ask, type Rows, type Tables, transact } from "#actors/ingest/rows/tables.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { textArray, uuidArray } from "#runtime/sql/binary-arrays.ts";
import { flagIn } from "#runtime/sql/columns.ts";
import type { SqlFailure, SqlRow, SqlValue } from "#runtime/sql/sql.ts";

/** Undefined: something of it is still to be made. */
type Found = readonly (LegacyBinding | undefined)[];

type Making = readonly [name: string, text: string];

export async function legacy(
  tables: Tables,
  uses: readonly LegacyUse[],
  atMs: number,
  within: Within,
): Promise<Result<readonly LegacyBinding[], RowsFailure>> {
  assert(uses.length <= ROWS_MAX, "uses are asked for in batches");
  assert(
    uses.every(({ schemaName }) => schemaName.startsWith(LEGACY_SCHEMA_PREFIX)),
    "schemas of protocol 0.1.0 have names of their own",
  );
  const { schema } = tables;
  const found = await find(ask(tables, within), schema, uses);
  if (!found.ok) return found;
  if (found.value.every((one) => one !== undefined)) return ok(found.value);
  return transact(tables, (ask) => make(ask, schema, uses, atMs), within);
}

async function make(
  ask: Ask,
  schema: string,
  uses: readonly LegacyUse[],
  atMs: number,
): Promise<Result<readonly LegacyBinding[], SqlFailure>> {
  const [schemas, subjects, ...bindings] = makingOf(schema);
  for (const [name, text] of [schemas, subjects]) {
    const made = await ask(name, text, [...columnsOf(uses), atMs]);
    if (!made.ok) return made;
  }
  // Whoever says no to a binding waits for this, or is seen by it.
  const held = await ask("hold-legacy-subjects", holdingOf(schema), [
    textArray(uses.map(({ subjectKey }) => subjectKey)),
  ]);
  if (!held.ok) return held;
  for (const [name, text] of bindings) {
    const made = await ask(name, text, [...columnsOf(uses), atMs]);
    if (!made.ok) return made;
  }
  const found = await find(ask, schema, uses);
  if (!found.ok) return found;
  const whole = found.value.filter((one) => one !== undefined);
  // People have decided meanwhile about a subject that was not there to be held: all of it is done again.
  if (whole.length < uses.length) return fail({ code: "sql.refused", state: "40001", message: "it was decided about" });
  return ok(whole);
}

function holdingOf(schema: string): string {
  return `select from ${schema}.subjects where subject_key = any ($1::text[]) order by subject_id for share`;
}

/** The schemas, the subjects, and what binds them. One use of each is enough to make it. Each sees what the one before has made, and what others have. */
function makingOf(schema: string): readonly [schemas: Making, subjects: Making, ...bindings: Making[]] {
  const uses = "unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as u (producer_id, subject_key, name, n)";
  const known = `${uses} join ${schema}.subjects s using (subject_key)`;
  const isOpen = `s.origin = 'legacy' and not exists (select from ${schema}.binding_requests r
    where r.producer_id = u.producer_id and r.subject_id = s.subject_id and r.status = 'denied')`;
  return [
    [
      "make-legacy-schemas",
      `insert into ${schema}.schemas (name, version, body, created_ms)
        select distinct name, 1, '{}'::jsonb, $4::bigint from ${uses} order by name on conflict do nothing`,
    ],
    [
      "make-legacy-subjects",
      `insert into ${schema}.subjects (subject_key, origin, attrs, schema_id, created_ms)
        select distinct on (subject_key) subject_key, 'legacy', '{}'::jsonb, c.schema_id, $4::bigint
        from ${uses} join ${schema}.schemas c on c.name = u.name and c.version = 1
        order by subject_key, u.n on conflict do nothing`,
    ],
    [
      "bind-legacy",
      `insert into ${schema}.producer_subjects
        select distinct u.producer_id, s.subject_id, $4::bigint from ${known} where ${isOpen}
        order by 1, 2 on conflict do nothing`,
    ],
    [
      "note-legacy-schemas",
      `insert into ${schema}.subject_schemas
        select distinct s.subject_id, c.schema_id, $4::bigint
        from ${known} join ${schema}.schemas c on c.name = u.name and c.version = 1
          join ${schema}.producer_subjects b on b.producer_id = u.producer_id and b.subject_id = s.subject_id
        order by 1, 2 on conflict do nothing`,
    ],
  ];
}

async function find(ask: Ask, schema: string, uses: readonly LegacyUse[]): Promise<Result<Found, SqlFailure>> {
  const found: Rows = await ask(
    "find-legacy",
    `select s.subject_id, c.schema_id, b.subject_id is not null as is_bound,
        h.subject_id is not null as is_noted,
        coalesce(s.origin = 'registered' or r.status = 'denied', false) as is_closed
      from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as u (producer_id, subject_key, name, n)
        left join ${schema}.subjects s using (subject_key)
        left join ${schema}.schemas c on c.name = u.name and c.version = 1
        left join ${schema}.producer_subjects b on b.producer_id = u.producer_id and b.subject_id = s.subject_id
        left join ${schema}.subject_schemas h on h.subject_id = s.subject_id and h.schema_id = c.schema_id
        left join ${schema}.binding_requests r on r.producer_id = u.producer_id and r.subject_id = s.subject_id
      order by n`,
    columnsOf(uses),
  );
  return found.ok ? ok(found.value.map(foundOf)) : found;
}

function columnsOf(uses: readonly LegacyUse[]): readonly SqlValue[] {
  return [
    uuidArray(uses.map(({ producerId }) => producerId)),
    textArray(uses.map(({ subjectKey }) => subjectKey)),
    textArray(uses.map(({ schemaName }) => schemaName)),
  ];
}

function foundOf(row: SqlRow): LegacyBinding | undefined {
  const isBound = flagIn(row, "is_bound");
  if (!isBound && flagIn(row, "is_closed")) return { kind: "producer_subject_forbidden" };
  const [subjectId, schemaId] = [maybeUuidIn(row, "subject_id"), maybeUuidIn(row, "schema_id")];
  if (!isBound || !flagIn(row, "is_noted") || subjectId === undefined || schemaId === undefined) return undefined;
  return { kind: "bound", subjectId, schemaId };
}

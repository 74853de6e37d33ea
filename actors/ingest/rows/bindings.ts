/** Which producers may write about which subjects, and who waits for people to say so. */

import { maybeUuidIn, uuidIn } from "#actors/ingest/rows/columns.ts";
import {
  BINDINGS_LISTED_MAX,
  type Binding,
  type BindingRequest,
  type BindingReview,
  type Pair,
  ROWS_MAX,
  type RowsFailure,
} from "#actors/ingest/rows/event-rows.ts";
import { type Ask, ask, type Tables, transact } from "#actors/ingest/rows/tables.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { uuidArray } from "#runtime/sql/binary-arrays.ts";
import { flagIn, numberIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure, SqlRow } from "#runtime/sql/sql.ts";

export async function bindings(
  tables: Tables,
  pairs: readonly Pair[],
  within: Within,
): Promise<Result<readonly Binding[], RowsFailure>> {
  assert(pairs.length <= ROWS_MAX, "pairs are asked for in batches");
  const { schema } = tables;
  const found = await ask(tables, within)(
    "bindings",
    `select b.subject_id is not null as is_bound, s.subject_id is not null as is_there, s.schema_id
      from unnest($1::uuid[], $2::uuid[]) with ordinality as p (producer_id, subject_id, n)
        left join ${schema}.producer_subjects b using (producer_id, subject_id)
        left join ${schema}.subjects s using (subject_id)
      order by n`,
    [uuidArray(pairs.map(({ producerId }) => producerId)), uuidArray(pairs.map(({ subjectId }) => subjectId))],
  );
  return found.ok ? ok(found.value.map(bindingOf)) : found;
}

/** Both are in the database; nothing is done where it is so already. */
export async function bind(
  ask: Ask,
  schema: string,
  { producerId, subjectId }: Pair,
  atMs: number,
): Promise<Result<void, SqlFailure>> {
  const text = `insert into ${schema}.producer_subjects values ($1, $2, $3) on conflict do nothing`;
  const bound = await ask("bind", text, [producerId, subjectId, atMs]);
  return bound.ok ? ok() : bound;
}

export async function bindingRequests(
  tables: Tables,
  after: number | undefined,
  limit: number,
  within: Within,
): Promise<Result<readonly BindingRequest[], RowsFailure>> {
  assert(Number.isInteger(limit) && limit >= 1 && limit <= BINDINGS_LISTED_MAX, "a page of requests has a length");
  const { schema } = tables;
  const listed = await ask(tables, within)(
    "binding-requests",
    `select number, producer_id, subject_id, subject_key, asked_ms
      from ${schema}.binding_requests join ${schema}.subjects using (subject_id)
      where status = 'pending' and number > $1 order by number limit $2`,
    [after ?? 0, limit],
  );
  return listed.ok ? ok(listed.value.map(requestOf)) : listed;
}

export function reviewBinding(
  tables: Tables,
  review: BindingReview,
  within: Within,
): Promise<Result<string | undefined, RowsFailure>> {
  const { producerId, subjectId, isApproved, reviewer, atMs } = review;
  const { schema } = tables;
  return transact<string | undefined>(
    tables,
    async (ask) => {
      const text = `select subject_key from ${schema}.subjects where subject_id = $1 for no key update`;
      const held = await ask("hold-subject-by-id", text, [subjectId]);
      if (!held.ok) return held;
      const [subject] = held.value;
      if (subject === undefined) return ok(undefined);
      const recorded = await ask(
        "record-review",
        `insert into ${schema}.binding_requests (producer_id, subject_id, status, asked_ms, reviewer, reviewed_ms)
          values ($1, $2, $3, $4, $5, $4)
          on conflict (producer_id, subject_id) do update
          set status = excluded.status, reviewer = excluded.reviewer, reviewed_ms = excluded.reviewed_ms`,
        [producerId, subjectId, isApproved ? "approved" : "denied", atMs, reviewer],
      );
      if (!recorded.ok) return recorded;
      const done = isApproved ? await bind(ask, schema, review, atMs) : await unbind(ask, schema, review);
      return done.ok ? ok(textIn(subject, "subject_key")) : done;
    },
    within,
  );
}

async function unbind(ask: Ask, schema: string, { producerId, subjectId }: Pair): Promise<Result<void, SqlFailure>> {
  const text = `delete from ${schema}.producer_subjects where producer_id = $1 and subject_id = $2`;
  const unbound = await ask("unbind", text, [producerId, subjectId]);
  return unbound.ok ? ok() : unbound;
}

function bindingOf(row: SqlRow): Binding {
  if (!flagIn(row, "is_bound")) return { kind: "producer_subject_forbidden", isThere: flagIn(row, "is_there") };
  const schemaId = maybeUuidIn(row, "schema_id");
  return schemaId === undefined ? { kind: "missing_subject_schema" } : { kind: "bound", schemaId };
}

function requestOf(row: SqlRow): BindingRequest {
  return {
    number: numberIn(row, "number"),
    producerId: uuidIn(row, "producer_id"),
    subjectId: uuidIn(row, "subject_id"),
    subjectKey: textIn(row, "subject_key"),
    askedMs: numberIn(row, "asked_ms"),
  };
}

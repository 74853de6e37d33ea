/**
 * What may count no longer, numbered, for the other nodes.
 *
 * A number is taken from a row that is held until the transaction ends. So the next one is taken when this change can be seen,
 * or when it is gone with its transaction and the number is free again: who has read up to a number has read all before it. It
 * is what a transaction does last, because all others that have a change wait for it.
 */
import type { Change, Changes, ChangesForgotten, DirectoryFailure } from "#actors/auth/directory/directory.ts";
import { read, type Tables, type Transaction } from "#actors/auth/directory/transaction.ts";
import { Defect, fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { maybeTextIn, numberIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

export async function addChanges(
  { schema, limits, rows }: Transaction,
  changes: readonly Change[],
): Promise<Result<void, SqlFailure>> {
  const added = await rows(
    "add-changes",
    `with counted as (
        update ${schema}.counters set value = value + $3 where name = 'changes' returning value),
      forgotten as (
        delete from ${schema}.changes where number <= (select value from counted) - $4)
      insert into ${schema}.changes (number, kind, id)
      select value - $3 + place, kind, id
      from counted, unnest($1::text[], $2::text[]) with ordinality as change (kind, id, place)`,
    [changes.map(({ kind }) => kind), changes.map(({ id }) => id), changes.length, limits.changesMax],
  );
  return added.ok ? ok() : added;
}

export async function lastChange(tables: Tables, within: Within): Promise<Result<number, DirectoryFailure>> {
  const text = `select value from ${tables.schema}.counters where name = 'changes'`;
  const found = await read(tables, "last-change", text, [], within);
  return found.ok ? ok(numberIn(found.value[0], "value")) : found;
}

/** One statement: the number of the last one and the changes are of one moment. */
export async function changesSince(
  tables: Tables,
  since: number,
  within: Within,
): Promise<Result<Changes, ChangesForgotten | DirectoryFailure>> {
  const { schema, limits } = tables;
  const found = await read(
    tables,
    "changes-since",
    `select counter.value as last, change.kind, change.id
      from ${schema}.counters counter
      left join ${schema}.changes change on change.number > $1 and $1 >= counter.value - $2
      where counter.name = 'changes'
      order by change.number`,
    [since, limits.changesMax],
    within,
  );
  if (!found.ok) return found;
  const last = numberIn(found.value[0], "last");
  const oldest = Math.max(1, last - limits.changesMax + 1);
  if (since < oldest - 1 || since > last) return fail({ code: "auth.changes-forgotten", oldest, last });
  const changes = found.value.flatMap((row) => {
    const id = maybeTextIn(row, "id");
    return id === undefined ? [] : [{ kind: kindOf(textIn(row, "kind")), id }];
  });
  return ok({ last, changes });
}

function kindOf(kind: string): Change["kind"] {
  switch (kind) {
    case "token":
    case "producer":
    case "key":
      return kind;
    default:
      throw new Defect(`${kind} is no kind of a change`);
  }
}

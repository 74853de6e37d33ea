/** What ingest keeps, in a Postgres: the real half of the seam. Its neighbours have the statements, each those of one noun. */
import { bindingRequests, bindings, reviewBinding } from "#actors/ingest/rows/bindings.ts";
import { type EventRows, ROWS_LIMITS, type RowsLimits } from "#actors/ingest/rows/event-rows.ts";
import { legacy } from "#actors/ingest/rows/legacy.ts";
import { rowsMigrations } from "#actors/ingest/rows/migrations.ts";
import { Partitions } from "#actors/ingest/rows/partitions.ts";
import { storedEvent } from "#actors/ingest/rows/stored-event.ts";
import { registerSubject, upgradeSubject } from "#actors/ingest/rows/subjects.ts";
import type { Tables } from "#actors/ingest/rows/tables.ts";
import { TagIds } from "#actors/ingest/rows/tag-ids.ts";
import { write } from "#actors/ingest/rows/write.ts";
import { ok } from "#runtime/errors.ts";
import { migrate } from "#runtime/sql/migrations.ts";
import type { Sql } from "#runtime/sql/sql.ts";

export interface PostgresRowsOptions {
  /** Of its tables: a plain name. */
  readonly schema?: string;
  readonly limits?: RowsLimits;
}

/** `sql` is theirs from here on: it is closed with them. */
export function postgresRows(sql: Sql, options: PostgresRowsOptions = {}): EventRows {
  const { schema = "ingest", limits = ROWS_LIMITS } = options;
  const tables: Tables = { sql, schema, limits };
  const writer = { tables, partitions: new Partitions(tables), tagIds: new TagIds() };
  return {
    open: async (within) => {
      const migrated = await migrate(sql, rowsMigrations(schema), within);
      return migrated.ok ? ok() : migrated;
    },
    bindings: (pairs, within) => bindings(tables, pairs, within),
    legacy: (uses, atMs, within) => legacy(tables, uses, atMs, within),
    write: (rows, within) => write(writer, rows, within),
    registerSubject: (registration, within) => registerSubject(tables, registration, within),
    upgradeSubject: (upgrade, within) => upgradeSubject(tables, upgrade, within),
    bindingRequests: (after, limit, within) => bindingRequests(tables, after, limit, within),
    reviewBinding: (review, within) => reviewBinding(tables, review, within),
    event: (eventId, within) => storedEvent(tables, eventId, within),
    close: () => sql.close(),
  };
}

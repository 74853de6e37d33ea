/** The rows in a Postgres: what all rows promise, and what only a database can break. */
import { after } from "node:test";
import { type EventRows, ROWS_LIMITS, type RowsLimits } from "#actors/ingest/rows/event-rows.ts";
import { postgresRows } from "#actors/ingest/rows/postgres-rows.ts";
import { must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import { describeAgreement } from "#test/actors/ingest/rows/agreement.ts";
import { describeCrowd } from "#test/actors/ingest/rows/crowd.ts";
import { describeDatabase } from "#test/actors/ingest/rows/database.ts";
import { describeKilled } from "#test/actors/ingest/rows/killed.ts";
import { within } from "#test/actors/ingest/rows/scene.ts";
import { describeSubjects } from "#test/actors/ingest/rows/subjects.ts";
import { describeWriting } from "#test/actors/ingest/rows/writing.ts";
import { startPostgres } from "#test/kit/postgres.ts";

const postgres = await startPostgres();
/** Where nothing is killed, nobody waits for the disk. */
const hasty = `${postgres.url}&options=${encodeURIComponent("-c synchronous_commit=off")}`;
const sql = openSql({ url: hasty, connectionsMax: 8, statementTimeoutMs: 10_000 });
after(() => sql.close());
let schemaCount = 0;

/** Empty ones, in a schema of their own. */
async function open(limits: RowsLimits = ROWS_LIMITS): Promise<EventRows> {
  schemaCount += 1;
  const rows = postgresRows(sql, { schema: `ingest_${schemaCount}`, limits });
  must(await rows.open(within), "open");
  return rows;
}

// The first one: a database that was killed reads every file again that it has.
describeKilled(postgres);
describeWriting("postgres", open);
describeSubjects("postgres", open);
describeAgreement(open);
describeDatabase(hasty);
describeCrowd(hasty);

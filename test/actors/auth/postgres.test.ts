/** Auth over a directory in a Postgres. */
import { after } from "node:test";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { openSql } from "#runtime/real/sql.ts";
import { describeAuth } from "#test/actors/auth/suite.ts";
import { startPostgres } from "#test/kit/postgres.ts";

const postgres = await startPostgres();
// Nothing is killed here, so nobody waits for the disk.
const url = `${postgres.url}&options=${encodeURIComponent("-c synchronous_commit=off")}`;
const sql = openSql({ url, connectionsMax: 4, statementTimeoutMs: 10_000 });
after(() => sql.close());
let schemaCount = 0;

describeAuth("postgres", async () => {
  schemaCount += 1;
  return postgresDirectory(sql, { schema: `auth_${schemaCount}` });
});

/** The directory in a Postgres: what every directory promises, and what only one can break that many speak to at once. */
import { after } from "node:test";
import type { Directory, DirectoryLimits } from "#actors/auth/directory/directory.ts";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import { describeAgreement } from "#test/actors/auth/directory/agreement.ts";
import { describeDirectory } from "#test/actors/auth/directory/conformance.ts";
import { describeCrowd } from "#test/actors/auth/directory/crowd.ts";
import { describeCut } from "#test/actors/auth/directory/cut.ts";
import { describeInterleaved } from "#test/actors/auth/directory/interleaved.ts";
import { describeKilled } from "#test/actors/auth/directory/killed.ts";
import { describePruning } from "#test/actors/auth/directory/pruning.ts";
import { describeRedelivery } from "#test/actors/auth/directory/redelivery.ts";
import { within } from "#test/actors/auth/directory/scene.ts";
import { describeTables } from "#test/actors/auth/directory/tables.ts";
import { startPostgres } from "#test/kit/postgres.ts";

const postgres = await startPostgres();
/** Where nothing is killed, nobody waits for the disk. */
const hasty = `${postgres.url}&options=${encodeURIComponent("-c synchronous_commit=off")}`;
const sql = openSql({ url: hasty, connectionsMax: 8, statementTimeoutMs: 10_000 });
after(() => sql.close());
let schemaCount = 0;

/** An empty one, in a schema of its own. */
async function open(limits: DirectoryLimits): Promise<Directory> {
  schemaCount += 1;
  const directory = postgresDirectory(sql, { schema: `auth_${schemaCount}`, limits });
  must(await directory.open(within), "open");
  return directory;
}

describeDirectory("postgres", open);
describeRedelivery("postgres", open);
describePruning("postgres", open);
describeAgreement(open);
describeInterleaved(hasty);
describeCut(hasty);
describeCrowd(hasty);
describeTables(hasty);
// The last one: what else there is in that database is not looked at any more.
describeKilled(postgres);

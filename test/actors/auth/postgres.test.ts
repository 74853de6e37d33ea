/** Auth over a directory in a Postgres. */
import { after } from "node:test";
import type { Directory } from "#actors/auth/directory/directory.ts";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { openSql } from "#runtime/real/sql.ts";
import { describeAuth } from "#test/actors/auth/suite.ts";
import { patient } from "#test/kit/patient.ts";
import { startPostgres } from "#test/kit/postgres.ts";

const postgres = await startPostgres();
// Nothing is killed here, so nobody waits for the disk.
const url = `${postgres.url}&options=${encodeURIComponent("-c synchronous_commit=off")}`;
const sql = openSql({ url, connectionsMax: 4, statementTimeoutMs: 10_000 });
after(() => sql.close());
let schemaCount = 0;

async function open(): Promise<Directory> {
  schemaCount += 1;
  return patiently(postgresDirectory(sql, { schema: `auth_${schemaCount}` }));
}

/** A deadline of the world's manual clock means nothing to a real server, which has its own. */
function patiently(directory: Directory): Directory {
  return new Proxy(directory, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: readonly unknown[]): unknown => Reflect.apply(member, target, [...given.slice(0, -1), patient]);
    },
  });
}

describeAuth("postgres", open, { isWhole: false, stepMs: 1 });

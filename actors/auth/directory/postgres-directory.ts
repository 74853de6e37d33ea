/** A directory in a Postgres: the real half of the seam. Its neighbours have the statements, each those of one noun. */
import { changesSince, lastChange } from "#actors/auth/directory/changes.ts";
import { DIRECTORY_LIMITS, type Directory, type DirectoryLimits } from "#actors/auth/directory/directory.ts";
import { hasProducer, keyOf, list } from "#actors/auth/directory/listing.ts";
import { directoryMigrations } from "#actors/auth/directory/migrations.ts";
import { prune } from "#actors/auth/directory/pruning.ts";
import { deregister, register } from "#actors/auth/directory/registrations.ts";
import { spend } from "#actors/auth/directory/requests.ts";
import { approve, deny } from "#actors/auth/directory/reviews.ts";
import { shareSigningKey } from "#actors/auth/directory/signing-keys.ts";
import { issue, renew, revokeToken, tokens } from "#actors/auth/directory/tokens.ts";
import type { Tables } from "#actors/auth/directory/transaction.ts";
import { ok } from "#runtime/errors.ts";
import { migrate } from "#runtime/sql/migrations.ts";
import type { Sql } from "#runtime/sql/sql.ts";

export interface PostgresDirectoryOptions {
  /** Of its tables: a plain name. */
  readonly schema?: string;
  readonly limits?: DirectoryLimits;
}

/** `sql` is the directory's from here on: it is closed with it. */
export function postgresDirectory(sql: Sql, options: PostgresDirectoryOptions = {}): Directory {
  const { schema = "auth", limits = DIRECTORY_LIMITS } = options;
  const tables: Tables = { sql, schema, limits };
  return {
    open: async (within) => {
      const migrated = await migrate(sql, directoryMigrations(schema), within);
      return migrated.ok ? ok() : migrated;
    },
    register: (registration, within) => register(tables, registration, within),
    deregister: (request, within) => deregister(tables, request, within),
    keyOf: (name, within) => keyOf(tables, name, within),
    hasProducer: (producerId, within) => hasProducer(tables, producerId, within),
    spend: (request, within) => spend(tables, request, within),
    issue: (grant, request, within) => issue(tables, grant, request, within),
    renew: (jti, token, since, within) => renew(tables, jti, token, since, within),
    tokens: (jtis, within) => tokens(tables, jtis, within),
    approve: (review, within) => approve(tables, review, within),
    deny: (review, within) => deny(tables, review, within),
    revokeToken: (denial, within) => revokeToken(tables, denial, within),
    list: (filter, limit, before, within) => list(tables, filter, limit, before, within),
    shareSigningKey: (key, atMs, sinceMs, within) => shareSigningKey(tables, key, atMs, sinceMs, within),
    lastChange: (within) => lastChange(tables, within),
    changesSince: (since, within) => changesSince(tables, since, within),
    prune: (beforeMs, limit, within) => prune(tables, beforeMs, limit, within),
    close: () => sql.close(),
  };
}

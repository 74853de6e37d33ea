/**
 * What can mean nothing any more is removed, some at a time.
 *
 * Whoever prunes waits for nobody: a token that is being renewed is left for the next time. What hangs together goes from its end:
 * tokens before the first one of their exchange, and these before the denial of it. So wherever this breaks off, what is there is
 * right.
 */
import type { DirectoryFailure, Pruned } from "#actors/auth/directory/directory.ts";
import { type Tables, type Transaction, transact } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

type Counted = Promise<Result<number, SqlFailure>>;

export function prune(
  tables: Tables,
  beforeMs: number,
  limit: number,
  within: Within,
): Promise<Result<Pruned, DirectoryFailure>> {
  return transact<Pruned>(
    tables,
    async (transaction) => {
      const tokens = await pruneTokens(transaction, beforeMs, limit);
      if (!tokens.ok) return tokens;
      const denials = await pruneDenials(transaction, beforeMs, limit);
      if (!denials.ok) return denials;
      const requests = await pruneRequests(transaction, beforeMs, limit);
      if (!requests.ok) return requests;
      return ok({ tokenCount: tokens.value, denialCount: denials.value, requestCount: requests.value });
    },
    within,
  );
}

/**
 * One that is the first of others stays. They are held first, and looked at again then: a token that was renewed meanwhile is the first
 * one of another now.
 */
async function pruneTokens({ schema, rows }: Transaction, beforeMs: number, limit: number): Counted {
  const isFree = `not exists (select from ${schema}.tokens later where later.root_jti = t.jti and later.jti <> t.jti)`;
  const over = await rows(
    "hold-tokens-over",
    `select jti from ${schema}.tokens t where expires_ms < $1 and ${isFree}
      order by expires_ms limit $2 for update skip locked`,
    [beforeMs, limit],
  );
  if (!over.ok) return over;
  const jtis = over.value.map((row) => textIn(row, "jti"));
  const text = `delete from ${schema}.tokens t where jti = any($1::text[]) and ${isFree} returning jti`;
  const removed = await rows("prune-tokens", text, [jtis]);
  return removed.ok ? ok(removed.value.length) : removed;
}

/** A denial has the name of the first token of an exchange, which goes last, or one that nobody knew. */
async function pruneDenials({ schema, rows }: Transaction, beforeMs: number, limit: number): Counted {
  const removed = await rows(
    "prune-denials",
    `delete from ${schema}.denied_tokens where jti in (
        select d.jti from ${schema}.denied_tokens d where d.at_ms < $1
          and not exists (select from ${schema}.tokens where jti = d.jti)
        limit $2)
      returning jti`,
    [beforeMs, limit],
  );
  return removed.ok ? ok(removed.value.length) : removed;
}

/** Key by key, because a key that has ended may have left few of many. */
async function pruneRequests({ schema, rows }: Transaction, beforeMs: number, limit: number): Counted {
  const removed = await rows(
    "prune-requests",
    `with ended as (
        select r.fingerprint, r.nonce from ${schema}.keys k cross join lateral (
          select fingerprint, nonce from ${schema}.requests
          where fingerprint = k.fingerprint and at_ms < $1 limit $2) r
        where k.ended_ms < $1 limit $2)
      delete from ${schema}.requests r using ended
        where r.fingerprint = ended.fingerprint and r.nonce = ended.nonce
        returning r.nonce`,
    [beforeMs, limit],
  );
  return removed.ok ? ok(removed.value.length) : removed;
}

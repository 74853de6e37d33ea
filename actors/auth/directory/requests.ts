/**
 * Requests that count once: each is recorded with what came of it, and never changed.
 *
 * That is for ever, where its key may act. So none takes more than some hundred bytes: not what was signed, but a digest of it.
 */
import type { DirectoryFailure, KeyFacts, SignedRequest, Spent } from "#actors/auth/directory/directory.ts";
import { holdKey, type Outcome } from "#actors/auth/directory/held-key.ts";
import { type Tables, type Transaction, transact } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

export function spend(
  tables: Tables,
  request: SignedRequest,
  within: Within,
): Promise<Result<Spent, DirectoryFailure>> {
  return transact<Spent>(
    tables,
    async (transaction) => {
      const held = await holdKey(transaction, request.fingerprint, request);
      if (!held.ok) return held;
      if (held.value === undefined) return ok({ kind: "unknown-key" });
      const { earlier, ...key } = held.value;
      if (earlier === "replay") return ok({ kind: "replay" });
      if (earlier !== undefined) return ok({ kind: "spent", key, isRedelivery: true });
      const recorded = await record(transaction, key, request, { kind: "spent" });
      return recorded.ok ? ok({ kind: "spent", key, isRedelivery: false }) : recorded;
    },
    within,
  );
}

/** `key` is held, and of this request it is known that it was not recorded before. */
export async function record(
  { schema, limits, rows }: Transaction,
  { status }: Pick<KeyFacts, "status">,
  { fingerprint, nonce, operation, entry, payloadDigest, signature, atMs }: SignedRequest,
  { kind, reason, jti }: Outcome,
): Promise<Result<void, SqlFailure>> {
  const recorded = await rows(
    "record-request",
    `insert into ${schema}.requests (
        fingerprint, nonce, operation, entry, payload_sha256, signature, at_ms, outcome, reason, jti)
      select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
      where $11 or (
        select count(*) from (select from ${schema}.requests where fingerprint = $1 limit $12) as kept) < $12`,
    [
      fingerprint,
      nonce,
      operation,
      entry,
      payloadDigest,
      signature,
      atMs,
      kind,
      reason ?? null,
      jti ?? null,
      status === "approved",
      limits.requestsUnapprovedMax,
    ],
  );
  return recorded.ok ? ok() : recorded;
}

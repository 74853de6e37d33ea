/** Requests that count once: each is recorded with what came of it, and never changed. */
import type { DirectoryFailure, KeyFacts, SignedRequest, Spent } from "#actors/auth/directory/directory.ts";
import { holdKey } from "#actors/auth/directory/held-key.ts";
import { type Tables, type Transaction, transact } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

/** A word for what came of a request, and another for why; for people. */
export interface Outcome {
  readonly kind: string;
  readonly reason?: string | undefined;
}

export function spend(
  tables: Tables,
  request: SignedRequest,
  within: Within,
): Promise<Result<Spent, DirectoryFailure>> {
  return transact<Spent>(
    tables,
    async (transaction) => {
      const held = await holdKey(transaction, request.fingerprint, request.nonce);
      if (!held.ok) return held;
      if (held.value === undefined) return ok({ kind: "unknown-key" });
      const { isReplay, ...key } = held.value;
      if (isReplay) return ok({ kind: "replay" });
      const recorded = await record(transaction, key, request, { kind: "spent" });
      return recorded.ok ? ok({ kind: "fresh", key }) : recorded;
    },
    within,
  );
}

/** `key` is held, and of this request it is known that it was not recorded before. */
export async function record(
  { schema, limits, rows }: Transaction,
  { status }: Pick<KeyFacts, "status">,
  { fingerprint, nonce, operation, payload, signature, atMs }: SignedRequest,
  { kind, reason = undefined }: Outcome,
): Promise<Result<void, SqlFailure>> {
  const recorded = await rows(
    "record-request",
    `insert into ${schema}.requests (fingerprint, nonce, operation, payload, signature, at_ms, outcome, reason)
      select $1, $2, $3, $4, $5, $6, $7, $8
      where $9 or (
        select count(*) from (select from ${schema}.requests where fingerprint = $1 limit $10) as kept) < $10`,
    [
      fingerprint,
      nonce,
      operation,
      payload,
      signature,
      atMs,
      kind,
      reason ?? null,
      status === "approved",
      limits.requestsUnapprovedMax,
    ],
  );
  return recorded.ok ? ok() : recorded;
}

/**
 * A key that is held: until the transaction ends nobody else decides about it, its producer, or any other key and token of that.
 *
 * It is the producer's row that is held, by every operation before it looks. Which one that is never changes for a key, nor for
 * a token, so it may be looked up before. What is decided on is read by a statement of its own, because each one sees what was
 * there when it began: the one that waits for the row begins before the wait.
 */
import { statusIn } from "#actors/auth/directory/columns.ts";
import type { Fingerprint, KeyFacts, SignedRequest } from "#actors/auth/directory/directory.ts";
import type { Transaction } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { flagIn, maybeTextIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure, SqlRow } from "#runtime/sql/sql.ts";

export interface HeldKey extends KeyFacts {
  /** What is recorded under the nonce of the request that was asked with; undefined where nothing is. */
  readonly earlier: Earlier | undefined;
}

/** That request, delivered again, with what came of it; or another one. */
export type Earlier = "replay" | Outcome;

/** A word for what came of a request, and another for why. */
export interface Outcome {
  readonly kind: string;
  readonly reason?: string | undefined;
  /** Of the first token that it came to. */
  readonly jti?: string | undefined;
}

/** Undefined where there is none, and then nothing is held. */
export async function holdKey(
  transaction: Transaction,
  fingerprint: Fingerprint,
  request?: SignedRequest,
): Promise<Result<HeldKey | undefined, SqlFailure>> {
  const { schema } = transaction;
  const held = await transaction.rows(
    "hold-key",
    `select producer_id, disabled_ms is not null as is_disabled from ${schema}.producers
      where producer_id = (select producer_id from ${schema}.keys where fingerprint = $1)
      for no key update`,
    [fingerprint],
  );
  if (!held.ok) return held;
  const [producer] = held.value;
  if (producer === undefined) return ok(undefined);

  const read = await transaction.rows(
    "held-key",
    `select k.status, r.nonce is not null as is_known, r.outcome, r.reason, r.jti,
        coalesce(r.entry = $3 and r.operation = $4 and r.signature = $5, false) as is_same
      from ${schema}.keys k left join ${schema}.requests r on r.fingerprint = k.fingerprint and r.nonce = $2
      where k.fingerprint = $1`,
    [
      fingerprint,
      request?.nonce ?? null,
      request?.entry ?? null,
      request?.operation ?? null,
      request?.signature ?? null,
    ],
  );
  if (!read.ok) return read;
  const [key] = read.value;
  return ok({
    fingerprint,
    producerId: textIn(producer, "producer_id"),
    isDisabled: flagIn(producer, "is_disabled"),
    status: statusIn(key),
    earlier: earlierIn(key),
  });
}

function earlierIn(row: SqlRow | undefined): Earlier | undefined {
  if (row === undefined || !flagIn(row, "is_known")) return undefined;
  if (!flagIn(row, "is_same")) return "replay";
  return { kind: textIn(row, "outcome"), reason: maybeTextIn(row, "reason"), jti: maybeTextIn(row, "jti") };
}

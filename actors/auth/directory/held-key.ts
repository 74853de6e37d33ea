/**
 * A key that is held: until the transaction ends nobody else decides about it, its producer, or any other key and token of that.
 *
 * It is the producer's row that is held, by every operation before it looks. Which one that is never changes for a key, nor for
 * a token, so it may be looked up before. What is decided on is read by a statement of its own, because each one sees what was
 * there when it began: the one that waits for the row begins before the wait.
 */
import { flagIn, statusIn, textIn } from "#actors/auth/directory/columns.ts";
import type { Fingerprint, KeyFacts } from "#actors/auth/directory/directory.ts";
import type { Transaction } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

export interface HeldKey extends KeyFacts {
  /** A request of it with the nonce that was asked for was recorded before. */
  readonly isReplay: boolean;
}

/** Undefined where there is none, and then nothing is held. */
export async function holdKey(
  transaction: Transaction,
  fingerprint: Fingerprint,
  nonce?: string,
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
    `select status,
        exists (select from ${schema}.requests where fingerprint = $1 and nonce = $2) as is_replay
      from ${schema}.keys where fingerprint = $1`,
    [fingerprint, nonce ?? null],
  );
  if (!read.ok) return read;
  const [key] = read.value;
  return ok({
    fingerprint,
    producerId: textIn(producer, "producer_id"),
    isDisabled: flagIn(producer, "is_disabled"),
    status: statusIn(key),
    isReplay: flagIn(key, "is_replay"),
  });
}

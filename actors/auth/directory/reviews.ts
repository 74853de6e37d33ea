/** What people decide about keys. Who decided what stays recorded, also where another decision came after it. */
import { addChanges } from "#actors/auth/directory/changes.ts";
import { isRotation, typeIn } from "#actors/auth/directory/columns.ts";
import type { Approved, Denied, DirectoryFailure, Review } from "#actors/auth/directory/directory.ts";
import { type HeldKey, holdKey } from "#actors/auth/directory/held-key.ts";
import { type Tables, type Transaction, transact } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

export function approve(tables: Tables, review: Review, within: Within): Promise<Result<Approved, DirectoryFailure>> {
  const { fingerprint } = review;
  return transact<Approved>(
    tables,
    async (transaction) => {
      const held = await holdKey(transaction, fingerprint);
      if (!held.ok) return held;
      const key = held.value;
      if (key === undefined) return ok({ kind: "not-found" });
      if (key.producerId !== review.producerId) return ok({ kind: "wrong-producer" });
      const looked = await lookAt(transaction, fingerprint);
      if (!looked.ok) return looked;
      const approval: Approved = { ...looked.value, wasApproved: key.status === "approved" };
      // That was answered before, perhaps to nobody. Nothing is decided, so nothing is recorded.
      if (key.status === "approved") return ok(approval);
      if (key.status !== "pending") return ok({ kind: "not-pending" });
      if (approval.type === "key_rotation" && !review.mayRotate) return ok({ kind: "rotation" });

      // First: there is never more than one.
      const superseded = await supersede(transaction, key, review.atMs);
      if (!superseded.ok) return superseded;
      const text = `update ${transaction.schema}.keys set status = 'approved', approved_ms = $2 where fingerprint = $1`;
      const approved = await transaction.rows("approve-key", text, [fingerprint, review.atMs]);
      if (!approved.ok) return approved;
      const recorded = await record(transaction, review, "approved", [fingerprint, ...superseded.value]);
      return recorded.ok ? ok(approval) : recorded;
    },
    within,
  );
}

export function deny(tables: Tables, review: Review, within: Within): Promise<Result<Denied, DirectoryFailure>> {
  const { fingerprint } = review;
  return transact<Denied>(
    tables,
    async (transaction) => {
      const held = await holdKey(transaction, fingerprint);
      if (!held.ok) return held;
      const key = held.value;
      if (key === undefined) return ok({ kind: "not-found" });
      if (key.producerId !== review.producerId) return ok({ kind: "wrong-producer" });

      const text = `update ${transaction.schema}.keys
        set status = 'revoked', ended_ms = coalesce(ended_ms, $2) where fingerprint = $1 returning nonce`;
      const denied = await transaction.rows("deny-key", text, [fingerprint, review.atMs]);
      if (!denied.ok) return denied;
      const recorded = await record(transaction, review, "denied", key.status === "revoked" ? [] : [fingerprint]);
      return recorded.ok ? ok({ kind: "denied", nonce: textIn(denied.value[0], "nonce") }) : recorded;
    },
    within,
  );
}

/** What an approval of this key is answered with. */
async function lookAt(
  { schema, rows }: Transaction,
  fingerprint: string,
): Promise<Result<Omit<Extract<Approved, { kind: "approved" }>, "wasApproved">, SqlFailure>> {
  const found = await rows(
    "look-at-key",
    `select nonce, ${isRotation(schema)} as is_rotation from ${schema}.keys k where fingerprint = $1`,
    [fingerprint],
  );
  if (!found.ok) return found;
  const [row] = found.value;
  return ok({ kind: "approved", type: typeIn(row), nonce: textIn(row, "nonce") });
}

/** The key that the producer had, if it had one, ends with this one's approval. Answers with it. */
async function supersede(
  { schema, rows }: Transaction,
  { fingerprint, producerId }: HeldKey,
  atMs: number,
): Promise<Result<readonly string[], SqlFailure>> {
  const superseded = await rows(
    "supersede-key",
    `update ${schema}.keys set status = 'superseded', ended_ms = $3, superseded_by = $1
      where producer_id = $2 and status = 'approved' returning fingerprint`,
    [fingerprint, producerId, atMs],
  );
  return superseded.ok ? ok(superseded.value.map((row) => textIn(row, "fingerprint"))) : superseded;
}

/** `changed`: keys that are not what they were. */
async function record(
  transaction: Transaction,
  { fingerprint, reviewer, notes, atMs }: Review,
  verdict: "approved" | "denied",
  changed: readonly string[],
): Promise<Result<void, SqlFailure>> {
  const recorded = await transaction.rows(
    "record-review",
    `insert into ${transaction.schema}.reviews (fingerprint, verdict, reviewer, notes, at_ms)
      values ($1, $2, $3, $4, $5)`,
    [fingerprint, verdict, reviewer, notes ?? null, atMs],
  );
  if (!recorded.ok || changed.length === 0) return recorded.ok ? ok() : recorded;
  return addChanges(
    transaction,
    changed.map((id) => ({ kind: "key", id })),
  );
}

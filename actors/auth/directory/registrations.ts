/** Producers and keys come, and producers leave and come back: the five cases of seed 004. */
import { addChanges } from "#actors/auth/directory/changes.ts";
import type {
  Deregistered,
  DirectoryFailure,
  Registered,
  Registration,
  SignedRequest,
} from "#actors/auth/directory/directory.ts";
import { type HeldKey, holdKey } from "#actors/auth/directory/held-key.ts";
import { holdComing, registerNew } from "#actors/auth/directory/new-keys.ts";
import { deregisteredAs, outcomeOf, registeredAs } from "#actors/auth/directory/outcomes.ts";
import { record } from "#actors/auth/directory/requests.ts";
import { type Tables, type Transaction, transact } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

export function register(
  tables: Tables,
  registration: Registration,
  within: Within,
): Promise<Result<Registered, DirectoryFailure>> {
  const { request } = registration;
  const { fingerprint } = request;
  return transact<Registered>(
    tables,
    async (transaction) => {
      const known = await holdKey(transaction, fingerprint, request);
      if (!known.ok) return known;
      if (known.value !== undefined) return registerKnown(transaction, known.value, registration);

      const coming = await holdComing(transaction);
      if (!coming.ok) return coming;
      // It may have come while this one waited.
      const come = await holdKey(transaction, fingerprint, request);
      if (!come.ok) return come;
      if (come.value !== undefined) return registerKnown(transaction, come.value, registration);
      return registerNew(transaction, registration);
    },
    within,
  );
}

/** Only an approved key may take its producer away. */
export function deregister(
  tables: Tables,
  request: SignedRequest,
  within: Within,
): Promise<Result<Deregistered, DirectoryFailure>> {
  return transact<Deregistered>(
    tables,
    async (transaction) => {
      const held = await holdKey(transaction, request.fingerprint, request);
      if (!held.ok) return held;
      const key = held.value;
      if (key === undefined) return ok({ kind: "denied", reason: "unknown_key" });
      const { earlier, status, producerId } = key;
      if (earlier === "replay") return ok({ kind: "replay" });
      if (earlier !== undefined) return ok(deregisteredAs(earlier, producerId));
      const answer: Deregistered =
        status === "approved" ? { kind: "deregistered", producerId } : { kind: "denied", reason: status };

      const recorded = await record(transaction, key, request, outcomeOf(answer));
      if (!recorded.ok) return recorded;
      const isLeaving = status === "approved" && !key.isDisabled;
      const disabled = isLeaving ? await setDisabled(transaction, key, request.atMs) : ok();
      return disabled.ok ? ok(answer) : disabled;
    },
    within,
  );
}

/** Cases 3, 4 and 5. */
async function registerKnown(
  transaction: Transaction,
  key: HeldKey,
  registration: Registration,
): Promise<Result<Registered, SqlFailure>> {
  const { earlier, producerId } = key;
  if (earlier === "replay") return ok({ kind: "replay" });
  if (earlier !== undefined) return ok(registeredAs(earlier, producerId));
  const answer = answerTo(key, registration);
  const noted = await note(transaction, registration);
  if (!noted.ok) return noted;
  const recorded = await record(transaction, key, registration.request, outcomeOf(answer));
  if (!recorded.ok) return recorded;
  const isReturning = answer.kind === "approved" && answer.wasDisabled;
  const enabled = isReturning ? await setDisabled(transaction, key, null) : ok();
  return enabled.ok ? ok(answer) : enabled;
}

function answerTo({ producerId, status, isDisabled }: HeldKey, { isUnmistakable }: Registration): Registered {
  switch (status) {
    case "approved":
      return isUnmistakable
        ? { kind: "approved", producerId, wasDisabled: isDisabled }
        : { kind: "denied", producerId, reason: "ambiguous_payload" };
    case "pending":
      return { kind: "still-pending", producerId };
    default:
      return { kind: "denied", producerId, reason: status };
  }
}

/** Where its producer waits now, what else the key may be called, and who has vouched for it last. */
async function note(
  { schema, limits, rows }: Transaction,
  { request, textFingerprint, certificate }: Registration,
): Promise<Result<void, SqlFailure>> {
  const noted = await rows(
    "note-registration",
    `with waiting as (
        update ${schema}.keys set nonce = $2, certificate_id = coalesce($5, certificate_id),
          certificate_principal = coalesce($6, certificate_principal) where fingerprint = $1)
      insert into ${schema}.key_aliases (alias, fingerprint)
      select $3, $1 where (select count(*) from ${schema}.key_aliases where fingerprint = $1) < $4
      on conflict do nothing`,
    [
      request.fingerprint,
      request.nonce,
      textFingerprint,
      limits.keyAliasesMax,
      certificate?.keyId ?? null,
      certificate?.principal ?? null,
    ],
  );
  return noted.ok ? ok() : noted;
}

/** From when on; null for not any more. */
async function setDisabled(
  transaction: Transaction,
  { producerId }: HeldKey,
  disabledMs: number | null,
): Promise<Result<void, SqlFailure>> {
  const text = `update ${transaction.schema}.producers set disabled_ms = $2 where producer_id = $1`;
  const set = await transaction.rows("set-disabled", text, [producerId, disabledMs]);
  return set.ok ? addChanges(transaction, [{ kind: "producer", id: producerId }]) : set;
}

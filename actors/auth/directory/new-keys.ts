/**
 * Keys that nobody knows yet come one at a time: whoever brings one holds their counter. So no key comes twice, and those that
 * wait for a review can be counted.
 */
import type { ProducerId, Registered, Registration } from "#actors/auth/directory/directory.ts";
import { legible } from "#actors/auth/directory/legible.ts";
import { outcomeOf } from "#actors/auth/directory/outcomes.ts";
import { record } from "#actors/auth/directory/requests.ts";
import type { Transaction } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { flagIn, numberIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

/** As producers are told theirs. Postgres would take other spellings, and refuse a statement with what is none. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** No other new key comes until the transaction ends. */
export async function holdComing({ schema, rows }: Transaction): Promise<Result<void, SqlFailure>> {
  const text = `select from ${schema}.counters where name = 'keys' for no key update`;
  const held = await rows("hold-coming", text, []);
  return held.ok ? ok() : held;
}

/** Cases 1 and 2. Of what is refused nothing is kept, not even the request: its key is none of ours. */
export async function registerNew(
  transaction: Transaction,
  registration: Registration,
): Promise<Result<Registered, SqlFailure>> {
  const { request, producerId: wanted, pendingMax } = registration;
  const refused =
    wanted === undefined ? await refuseProducer(transaction, pendingMax) : await refuseRotation(transaction, wanted);
  if (!refused.ok) return refused;
  if (refused.value !== undefined) return ok(refused.value);

  const owner = wanted === undefined ? await addProducer(transaction, registration) : ok(wanted);
  if (!owner.ok) return owner;
  const added = await addKey(transaction, owner.value, registration);
  if (!added.ok) return added;
  const answer: Registered = { kind: "pending", producerId: owner.value };
  const recorded = await record(transaction, { status: "pending" }, request, outcomeOf(answer));
  return recorded.ok ? ok(answer) : recorded;
}

/** Why there is to be no further producer. */
async function refuseProducer(
  { schema, rows }: Transaction,
  pendingMax: number,
): Promise<Result<Registered | undefined, SqlFailure>> {
  const waiting = await rows(
    "waiting-producers",
    `select count(distinct producer_id) as count from ${schema}.keys waiting
      where status = 'pending' and not exists (
        select from ${schema}.keys where producer_id = waiting.producer_id and status = 'approved')`,
    [],
  );
  if (!waiting.ok) return waiting;
  return ok(numberIn(waiting.value[0], "count") < pendingMax ? undefined : { kind: "full" });
}

/** Why there is to be no further key of this producer, who is held from here on. */
async function refuseRotation(
  { schema, limits, rows }: Transaction,
  producerId: string,
): Promise<Result<Registered | undefined, SqlFailure>> {
  const notFound = { kind: "denied", producerId: undefined, reason: "producer_not_found" } as const;
  if (!UUID.test(producerId)) return ok(notFound);
  const text = `select from ${schema}.producers where producer_id = $1 for no key update`;
  const held = await rows("hold-producer", text, [producerId]);
  if (!held.ok) return held;
  if (held.value.length === 0) return ok(notFound);

  const keys = await rows(
    "keys-of-producer",
    `select exists (select from ${schema}.keys where producer_id = $1 and status = 'approved') as is_approved,
        (select count(*) from ${schema}.keys where producer_id = $1 and status = 'pending') as pending_count`,
    [producerId],
  );
  if (!keys.ok) return keys;
  const [row] = keys.value;
  if (!flagIn(row, "is_approved")) return ok({ ...notFound, reason: "producer_not_approved" });
  return ok(numberIn(row, "pending_count") < limits.rotationsPendingMax ? undefined : { kind: "full" });
}

async function addProducer(
  { schema, rows }: Transaction,
  { request, hint, contact, meta }: Registration,
): Promise<Result<ProducerId, SqlFailure>> {
  // Inside of what is written as JSON nobody sees to it any more.
  const said = Object.fromEntries(Object.entries(meta).map((entry) => entry.map(legible)));
  const added = await rows(
    "add-producer",
    `insert into ${schema}.producers (hint, contact, meta, created_ms) values ($1, $2, $3, $4) returning producer_id`,
    [hint ?? null, contact ?? null, JSON.stringify(said), request.atMs],
  );
  return added.ok ? ok(textIn(added.value[0], "producer_id")) : added;
}

async function addKey(
  { schema, rows }: Transaction,
  producerId: ProducerId,
  { request, keyLine, textFingerprint, certificate }: Registration,
): Promise<Result<void, SqlFailure>> {
  const added = await rows(
    "add-key",
    `with counted as (update ${schema}.counters set value = value + 1 where name = 'keys' returning value),
        added as (
          insert into ${schema}.keys (
            fingerprint, number, producer_id, key_line, nonce, status, created_ms, certificate_id, certificate_principal)
          select $1, value, $2, $3, $4, 'pending', $5, $7, $8 from counted)
      insert into ${schema}.key_aliases (alias, fingerprint) values ($6, $1) on conflict do nothing`,
    [
      request.fingerprint,
      producerId,
      keyLine,
      request.nonce,
      request.atMs,
      textFingerprint,
      certificate?.keyId ?? null,
      certificate?.principal ?? null,
    ],
  );
  return added.ok ? ok() : added;
}

/** Keys as people look at them: one by any of its names, or page by page. */
import { isRotation, statusIn, typeIn } from "#actors/auth/directory/columns.ts";
import type { DirectoryFailure, KeyFacts, KeyFilter, KeyRow, ProducerId } from "#actors/auth/directory/directory.ts";
import { read, type Tables } from "#actors/auth/directory/transaction.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { flagIn, maybeTextIn, numberIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlRow } from "#runtime/sql/sql.ts";
import { second } from "#runtime/units.ts";

const CONDITION: Readonly<Record<KeyFilter, string>> = {
  pending: "k.status = 'pending'",
  all: "true",
  active: "k.status = 'approved' and p.disabled_ms is null",
  registered: "k.status in ('approved', 'superseded')",
};

export async function hasProducer(
  tables: Tables,
  producerId: ProducerId,
  within: Within,
): Promise<Result<boolean, DirectoryFailure>> {
  const text = `select from ${tables.schema}.producers where producer_id = $1`;
  const found = await read(tables, "has-producer", text, [producerId], within);
  return found.ok ? ok(found.value.length > 0) : found;
}

/** A fingerprint is nobody's alias: it is looked for first. */
export async function keyOf(
  tables: Tables,
  name: string,
  within: Within,
): Promise<Result<KeyFacts | undefined, DirectoryFailure>> {
  const { schema } = tables;
  const found = await read(
    tables,
    "key-of",
    `select k.fingerprint, k.producer_id, k.status, p.disabled_ms is not null as is_disabled
      from ${schema}.keys k join ${schema}.producers p using (producer_id)
      where k.fingerprint = coalesce(
        (select fingerprint from ${schema}.keys where fingerprint = $1),
        (select fingerprint from ${schema}.key_aliases where alias = $1))`,
    [name],
    within,
  );
  if (!found.ok) return found;
  const [row] = found.value;
  return ok(row === undefined ? undefined : factsIn(row));
}

export async function list(
  tables: Tables,
  filter: KeyFilter,
  limit: number,
  before: number | undefined,
  within: Within,
): Promise<Result<readonly KeyRow[], DirectoryFailure>> {
  const { schema, limits } = tables;
  assert(Number.isInteger(limit) && limit >= 1 && limit <= limits.keysListedMax, "a page of keys has a length");
  const found = await read(
    tables,
    `list-${filter}`,
    `select k.fingerprint, k.number, k.producer_id, k.status, k.created_ms, p.hint, p.contact,
        k.certificate_id, k.certificate_principal, ${isRotation(schema)} as is_rotation,
        case when k.status = 'pending' then (
          select fingerprint from ${schema}.keys where producer_id = k.producer_id and status = 'approved') end as supersedes,
        p.disabled_ms is not null as is_disabled, t.jti, t.expires_ms,
        exists (select from ${schema}.denied_tokens d where d.jti in (t.jti, t.root_jti)) as is_denied
      from ${schema}.keys k
      join ${schema}.producers p using (producer_id)
      left join lateral (
        select jti, root_jti, expires_ms from ${schema}.tokens
        where fingerprint = k.fingerprint order by number desc limit 1) t on true
      where ${CONDITION[filter]} and k.number < $1
      order by k.number desc limit $2`,
    [before ?? Number.MAX_SAFE_INTEGER, limit],
    within,
  );
  return found.ok ? ok(found.value.map(keyIn)) : found;
}

function factsIn(row: SqlRow): KeyFacts {
  return {
    fingerprint: textIn(row, "fingerprint"),
    producerId: textIn(row, "producer_id"),
    status: statusIn(row),
    isDisabled: flagIn(row, "is_disabled"),
  };
}

function keyIn(row: SqlRow): KeyRow {
  const facts = factsIn(row);
  return {
    ...facts,
    number: numberIn(row, "number"),
    type: typeIn(row),
    supersedes: maybeTextIn(row, "supersedes"),
    certificate: certificateIn(row),
    hint: maybeTextIn(row, "hint"),
    contact: maybeTextIn(row, "contact"),
    createdMs: numberIn(row, "created_ms"),
    token: tokenIn(row, facts),
  };
}

function certificateIn(row: SqlRow): KeyRow["certificate"] {
  const keyId = maybeTextIn(row, "certificate_id");
  return keyId === undefined ? undefined : { keyId, principal: textIn(row, "certificate_principal") };
}

function tokenIn(row: SqlRow, { status }: KeyFacts): KeyRow["token"] {
  const jti = maybeTextIn(row, "jti");
  if (jti === undefined) return undefined;
  const isRevoked = flagIn(row, "is_denied") || status !== "approved";
  return { jti, expiresAt: numberIn(row, "expires_ms") / second, isRevoked };
}

/**
 * Tokens are given for a key, renewed, looked up and denied.
 *
 * A token that was renewed and those that came of it are denied as one, under the name of the first, which an exchange gave. So
 * are those that an exchange gave when it was delivered again.
 */
import { addChanges } from "#actors/auth/directory/changes.ts";
import type {
  DirectoryFailure,
  Fingerprint,
  Issued,
  NewToken,
  Renewed,
  SignedRequest,
  TokenDenial,
  TokenFacts,
  TokenGrant,
} from "#actors/auth/directory/directory.ts";
import { type HeldKey, holdKey } from "#actors/auth/directory/held-key.ts";
import { issuedAs, outcomeOf } from "#actors/auth/directory/outcomes.ts";
import { record } from "#actors/auth/directory/requests.ts";
import { read, type Tables, type Transaction, transact } from "#actors/auth/directory/transaction.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { flagIn, maybeTextIn, numberIn, textIn } from "#runtime/sql/columns.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";
import { second } from "#runtime/units.ts";

/** What a token has from where it came from. */
interface Origin {
  readonly fingerprint: Fingerprint;
  readonly subjectId: string | undefined;
  readonly rootJti: string;
}

interface Given extends Origin {
  /** When the first one was. */
  readonly exchangedMs: number;
}

export function issue(
  tables: Tables,
  grant: TokenGrant,
  request: SignedRequest | undefined,
  within: Within,
): Promise<Result<Issued, DirectoryFailure>> {
  const { fingerprint, subjectId } = grant;
  assert(request === undefined || request.fingerprint === fingerprint, "a token is for the key that asks for it");
  return transact<Issued>(
    tables,
    async (transaction) => {
      const held = await holdKey(transaction, fingerprint, request);
      if (!held.ok) return held;
      const key = held.value;
      if (key === undefined) return ok({ kind: "refused", reason: "unknown_key" });
      const { earlier } = key;
      if (earlier === "replay") return ok({ kind: "replay" });
      const before = earlier === undefined ? undefined : issuedAs(earlier);
      if (before?.kind === "refused") return ok(before);

      const { jti } = grant;
      const rootJti = earlier?.jti ?? jti;
      const answer = answerTo(key, grant);
      if (answer.kind === "issued") {
        const refused = rootJti === jti ? ok(undefined) : await whyNoOther(transaction, rootJti);
        if (!refused.ok) return refused;
        if (refused.value !== undefined) return ok(refused.value);
        const added = await add(transaction, grant, { fingerprint, subjectId, rootJti });
        if (!added.ok) return added;
      }
      if (request === undefined || before !== undefined) return ok(answer);
      const outcome = answer.kind === "issued" ? { ...outcomeOf(answer), jti } : outcomeOf(answer);
      const recorded = await record(transaction, key, request, outcome);
      return recorded.ok ? ok(answer) : recorded;
    },
    within,
  );
}

export function renew(
  tables: Tables,
  jti: string,
  token: NewToken,
  since: number,
  within: Within,
): Promise<Result<Renewed, DirectoryFailure>> {
  return transact<Renewed>(
    tables,
    async (transaction) => {
      const origin = await originOf(transaction, jti);
      if (!origin.ok) return origin;
      if (origin.value === undefined) return ok({ kind: "refused", reason: "unknown_token" });
      const { fingerprint, subjectId } = origin.value;
      const held = await holdKey(transaction, fingerprint);
      if (!held.ok) return held;
      const key = held.value;
      assert(key !== undefined, "a token has a key");
      if (key.status !== "approved") return ok({ kind: "refused", reason: "key_not_approved" });
      if (key.isDisabled) return ok({ kind: "refused", reason: "producer_disabled" });
      const denied = await isDenied(transaction, [jti, origin.value.rootJti]);
      if (!denied.ok) return denied;
      if (denied.value) return ok({ kind: "refused", reason: "token_revoked" });
      if (origin.value.exchangedMs < since * second) return ok({ kind: "refused", reason: "renewals_over" });

      const added = await add(transaction, token, origin.value);
      if (!added.ok) return added;
      return ok({ kind: "renewed", producerId: key.producerId, subjectId, fingerprint });
    },
    within,
  );
}

export async function tokens(
  tables: Tables,
  jtis: readonly string[],
  within: Within,
): Promise<Result<ReadonlyMap<string, TokenFacts>, DirectoryFailure>> {
  const { schema } = tables;
  const found = await read(
    tables,
    "tokens",
    `select t.jti, t.fingerprint, t.subject_id, k.producer_id,
        k.status = 'approved' as is_key_approved,
        p.disabled_ms is not null as is_disabled,
        exists (select from ${schema}.denied_tokens d where d.jti in (t.jti, t.root_jti)) as is_denied
      from ${schema}.tokens t
      join ${schema}.keys k using (fingerprint)
      join ${schema}.producers p using (producer_id)
      where t.jti = any($1::text[])`,
    [jtis],
    within,
  );
  if (!found.ok) return found;
  return ok(
    new Map(
      found.value.map((row) => {
        const isKeyApproved = flagIn(row, "is_key_approved");
        const facts: TokenFacts = {
          producerId: textIn(row, "producer_id"),
          fingerprint: textIn(row, "fingerprint"),
          subjectId: maybeTextIn(row, "subject_id"),
          isRevoked: flagIn(row, "is_denied") || !isKeyApproved,
          isKeyApproved,
          isDisabled: flagIn(row, "is_disabled"),
        };
        return [textIn(row, "jti"), facts];
      }),
    ),
  );
}

/**
 * The change is one of its key: which tokens have come of one and the same exchange only this database knows. A token that is
 * being given in this moment is one that nobody knows.
 */
export function revokeToken(
  tables: Tables,
  { jti, isSigned, reason, atMs }: TokenDenial,
  within: Within,
): Promise<Result<boolean, DirectoryFailure>> {
  return transact<boolean>(
    tables,
    async (transaction) => {
      const origin = await originOf(transaction, jti);
      if (!origin.ok) return origin;
      if (origin.value === undefined && !isSigned) return await isDenied(transaction, [jti]);
      const { fingerprint, rootJti = jti } = origin.value ?? {};
      if (fingerprint !== undefined) {
        const held = await holdKey(transaction, fingerprint);
        if (!held.ok) return held;
      }
      const { schema } = transaction;
      const denied = await transaction.rows(
        "deny-token",
        `insert into ${schema}.denied_tokens (jti, reason, at_ms) values ($1, $2, $3) on conflict do nothing returning jti`,
        [rootJti, reason, atMs],
      );
      if (!denied.ok) return denied;
      if (denied.value.length === 0) return ok(true);
      const changed = await addChanges(transaction, [
        fingerprint === undefined ? { kind: "token", id: jti } : { kind: "key", id: fingerprint },
      ]);
      return changed.ok ? ok(true) : changed;
    },
    within,
  );
}

function answerTo({ status, producerId, isDisabled }: HeldKey, grant: TokenGrant): Exclude<Issued, { kind: "replay" }> {
  if (status !== "approved") return { kind: "refused", reason: "key_not_approved" };
  if (producerId !== grant.producerId) return { kind: "refused", reason: "wrong_producer" };
  if (isDisabled) return { kind: "refused", reason: "producer_disabled" };
  return { kind: "issued" };
}

/** Why an exchange that came to this token first is not given another one. What is known of no more could not be ended by it. */
async function whyNoOther(
  transaction: Transaction,
  rootJti: string,
): Promise<Result<Extract<Issued, { kind: "refused" }> | undefined, SqlFailure>> {
  const origin = await originOf(transaction, rootJti);
  if (!origin.ok) return origin;
  if (origin.value === undefined) return ok({ kind: "refused", reason: "unknown_token" });
  const denied = await isDenied(transaction, [rootJti]);
  if (!denied.ok) return denied;
  return ok(denied.value ? { kind: "refused", reason: "token_revoked" } : undefined);
}

/** It never changes; held, it is not pruned until the transaction ends, and neither is the first one of its exchange. */
async function originOf({ schema, rows }: Transaction, jti: string): Promise<Result<Given | undefined, SqlFailure>> {
  const text = `select fingerprint, subject_id, root_jti,
      (select issued_ms from ${schema}.tokens first where first.jti = t.root_jti) as exchanged_ms
    from ${schema}.tokens t where jti = $1 for key share`;
  const found = await rows("origin-of-token", text, [jti]);
  if (!found.ok) return found;
  const [row] = found.value;
  if (row === undefined) return ok(undefined);
  const subjectId = maybeTextIn(row, "subject_id");
  const exchangedMs = numberIn(row, "exchanged_ms");
  return ok({ fingerprint: textIn(row, "fingerprint"), subjectId, rootJti: textIn(row, "root_jti"), exchangedMs });
}

async function isDenied({ schema, rows }: Transaction, jtis: readonly string[]): Promise<Result<boolean, SqlFailure>> {
  const text = `select from ${schema}.denied_tokens where jti = any($1::text[])`;
  const found = await rows("are-denied", text, [jtis]);
  return found.ok ? ok(found.value.length > 0) : found;
}

async function add(
  { schema, rows }: Transaction,
  { jti, issuedAt, expiresAt }: NewToken,
  { fingerprint, subjectId, rootJti }: Origin,
): Promise<Result<void, SqlFailure>> {
  const added = await rows(
    "add-token",
    `insert into ${schema}.tokens (jti, root_jti, fingerprint, subject_id, issued_ms, expires_ms)
      values ($1, $2, $3, $4, $5, $6)`,
    [jti, rootJti, fingerprint, subjectId ?? null, issuedAt * second, expiresAt * second],
  );
  return added.ok ? ok() : added;
}

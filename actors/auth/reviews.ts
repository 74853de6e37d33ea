/** What people decide: about keys that wait, and about keys and tokens that are to count no longer. */
import { registerAnswers } from "#actors/auth/answer-streams.ts";
import type { Approved, Denied, Directory, Review } from "#actors/auth/directory/directory.ts";
import { type Issuer, TOKEN_MS } from "#actors/auth/issuer.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type {
  AuthUnavailable,
  KeyApproval,
  KeyDecided,
  KeyReview,
  KeyRotates,
  KeyUnknown,
  Reviewed,
  Revocation,
  TokenGiven,
  TokenUnknown,
} from "#actors/auth/protocol.ts";
import { type VerifyingSeams, verifiedAnywhere } from "#actors/auth/verified.ts";
import type { Answers } from "#actors/domain/streams/answers.ts";
import type { Clock } from "#runtime/clock.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

export interface ReviewSeams {
  readonly directory: Outside<Directory>;
  readonly answers: Answers<AuthUnavailable>;
  readonly clock: Clock;
}

/**
 * What is decided is decided when it is answered, whether or not the producer could be told. Decided so again it is answered and
 * told again: of the first time nobody may have heard.
 */
export async function reviewKey(
  seams: ReviewSeams,
  { action, fingerprint: name, producerId, reviewer, notes }: KeyReview,
  within: Within,
  mayRotate = true,
): Promise<Result<Reviewed, KeyUnknown | KeyDecided | KeyRotates | AuthUnavailable>> {
  const { directory, clock } = seams;
  const key = await directory.ask(within, (target, bounded) => target.keyOf(name, bounded));
  if (!key.ok) return key;
  if (key.value === undefined) return fail({ code: "auth.key-unknown", fingerprint: name });
  const { fingerprint } = key.value;
  const review: Review = { fingerprint, producerId, reviewer, notes, atMs: Math.floor(clock.wallMs()), mayRotate };
  const decided = await directory.ask(
    within,
    (target, bounded): Promise<Result<Approved | Denied, SqlFailure>> =>
      action === "approve" ? target.approve(review, bounded) : target.deny(review, bounded),
  );
  if (!decided.ok) return decided;
  const { value } = decided;
  switch (value.kind) {
    case "approved":
      return ok({
        kind: value.kind,
        type: value.type,
        wasApproved: value.wasApproved,
        isTold: await tell(seams, review, value.nonce, "approved", within),
      });
    case "denied":
      return ok({ kind: value.kind, isTold: await tell(seams, review, value.nonce, "denied", within) });
    case "rotation":
      return fail({ code: "auth.key-rotates", fingerprint });
    case "not-pending":
      return fail({ code: "auth.key-decided", fingerprint });
    default:
      return fail({ code: "auth.key-unknown", fingerprint });
  }
}

/** It may be approved, and no token be given: asked again it is. */
export async function approveWithToken(
  seams: ReviewSeams & { readonly issuer: Issuer },
  { fingerprint: name, producerId: named, reviewer, notes, lifeMs }: KeyApproval,
  within: Within,
): Promise<Result<TokenGiven, KeyUnknown | KeyDecided | KeyRotates | AuthUnavailable>> {
  const { directory, issuer } = seams;
  const key = await directory.ask(within, (target, bounded) => target.keyOf(name, bounded));
  if (!key.ok) return key;
  if (key.value === undefined) return fail({ code: "auth.key-unknown", fingerprint: name });
  const { fingerprint, producerId } = key.value;
  const review = { action: "approve", fingerprint, producerId: named ?? producerId, reviewer, notes } as const;
  const reviewed = await reviewKey(seams, review, within, named !== undefined);
  if (!reviewed.ok) return reviewed;
  const token = issuer.next(Math.min(lifeMs, TOKEN_MS));
  const holder = { producerId, fingerprint, subjectId: undefined };
  const issued = await directory.ask(within, (target, bounded) =>
    target.issue({ ...token, ...holder }, undefined, bounded),
  );
  if (!issued.ok) return issued;
  if (issued.value.kind !== "issued") return fail({ code: "auth.key-decided", fingerprint });
  const { text, until } = await issuer.sign(token, holder);
  return ok({ producerId, token: text, jti: token.jti, until });
}

export async function revoke(
  seams: Pick<ReviewSeams, "directory" | "clock"> & VerifyingSeams,
  { what, reason, reviewer }: Revocation,
  within: Within,
): Promise<Result<void, KeyUnknown | TokenUnknown | AuthUnavailable>> {
  const { directory, clock } = seams;
  const atMs = Math.floor(clock.wallMs());
  if (what.kind === "token") {
    const { jti } = what;
    const signed = await isSigned(seams, what, within);
    if (!signed.ok) return signed;
    const denial = { jti, isSigned: signed.value, reason, atMs };
    const revoked = await directory.ask(within, (target, bounded) => target.revokeToken(denial, bounded));
    if (!revoked.ok) return revoked;
    return revoked.value ? ok() : fail({ code: "auth.token-unknown", jti });
  }
  const { fingerprint: name } = what;
  const key = await directory.ask(within, (target, bounded) => target.keyOf(name, bounded));
  if (!key.ok) return key;
  if (key.value === undefined) return fail({ code: "auth.key-unknown", fingerprint: name });
  const { fingerprint, producerId } = key.value;
  const review: Review = { fingerprint, producerId, reviewer, notes: reason, atMs, mayRotate: false };
  const denied = await directory.ask(within, (target, bounded) => target.deny(review, bounded));
  return denied.ok ? ok() : denied;
}

/** Whether it came as a token that a key of ours has signed; that one is over says nothing of those that came of it. */
async function isSigned(
  seams: VerifyingSeams,
  { jti, text }: Extract<Revocation["what"], { kind: "token" }>,
  within: Within,
): Promise<Result<boolean, AuthUnavailable>> {
  if (text === undefined) return ok(false);
  const verified = await verifiedAnywhere(seams, text, within);
  if (!verified.ok) return verified;
  const claims = verified.value.ok ? verified.value.value : verified.value.failure.claims;
  return ok(claims?.jti === jti);
}

/** Where the producer waits for the answer to its latest registration. */
async function tell(
  { answers }: ReviewSeams,
  { fingerprint, producerId, notes }: Review,
  nonce: string,
  status: "approved" | "denied",
  within: Within,
): Promise<boolean> {
  const reason = status === "denied" ? (notes ?? "revoked") : undefined;
  const fields = { fingerprint, producer_id: producerId, status, reason };
  const told = await answers.write({ stream: registerAnswers(nonce), fields }, within);
  return told.ok && told.value;
}

/** Tokens that any node on the database may have signed: also one with a key that this node has not heard of yet. */
import type { Issuer } from "#actors/auth/issuer.ts";
import type { KeyRing } from "#actors/auth/key-ring.ts";
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import type { Claims } from "#actors/domain/tokens/claims.ts";
import type { TokenRefused } from "#actors/domain/tokens/token.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export interface VerifyingSeams {
  readonly issuer: Issuer;
  readonly ring: KeyRing;
}

/** Of a key that is not known the directory is asked before the token is refused. */
export async function verifiedAnywhere(
  { issuer, ring }: VerifyingSeams,
  token: string,
  within: Within,
): Promise<Result<Result<Claims, TokenRefused>, AuthUnavailable>> {
  const verified = await issuer.verify(token);
  if (verified.ok || verified.failure.reason !== "unknown_kid") return ok(verified);
  const looked = await ring.look(within);
  return looked.ok ? ok(await issuer.verify(token)) : looked;
}

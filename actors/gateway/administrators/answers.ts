/** Keys of producers as JSON says them to administrators: the names are those that older tools know. */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { timeOf } from "#actors/gateway/desk.ts";
import type { ReplyOf } from "#runtime/protocol.ts";
import { second } from "#runtime/units.ts";

type KeyRow = ReplyOf<AuthProtocol, "listKeys">[number];

/**
 * Of one that waits. `name` is what its producer calls itself: nothing is decided by it. Whoever knows the id of a producer can bring
 * a further key of it, which is then shown by that name: what tells them apart is `type`, `supersedes` and `certificate`.
 */
export function pendingJson(row: KeyRow): Readonly<Record<string, unknown>> {
  const { fingerprint, createdMs, producerId, hint, type, supersedes, certificate } = row;
  return {
    fingerprint,
    ts: timeOf(createdMs),
    producer_id: producerId,
    name: hint ?? null,
    type,
    supersedes: supersedes ?? null,
    certificate: certificate === undefined ? null : { key_id: certificate.keyId, principal: certificate.principal },
  };
}

export function keyJson(row: KeyRow, nowMs: number): Readonly<Record<string, unknown>> {
  const { token, status, isDisabled, contact } = row;
  const given =
    token === undefined
      ? { access_token_jti: null, token_expires: null, token_status: "unknown" }
      : {
          access_token_jti: token.jti,
          token_expires: timeOf(token.expiresAt * second),
          token_status: token.isRevoked ? "revoked" : token.expiresAt * second <= nowMs ? "expired" : "active",
        };
  return {
    ...pendingJson(row),
    status,
    disabled: isDisabled,
    contact: contact ?? null,
    active_key: status === "approved" && !isDisabled,
    ...given,
  };
}

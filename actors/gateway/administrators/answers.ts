/** Keys of producers as JSON says them to administrators: the names are those that older tools know. */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { timeOf } from "#actors/gateway/desk.ts";
import type { ReplyOf } from "#runtime/protocol.ts";
import { second } from "#runtime/units.ts";

type KeyRow = ReplyOf<AuthProtocol, "listKeys">[number];

/** Of one that waits. `name` is what the producer calls itself: nothing is decided by it. */
export function pendingJson({ fingerprint, createdMs, producerId, hint }: KeyRow): Readonly<Record<string, unknown>> {
  return { fingerprint, ts: timeOf(createdMs), producer_id: producerId, name: hint ?? null };
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

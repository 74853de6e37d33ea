/**
 * From the fields of an entry to a request that may be acted on: by whoever holds the key, for what it was sent for, the first
 * time or again from the same entry, and not too often.
 */
import { createHash } from "node:crypto";
import type { Operation, SignedRequest } from "#actors/auth/directory/directory.ts";
import type { Gate, Passed } from "#actors/auth/gate.ts";
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import { isFor, type Purpose, purposeOf } from "#actors/auth/purpose.ts";
import {
  isNonce,
  type RequestRefusal,
  type RequestTerms,
  type VerifiedRequest,
  verifyRequest,
} from "#actors/auth/signed-request.ts";
import type { RequestFields } from "#actors/domain/streams/entry-fields.ts";
import type { Clock } from "#runtime/clock.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { KiB, second } from "#runtime/units.ts";

/** Bytes of what is signed for a registration or an exchange. Of a subject's there is a schema in it: `JSON_BYTES_MAX`. */
export const REQUEST_PAYLOAD_BYTES_MAX: number = 16 * KiB;

/** What is sent, and as what. */
export interface Sent {
  /** Stream and id. */
  readonly entry: string;
  readonly fields: RequestFields;
  readonly operation: Operation;
  readonly needsCertificate: boolean;
}

export type Received =
  /** By nobody in particular: a key is known only where a signature holds. */
  | { readonly kind: "unverified"; readonly reason: RequestRefusal; readonly problem: string }
  /** By the holder of the key, but not to be acted on. */
  | {
      readonly kind: "refused";
      readonly reason: "invalid_payload" | Exclude<Passed, "passed">;
      readonly problem: string;
      readonly request: SignedRequest;
    }
  | {
      readonly kind: "received";
      readonly request: SignedRequest;
      readonly verified: VerifiedRequest;
      readonly purpose: Purpose;
    };

export interface RequestSeams {
  readonly clock: Pick<Clock, "wallMs">;
  readonly gate: Gate;
  /** As the configuration is at that moment. */
  readonly trust: () => Promise<Pick<RequestTerms, "authorities" | "principals">>;
}

export async function receive(
  { clock, gate, trust }: RequestSeams,
  { entry, fields, operation, needsCertificate }: Sent,
  within: Within,
): Promise<Result<Received, AuthUnavailable>> {
  if (operation !== "subject" && fields.payload.length > REQUEST_PAYLOAD_BYTES_MAX) {
    const reason = isNonce(fields.nonce) ? "invalid_payload" : "bad_nonce";
    return ok({ kind: "unverified", reason, problem: "too-long" });
  }
  const atMs = Math.floor(clock.wallMs());
  const terms = { ...(await trust()), needsCertificate, nowSeconds: Math.floor(atMs / second) };
  const verified = verifyRequest(fields, terms);
  if (!verified.ok) {
    const { reason, problem } = verified.failure;
    return ok({ kind: "unverified", reason, problem });
  }
  const { fingerprint, nonce, payload, signature } = verified.value;
  const payloadDigest = createHash("sha256").update(fields.payload).digest();
  const request: SignedRequest = { fingerprint, nonce, operation, entry, payloadDigest, signature, atMs };
  const purpose = purposeOf(payload);
  if (!isFor(operation, purpose)) {
    return ok({ kind: "refused", reason: "invalid_payload", problem: `signed-for-${purpose}`, request });
  }
  const passed = await gate.pass(request, within);
  if (!passed.ok) return passed;
  if (passed.value !== "passed") {
    return ok({ kind: "refused", reason: passed.value, problem: passed.value, request });
  }
  return ok({ kind: "received", request, verified: verified.value, purpose });
}

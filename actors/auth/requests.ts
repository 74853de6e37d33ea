/**
 * From the fields of an entry to a request that may be acted on: by whoever holds the key, for what it was sent for, the first
 * time or again from the same entry, and not too often.
 */
import { createHash } from "node:crypto";
import type {
  Directory,
  Fingerprint,
  KeyFacts,
  Operation,
  ProducerId,
  SignedRequest,
} from "#actors/auth/directory/directory.ts";
import type { Gate, Passed } from "#actors/auth/gate.ts";
import type { Outside } from "#actors/auth/outside.ts";
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
  | Unverified
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

export interface Unverified {
  readonly kind: "unverified";
  readonly reason: RequestRefusal;
  readonly problem: string;
  /** Of the key that it says it is by. */
  readonly fingerprint?: string | undefined;
  /** By the holder of a key that came without a good certificate. */
  readonly request?: SignedRequest | undefined;
}

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
  const payloadDigest = createHash("sha256").update(fields.payload).digest();
  const came = { nonce: fields.nonce, operation, entry, payloadDigest, atMs };
  const verified = verifyRequest(fields, terms);
  if (!verified.ok) {
    const { reason, problem, claimed } = verified.failure;
    const { fingerprint, signature, isSigned } = claimed ?? {};
    const isBy = isSigned === true && fingerprint !== undefined && signature !== undefined;
    const request = isBy ? { ...came, fingerprint, signature } : undefined;
    return ok({ kind: "unverified", reason, problem, fingerprint, request });
  }
  const { fingerprint, payload, signature } = verified.value;
  const request: SignedRequest = { ...came, fingerprint, signature };
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

/**
 * Who came without a good certificate, and is told so: the holder of a key that a review has let in. It counts towards the rate of that
 * key, and its nonce is free again. Of any other key nothing is remembered, and nobody is told.
 */
export async function tellUncertified(
  { gate, directory }: Pick<RequestSeams, "gate"> & { readonly directory: Outside<Directory> },
  request: SignedRequest | undefined,
  within: Within,
): Promise<Result<Uncertified | undefined, AuthUnavailable>> {
  if (request === undefined) return ok(undefined);
  const { fingerprint, nonce } = request;
  const key = await directory.ask(within, (target, bounded) => target.keyOf(fingerprint, bounded));
  if (!key.ok) return key;
  if (key.value === undefined || !wasLetIn(key.value)) return ok(undefined);
  const passed = await gate.pass(request, within);
  if (!passed.ok) return passed;
  if (passed.value === "replay") return ok(undefined);
  if (passed.value === "passed") await gate.forget(request, within);
  const reason = passed.value === "passed" ? "invalid_cert" : passed.value;
  return ok({ producerId: key.value.producerId, fingerprint, nonce, reason });
}

/** Whom to tell, and what. */
export interface Uncertified {
  readonly producerId: ProducerId;
  readonly fingerprint: Fingerprint;
  readonly nonce: string;
  readonly reason: "invalid_cert" | "rate_limited";
}

/** A key that was revoked may be one that nobody had ever let in. */
export function wasLetIn({ status }: KeyFacts): boolean {
  return status === "approved" || status === "superseded";
}

/**
 * A request that a producer has signed, as the fields of an entry: who that is, and what it wants.
 *
 * The signature is raw Ed25519 over the payload as it came, a full stop and the nonce (seed 004). What it is for is not
 * signed: neither the stream nor the action. So one nonce serves for one request, whatever it was sent for, and which
 * members a payload may have differs from one operation to the next.
 */
import { readCanonical } from "#actors/domain/canonical-json.ts";
import { isJsonObject, type JsonObject } from "#actors/domain/json-value.ts";
import { type Certified, verifyCertificate } from "#actors/domain/ssh/certified.ts";
import { fingerprintOf, KEY_TYPE, type SshKey, textFingerprintOf } from "#actors/domain/ssh/key.ts";
import { type KeyLine, parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import { verifySigned } from "#actors/domain/ssh/signature.ts";
import type { RequestFields } from "#actors/domain/streams/entry-fields.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** Characters of a nonce: fewer may come twice by chance. */
export const NONCE_LENGTH_MIN = 16;
/** It is a part of the name of a key in Redis. */
export const NONCE_LENGTH_MAX = 128;

export interface RequestTerms {
  /** Keys that sign certificates of producers. */
  readonly authorities: readonly SshKey[];
  /** Names of which one has to be in a certificate. */
  readonly principals: ReadonlySet<string>;
  /** Whether a key without a certificate may ask for this. */
  readonly needsCertificate: boolean;
  /** Seconds since 1970. */
  readonly nowSeconds: number;
}

/** A request by whoever holds the key. */
export interface VerifiedRequest {
  readonly fingerprint: string;
  /** Of the line as it was sent. */
  readonly textFingerprint: string;
  /** `ssh-ed25519 AAAA…`, also of a certificate. */
  readonly keyLine: string;
  /** Undefined where it came without one. */
  readonly certificate: Pick<Certified, "keyId" | "principal"> | undefined;
  readonly payload: JsonObject;
  /** As it was signed. */
  readonly payloadText: string;
  readonly nonce: string;
  readonly signature: Uint8Array;
}

/** The request is not to be acted on. Final for it as it is. */
export interface RequestRefused extends Failure<"auth.request-refused"> {
  readonly reason: RequestRefusal;
  /** What exactly was wrong, for logs: `not-yet-valid`, `duplicate-key`. */
  readonly problem: string;
  /** Of one whose certificate is not taken, or missing: by whom it says it is. */
  readonly claimed?: Claimed;
}

/** A key that nobody vouches for now. Who holds it may be known all the same. */
export interface Claimed {
  readonly fingerprint: string;
  readonly signature: Uint8Array;
  /** Whether it has signed the request. */
  readonly isSigned: boolean;
}

export type RequestRefusal =
  /** A field is missing, or is none: nobody knows where an answer would be looked for, or by whom. */
  "bad_nonce" | "bad_pubkey" | "invalid_payload" | "invalid_cert" | "invalid_sig";

const NONCE = new RegExp(`^[!-~]{${NONCE_LENGTH_MIN},${NONCE_LENGTH_MAX}}$`);

export function isNonce(text: string): boolean {
  return NONCE.test(text);
}

/** What is cheap is looked at first; nothing of the payload means anything before the signature is seen to hold. */
export function verifyRequest(fields: RequestFields, terms: RequestTerms): Result<VerifiedRequest, RequestRefused> {
  const { pubkey, payload, nonce, sig } = fields;
  if (!isNonce(nonce)) return refused("bad_nonce", "bad-form");
  const line = parseKeyLine(pubkey);
  if (!line.ok) return refused("bad_pubkey", line.failure.reason);
  const holder = holderOf(line.value, terms);
  const message = Buffer.concat([payload, Buffer.from(`.${nonce}`)]);
  if (!holder.ok) {
    const { key } = line.value.kind === "key" ? line.value : line.value.certificate;
    const isSigned = verifySigned({ key, message, signatureBase64: sig }).ok;
    const claimed = { fingerprint: fingerprintOf(key), signature: Buffer.from(sig, "base64"), isSigned };
    return fail({ ...holder.failure, claimed });
  }
  const { key, certificate } = holder.value;
  const signed = verifySigned({ key, message, signatureBase64: sig });
  if (!signed.ok) return refused("invalid_sig", signed.failure.reason);
  const read = readCanonical(payload);
  if (!read.ok) return refused("invalid_payload", read.failure.problem);
  if (!isJsonObject(read.value)) return refused("invalid_payload", "not-an-object");

  return ok({
    fingerprint: fingerprintOf(key),
    textFingerprint: textFingerprintOf(pubkey),
    keyLine: `${KEY_TYPE} ${Buffer.from(key.blob).toString("base64")}`,
    certificate,
    payload: read.value,
    payloadText: Buffer.from(payload).toString(),
    nonce,
    signature: Buffer.from(sig, "base64"),
  });
}

/** A certificate that nobody asked for has to be a good one all the same: whoever sends it relies on what it says. */
function holderOf(
  line: KeyLine,
  terms: RequestTerms,
): Result<{ readonly key: SshKey } & Pick<VerifiedRequest, "certificate">, RequestRefused> {
  if (line.kind === "key") {
    const { key } = line;
    return terms.needsCertificate ? refused("invalid_cert", "no-certificate") : ok({ key, certificate: undefined });
  }
  const certified = verifyCertificate(line.certificate, terms);
  if (!certified.ok) return refused("invalid_cert", certified.failure.reason);
  const { key, keyId, principal } = certified.value;
  return ok({ key, certificate: { keyId, principal } });
}

function refused(reason: RequestRefusal, problem: string): Result<never, RequestRefused> {
  return fail({ code: "auth.request-refused", reason, problem });
}

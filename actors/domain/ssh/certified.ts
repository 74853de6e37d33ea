/**
 * Whom an authority vouches for: what a certificate comes to for somebody who trusts certain keys, now.
 *
 * What is not known is denied. A certificate without principals is one for nobody here, whatever OpenSSH makes of it; an
 * option that restricts it is one that is not understood. `source-address` is among them: entries of a stream have no
 * address, and behind a proxy a request has none that can be relied on. An authority's own key is no producer's and no
 * administrator's: it would be in daily use then.
 *
 * The authority and its signature come first: nothing in a certificate is worth a word before, not even its dates.
 */
import type { Certificate, CertificateRefused, Distrust } from "#actors/domain/ssh/certificate.ts";
import { isSameKey, isSignedBy, type SshKey } from "#actors/domain/ssh/key.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";

/** What it takes to be trusted. */
export interface Trust {
  /** Any of them may have signed: while one is replaced by another, both are here. */
  readonly authorities: readonly SshKey[];
  /** Any one of them has to be in the certificate, letter by letter. Nobody is certified for none. */
  readonly principals: ReadonlySet<string>;
  /** Whole seconds since 1970. */
  readonly nowSeconds: number;
}

/** Somebody whom an authority vouches for. */
export interface Certified {
  readonly key: SshKey;
  /** The first of the certificate that was asked for. */
  readonly principal: string;
  readonly keyId: string;
  readonly serial: bigint;
  /** Seconds since 1970 from which on it is to be refused; 2^64 - 1 is never. */
  readonly validBefore: bigint;
  /** Who signed. */
  readonly authority: SshKey;
}

const USER = 1;

/** Whom `certificate` is good for. */
export function verifyCertificate(certificate: Certificate, trust: Trust): Result<Certified, CertificateRefused> {
  assert(Number.isSafeInteger(trust.nowSeconds), "seconds are whole");
  const { key, keyId, serial, validBefore, signed, signature } = certificate;
  // Compared, never parsed: a key that is not one of ours need not be a key.
  const authority = trust.authorities.find(({ blob }) => Buffer.compare(blob, certificate.authority) === 0);
  if (authority === undefined) return refused("unknown-authority");
  if (!isSignedBy(authority, signed, signature)) return refused("bad-signature");
  const distrust = distrustOf(certificate, trust);
  if (distrust !== undefined) return refused(distrust);
  const principal = certificate.principals.find((name) => trust.principals.has(name));
  if (principal === undefined) return refused("other-principals");

  return ok({ key, principal, keyId, serial, validBefore, authority });
}

function distrustOf(
  { type, key, criticalOptions, principals, validAfter, validBefore }: Certificate,
  { authorities, nowSeconds }: Trust,
): Distrust | undefined {
  if (type !== USER) return "not-for-users";
  if (authorities.some((one) => isSameKey(one, key))) return "key-of-authority";
  if (criticalOptions.includes("source-address")) return "source-address";
  if (criticalOptions.length > 0) return "unknown-critical-option";
  if (principals.length === 0) return "no-principals";
  // A number and a bigint compare exactly, however large the second is.
  if (nowSeconds < validAfter) return "not-yet-valid";
  if (nowSeconds >= validBefore) return "expired";
  return undefined;
}

function refused(reason: Distrust): Result<never, CertificateRefused> {
  return fail({ code: "ssh.certificate-refused", reason });
}

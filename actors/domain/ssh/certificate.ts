/**
 * An OpenSSH certificate over an Ed25519 key, as its bytes say it (PROTOCOL.certkeys of OpenSSH).
 *
 * Anybody can write one: what is read here is well-formed and no more. It means something after `verifyCertificate`.
 *
 * Invariants of everything that `parseCertificate` accepts:
 * - nothing stands behind a value that ought to be the last one, neither at the end nor in a string of strings;
 * - options and extensions are in the order of their names, none twice, as the format demands;
 * - the names in it are UTF-8 without control characters;
 * - the signature is one of Ed25519, of 64 bytes.
 *
 * Extensions only grant what a shell can do: they have no meaning here, and the format wants unknown ones ignored. So it does
 * the reserved field. Both are signed like the rest.
 */
import { KEY_TYPE, keyFromPoint, type SshKey } from "#actors/domain/ssh/key.ts";
import { readStrings, readValues, textOf } from "#actors/domain/ssh/wire.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** In front of a certificate, in its line and in its bytes. */
export const CERTIFICATE_TYPE = "ssh-ed25519-cert-v01@openssh.com";

/** Bytes of a certificate. One of `ssh-keygen` with a name or two has 500. */
export const CERTIFICATE_BYTES_MAX = 8192;
/** Names in one certificate: as many as OpenSSH takes. */
export const PRINCIPALS_MAX = 256;
/** Critical options, and as many extensions. OpenSSH defines a handful of each. */
export const CERTIFICATE_OPTIONS_MAX = 64;

/** What a certificate says of a key. */
export interface Certificate {
  readonly key: SshKey;
  /** 0 where the authority does not number what it signs. */
  readonly serial: bigint;
  /** 1 for a user, 2 for a host. */
  readonly type: number;
  /** What the authority calls it, for logs. */
  readonly keyId: string;
  /** In the certificate's order. */
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  /** Seconds since 1970; 2^64 - 1 is for ever. */
  readonly validBefore: bigint;
  /** Names of what restricts the certificate. */
  readonly criticalOptions: readonly string[];
  /** The blob of the key that is said to have signed it, of whatever type. */
  readonly authority: Uint8Array;
  /** The bytes that the signature is over. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** Nobody may act on the certificate. Final, but for `not-yet-valid`. */
export interface CertificateRefused extends Failure<"ssh.certificate-refused"> {
  readonly reason: CertificateProblem | Distrust;
}

/** Why bytes are no certificate. */
export type CertificateProblem =
  | "too-large"
  | "unknown-type"
  | "truncated"
  | "trailing-bytes"
  | "bad-key"
  | "bad-text"
  | "too-many-principals"
  | "too-many-options"
  | "options-out-of-order"
  | "bad-signature-form";

/** Why a certificate does not count, although it is one. */
export type Distrust =
  | "unknown-authority"
  | "bad-signature"
  | "not-for-users"
  | "key-of-authority"
  | "source-address"
  | "unknown-critical-option"
  | "no-principals"
  | "other-principals"
  | "not-yet-valid"
  | "expired";

/** What a certificate is made of. The names are those of PROTOCOL.certkeys. */
const LAYOUT = [
  "string", // type, in words
  "string", // nonce
  "string", // pk
  "uint64", // serial
  "uint32", // type
  "string", // key id
  "string", // valid principals
  "uint64", // valid after
  "uint64", // valid before
  "string", // critical options
  "string", // extensions
  "string", // reserved
  "string", // signature key
  "string", // signature
] as const;

const SIGNATURE_LENGTH = 64;
/** What stands before the bytes of the signature, in the string that it is in: the only type there is here. */
const SIGNATURE_PREFIX = Buffer.from(`\0\0\0\x0b${KEY_TYPE}\0\0\0\x40`, "latin1");
/** The length of that string. */
const SIGNATURE_HEAD_LENGTH = 4;

/** The certificate that `bytes` are from the first to the last; it keeps their memory. */
export function parseCertificate(bytes: Uint8Array): Result<Certificate, CertificateRefused> {
  const certificate = read(bytes);
  return typeof certificate === "string"
    ? fail({ code: "ssh.certificate-refused", reason: certificate })
    : ok(certificate);
}

function read(bytes: Uint8Array): Certificate | CertificateProblem {
  if (bytes.length > CERTIFICATE_BYTES_MAX) return "too-large";
  const values = readValues(bytes, ...LAYOUT);
  if (typeof values === "string") return values;
  const [words, , point, serial, type, id, names, validAfter, validBefore, critical, extensions, , authority, proof] =
    values;
  if (!Buffer.from(CERTIFICATE_TYPE).equals(words)) return "unknown-type";
  const key = keyFromPoint(point);
  if (typeof key === "string") return "bad-key";
  const keyId = textOf(id);
  if (keyId === undefined) return "bad-text";
  const principals = readPrincipals(names);
  if (typeof principals === "string") return principals;
  const criticalOptions = readOptions(critical);
  if (typeof criticalOptions === "string") return criticalOptions;
  const ignored = readOptions(extensions);
  if (typeof ignored === "string") return ignored;
  if (!isSignatureForm(proof)) return "bad-signature-form";

  const signed = bytes.subarray(0, bytes.length - SIGNATURE_HEAD_LENGTH - proof.length);
  const signature = proof.subarray(SIGNATURE_PREFIX.length);
  return {
    key,
    serial,
    type,
    keyId,
    principals,
    validAfter,
    validBefore,
    criticalOptions,
    authority,
    signed,
    signature,
  };
}

function readPrincipals(bytes: Uint8Array): readonly string[] | CertificateProblem {
  const strings = readStrings(bytes, PRINCIPALS_MAX);
  if (typeof strings === "string") return strings === "too-many" ? "too-many-principals" : strings;
  const principals = strings.flatMap((string) => textOf(string) ?? []);
  return principals.length === strings.length ? principals : "bad-text";
}

/** The names of pairs of a name and what is said of it. */
function readOptions(bytes: Uint8Array): readonly string[] | CertificateProblem {
  const strings = readStrings(bytes, 2 * CERTIFICATE_OPTIONS_MAX);
  if (typeof strings === "string") return strings === "too-many" ? "too-many-options" : strings;
  if (strings.length % 2 !== 0) return "truncated";
  const pairs = strings.filter((_, index) => index % 2 === 0);
  const isInOrder = pairs.every((name, index) => {
    const before = pairs[index - 1];
    return before === undefined || Buffer.compare(before, name) < 0;
  });
  if (!isInOrder) return "options-out-of-order";
  const names = pairs.flatMap((name) => textOf(name) ?? []);
  return names.length === pairs.length ? names : "bad-text";
}

function isSignatureForm(proof: Uint8Array): boolean {
  if (proof.length !== SIGNATURE_PREFIX.length + SIGNATURE_LENGTH) return false;
  return SIGNATURE_PREFIX.equals(proof.subarray(0, SIGNATURE_PREFIX.length));
}

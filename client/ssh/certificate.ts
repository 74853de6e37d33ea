/**
 * Makes OpenSSH certificates for users, `ssh-ed25519-cert-v01@openssh.com` (PROTOCOL.certkeys of OpenSSH): an authority says
 * whose a key is, and for how long.
 *
 * They have neither critical options nor extensions: the first would make every node refuse them, and the second allow what
 * only a shell has. The authority's private half may stay wherever it is: all that is wanted of it is a signature.
 *
 * Runs in a browser.
 */
import { CERTIFICATE_TYPE, encodePublicKey, isPlainText, KEY_TYPE } from "#client/ssh/key-line.ts";
import { type Bytes, isEqual, joined, string, uint32, uint64 } from "#client/ssh/wire.ts";

/** Names in a certificate: no node and no OpenSSH takes more. */
export const PRINCIPALS_MAX = 256;
/** Bytes of a certificate: no node takes a longer one. */
export const CERTIFICATE_BYTES_MAX = 8192;
/** `validBefore` of a certificate that does not expire. */
export const FOREVER: bigint = 2n ** 64n - 1n;

/** What an authority says. */
export interface CertificateSpec {
  /** Whose key: 32 bytes of Ed25519. */
  readonly publicKey: Uint8Array;
  /** Who that is, one or more names. */
  readonly principals: readonly string[];
  /** What the authority calls it, for logs. */
  readonly keyId: string;
  /** 0 for none. */
  readonly serial: bigint;
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  /** Seconds since 1970, when it is over; or `FOREVER`. */
  readonly validBefore: bigint;
  /** 32 bytes that nobody can foresee, others for each certificate. */
  readonly nonce: Uint8Array;
}

/** Who can sign with an Ed25519 key. */
export interface SshSigner {
  /** 32 bytes. */
  readonly publicKey: Bytes;
  /** Raw Ed25519. */
  sign(bytes: Bytes): Promise<Uint8Array>;
}

/** Why there can be no such certificate. */
export type SpecProblem =
  | "no-principals"
  | "too-many-principals"
  | "bad-text"
  | "bad-key"
  | "key-of-authority"
  | "bad-nonce"
  | "bad-serial"
  | "bad-validity"
  | "too-large";

const KEY_LENGTH = 32;
const NONCE_LENGTH = 32;

/** The certificate in bytes, for `formatCertificateLine`; otherwise what is wrong with the spec. */
export async function signCertificate(spec: CertificateSpec, authority: SshSigner): Promise<Bytes | SpecProblem> {
  const problem = problemOf(spec);
  if (problem !== undefined) return problem;
  // No node takes an authority's own key for anybody else's.
  if (isEqual(spec.publicKey, authority.publicKey)) return "key-of-authority";
  const said = joined(encode(spec), string(encodePublicKey(authority.publicKey)));
  const signature = joined(string(KEY_TYPE), string(await authority.sign(said)));
  const certificate = joined(said, string(signature));
  return certificate.length > CERTIFICATE_BYTES_MAX ? "too-large" : certificate;
}

function problemOf(spec: CertificateSpec): SpecProblem | undefined {
  const { publicKey, principals, keyId, serial, validAfter, validBefore, nonce } = spec;
  if (principals.length === 0) return "no-principals";
  if (principals.length > PRINCIPALS_MAX) return "too-many-principals";
  if (principals.includes("") || ![keyId, ...principals].every(isPlainText)) return "bad-text";
  if (publicKey.length !== KEY_LENGTH) return "bad-key";
  if (nonce.length !== NONCE_LENGTH) return "bad-nonce";
  if (!isUint64(serial)) return "bad-serial";
  if (!isUint64(validAfter) || !isUint64(validBefore) || validAfter >= validBefore) return "bad-validity";
  return undefined;
}

const USER = 1;

/** All but who signs. */
function encode({ publicKey, principals, keyId, serial, validAfter, validBefore, nonce }: CertificateSpec): Bytes {
  const options = string("");
  const extensions = string("");
  const reserved = string("");
  return joined(
    string(CERTIFICATE_TYPE),
    string(nonce),
    string(publicKey),
    uint64(serial),
    uint32(USER),
    string(keyId),
    string(joined(...principals.map(string))),
    uint64(validAfter),
    uint64(validBefore),
    options,
    extensions,
    reserved,
  );
}

function isUint64(value: bigint): boolean {
  return value >= 0n && value <= FOREVER;
}

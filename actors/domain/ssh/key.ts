/**
 * Ed25519 public keys in OpenSSH's form, the only ones there are here, and what identifies them.
 *
 * A key that anybody could sign for is no key: with a point of small order there are signatures that hold for many messages
 * or for all, and nobody needs a private half for them. These points are known, and refused, as is a second spelling of any
 * point. That a point is on the curve is not looked at: under one that is not, no signature verifies. Nor is whether a part of
 * it has small order: signing for such a one still takes the private half.
 */
import { createPublicKey, hash, type KeyObject, verify } from "node:crypto";

/** In front of a key, in its line and in its blob. */
export const KEY_TYPE = "ssh-ed25519";

const POINT_LENGTH = 32;
/** What every blob begins with: the type and the length of the point. */
const BLOB_PREFIX = Buffer.from(`\0\0\0\x0b${KEY_TYPE}\0\0\0\x20`, "latin1");

/** A key that signatures can be checked with. */
export interface SshKey {
  /** `string "ssh-ed25519"`, `string point`: what fingerprints and comparisons are over. */
  readonly blob: Uint8Array;
  /** Made once for each key: it takes longer than a comparison of keys. */
  readonly verifier: KeyObject;
}

/** Why bytes are no key, or none that may be relied on. */
export type SshKeyProblem = "malformed" | "unusable-key";

/** The key whose blob this is, from its first byte to its last. */
export function keyFromBlob(blob: Uint8Array): SshKey | SshKeyProblem {
  if (!BLOB_PREFIX.equals(blob.subarray(0, BLOB_PREFIX.length))) return "malformed";
  return keyFromPoint(blob.subarray(BLOB_PREFIX.length));
}

/** The key with this point, which certificates have without a blob. */
export function keyFromPoint(point: Uint8Array): SshKey | SshKeyProblem {
  if (point.length !== POINT_LENGTH) return "malformed";
  if (!isUsable(point)) return "unusable-key";
  const x = Buffer.from(point).toString("base64url");
  const verifier = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return { blob: Buffer.concat([BLOB_PREFIX, point]), verifier };
}

/** Of one key, whatever objects they are. */
export function isSameKey(left: SshKey, right: SshKey): boolean {
  return Buffer.compare(left.blob, right.blob) === 0;
}

/** Raw Ed25519 (RFC 8032 §5.1, neither `ctx` nor `ph`). A signature of another length than 64 bytes is none. */
export function isSignedBy({ verifier }: SshKey, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, message, verifier, signature);
}

/**
 * Base64 of SHA3-512 over the plain blob of a key. Comments, line ends and renewed certificates do not change it, so that a
 * producer stays who it is.
 */
export function fingerprintOf({ blob }: SshKey): string {
  return hash("sha3-512", blob, "base64");
}

/**
 * What the original kernel calls a fingerprint: the same digest over the line as it was sent, with its comment and its line
 * end, if it has one. An alias for look-ups, never an identity: one key has any number of them.
 */
export function textFingerprintOf(line: string): string {
  return hash("sha3-512", line, "base64");
}

/** The coordinate y of each point whose order divides 8, in hex, little-endian. Either sign of x belongs to each. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  `00${"00".repeat(31)}`,
  `01${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]);
/** 2^255 - 19, the least y that is one too large, in hex, big-endian. */
const FIELD = `7f${"ff".repeat(30)}ed`;

function isUsable(point: Uint8Array): boolean {
  const y = Buffer.from(point);
  // The highest bit is the sign of x.
  y.writeUInt8(y.readUInt8(POINT_LENGTH - 1) & 0x7f, POINT_LENGTH - 1);
  return !SMALL_ORDER.has(y.toString("hex")) && y.reverse().toString("hex") < FIELD;
}

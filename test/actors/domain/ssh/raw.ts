/**
 * Keys and certificates of OpenSSH, written by hand and wrong in whatever way is wanted. It shares no code with the node and
 * the client.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

/** Whose private half is known. */
export interface RawKey {
  readonly key: KeyObject;
  readonly point: Buffer;
  readonly blob: Buffer;
  readonly line: string;
}

/** What stands in a certificate. What has a length in the format is without it here, and may be anything. */
export interface RawCertificate {
  readonly form: string;
  readonly nonce: Buffer;
  readonly point: Buffer;
  readonly serial: bigint;
  readonly type: number;
  readonly keyId: Buffer | string;
  readonly principals: Buffer;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: Buffer;
  readonly extensions: Buffer;
  readonly reserved: Buffer | string;
  readonly authority: Buffer;
  readonly signature: (signed: Buffer) => Buffer;
  /** Behind the end. */
  readonly more: Buffer;
}

export const CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com";
export const FOREVER: bigint = 2n ** 64n - 1n;

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

export function str(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u32(bytes.length), bytes]);
}

/** One behind the other. */
export function strings(...values: readonly (Uint8Array | string)[]): Buffer {
  return Buffer.concat(values.map(str));
}

export function blobOf(point: Uint8Array): Buffer {
  return strings("ssh-ed25519", point);
}

export function lineOf(form: string, blob: Uint8Array, comment?: string): string {
  return [form, Buffer.from(blob).toString("base64"), ...(comment === undefined ? [] : [comment])].join(" ");
}

/** The key of a seed in hex, or of 32 times a byte. */
export function rawKey(seed: string | number, comment?: string): RawKey {
  const bytes = typeof seed === "string" ? Buffer.from(seed, "hex") : Buffer.alloc(32, seed);
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), bytes]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const point = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  const blob = blobOf(point);
  return { key, point, blob, line: lineOf("ssh-ed25519", blob, comment) };
}

/** What Ed25519 puts behind a certificate. */
export function signatureBy({ key }: RawKey): (signed: Buffer) => Buffer {
  return (signed) => strings("ssh-ed25519", sign(null, signed, key));
}

/** The bytes of a good certificate for `producer` over `holder`, but for what is wanted. */
export function rawCertificate(holder: RawKey, authority: RawKey, wanted: Partial<RawCertificate> = {}): Buffer {
  const certificate: RawCertificate = {
    form: CERTIFICATE,
    nonce: Buffer.alloc(32, 7),
    point: holder.point,
    serial: 7n,
    type: 1,
    keyId: "an id",
    principals: strings("producer"),
    validAfter: 1000n,
    validBefore: 2000n,
    criticalOptions: Buffer.alloc(0),
    extensions: strings("permit-pty", ""),
    reserved: "",
    authority: authority.blob,
    signature: signatureBy(authority),
    more: Buffer.alloc(0),
    ...wanted,
  };
  const signed = Buffer.concat([
    strings(certificate.form, certificate.nonce, certificate.point),
    u64(certificate.serial),
    u32(certificate.type),
    strings(certificate.keyId, certificate.principals),
    u64(certificate.validAfter),
    u64(certificate.validBefore),
    strings(certificate.criticalOptions, certificate.extensions, certificate.reserved, certificate.authority),
  ]);
  return Buffer.concat([signed, str(certificate.signature(signed)), certificate.more]);
}

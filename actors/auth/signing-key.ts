/**
 * The key that this node signs tokens with: a file of its own, made at the first start.
 *
 * It is PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` writes it, for its owner's eyes: one that others may read is
 * refused, as ssh refuses it, because whoever has read it signs tokens. To sign with another one, put it
 * in its place, or remove the file, and start the node again: what the key before has signed stays good until it is over.
 * Its name is a short fingerprint of its public half.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { basename, dirname } from "node:path";
import type { SigningKeyFacts } from "#actors/auth/directory/directory.ts";
import type { SigningKey } from "#actors/domain/tokens/token-signing.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Random } from "#runtime/random.ts";

/** Characters of the name of a key. */
const KID_LENGTH = 22;
/** PKCS #8 of an Ed25519 key, up to its 32 bytes (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
/** The last so many bytes of a public key's DER are the key. */
const POINT_LENGTH = 32;

export interface OwnKey extends SigningKey, SigningKeyFacts {}

/** A sentence about what is wrong where it can be neither read nor made. */
export async function openSigningKey(disk: Disk, random: Random, path: string): Promise<OwnKey | string> {
  const read = await disk.readFile(path);
  if (read.ok) {
    const exposed = await whyExposed(disk, path);
    return exposed ?? keyOf(path, Buffer.from(read.value).toString("latin1"));
  }
  if (read.failure.code !== "disk.not-found") return `the signing key ${path} cannot be read (${read.failure.code})`;
  // Any 32 bytes are a key.
  const der = Buffer.concat([PKCS8, random.bytes(32)]);
  const pem = createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" });
  const made = await disk.makeDirectory(dirname(path));
  const written = made.ok ? await disk.replaceFile(path, Buffer.from(pem)) : made;
  return written.ok ? keyOf(path, pem.toString()) : `the signing key ${path} cannot be made (${written.failure.code})`;
}

/** Verifies what the private half has signed. */
export function verifierOf({ publicKey }: SigningKeyFacts): KeyObject {
  return createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") },
    format: "jwk",
  });
}

async function whyExposed(disk: Disk, path: string): Promise<string | undefined> {
  const listed = await disk.list(dirname(path));
  if (!listed.ok) return `the directory of the signing key ${path} cannot be read (${listed.failure.code})`;
  const facts = listed.value.find(({ name }) => name === basename(path));
  if (facts?.isForOthers !== true) return undefined;
  return `the signing key ${path} can be read or written by others than its owner: chmod 600, or another key if somebody has read it`;
}

function keyOf(path: string, pem: string): OwnKey | string {
  const key = privateKeyOf(pem);
  if (key?.asymmetricKeyType !== "ed25519") return `the signing key ${path} is no private key of Ed25519 in PEM`;
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = Uint8Array.from(der.subarray(-POINT_LENGTH));
  const kid = createHash("sha3-512").update(publicKey).digest("base64url").slice(0, KID_LENGTH);
  return { kid, key, publicKey };
}

function privateKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    // The library throws on what is no key.
    return undefined;
  }
}

/**
 * The key that releases are signed with: Ed25519, as everybody reads it. The private half is PKCS #8, the public one SPKI, both
 * PEM; minisign has a form of its own for the public one.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** What was given is no key for releases. */
export interface KeyRefused extends Failure<"release.key-refused"> {
  readonly cause: string;
}

export interface KeyTexts {
  readonly privateKey: string;
  readonly publicKey: string;
  /** For `minisign -V -p`. */
  readonly minisignPublicKey: string;
}

export function makeKey(): KeyTexts {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privateKey: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    publicKey: publicKey.export({ format: "pem", type: "spki" }).toString(),
    minisignPublicKey: minisignPublicKeyOf(publicKey),
  };
}

export function readPrivateKey(text: string): Result<KeyObject, KeyRefused> {
  return read(text, "private", createPrivateKey);
}

/** A private key is not taken for a public one, although one could be had from it: it should not be where this is asked. */
export function readPublicKey(text: string): Result<KeyObject, KeyRefused> {
  return read(text, "public", createPublicKey);
}

/** SHA-256 of the public key (SPKI, DER), in hex: what people compare. */
export function fingerprintOf(key: KeyObject): string {
  return createHash("sha256").update(spkiOf(key)).digest("hex");
}

/** The 32 bytes of the public key. */
export function rawPublicKeyOf(key: KeyObject): Uint8Array {
  return spkiOf(key).subarray(-32);
}

/** By which minisign finds a key. It draws it at random; here it follows from the key, so that one file is enough to keep. */
export function minisignIdOf(key: KeyObject): Uint8Array {
  return createHash("sha256").update(rawPublicKeyOf(key)).digest().subarray(0, 8);
}

export function minisignPublicKeyOf(key: KeyObject): string {
  const id = minisignIdOf(key);
  const bytes = Buffer.concat([Buffer.from("Ed"), id, rawPublicKeyOf(key)]);
  return `untrusted comment: minisign public key ${Buffer.from(id).reverse().toString("hex").toUpperCase()}\n${bytes.toString("base64")}\n`;
}

function read(
  text: string,
  half: "private" | "public",
  parse: (text: string) => KeyObject,
): Result<KeyObject, KeyRefused> {
  const refuse = (cause: string) => fail({ code: "release.key-refused", cause });
  const words = half === "private" ? "PRIVATE KEY" : "PUBLIC KEY";
  if (half === "public" && text.trimStart().startsWith("-----BEGIN PRIVATE KEY-----")) {
    return refuse("it is the private key, which signs and is for its owner alone: give the public one, FILE.pub");
  }
  if (!text.trimStart().startsWith(`-----BEGIN ${words}-----`)) {
    return refuse(`it is no ${half} key in PEM (-----BEGIN ${words}-----)`);
  }
  try {
    const key = parse(text);
    return key.asymmetricKeyType === "ed25519"
      ? ok(key)
      : refuse(`it is a key of ${key.asymmetricKeyType}, not Ed25519`);
  } catch {
    return refuse(`it is no ${half} key that can be read`);
  }
}

function spkiOf(key: KeyObject): Buffer {
  const half = key.type === "private" ? createPublicKey(key) : key;
  return half.export({ format: "der", type: "spki" });
}

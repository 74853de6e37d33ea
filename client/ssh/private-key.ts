/**
 * Ed25519 private keys in OpenSSH's file, `-----BEGIN OPENSSH PRIVATE KEY-----` (PROTOCOL.key of OpenSSH), not encrypted.
 *
 * A file is read by taking its few variable parts from where they have to be, writing it again and comparing: what is not the
 * one spelling of one key is refused, and with it whatever would hide in another.
 *
 * Runs in a browser.
 */
import { newKey } from "#client/chunk-cipher.ts";
import type { SshSigner } from "#client/ssh/certificate.ts";
import { encodePublicKey, isPlainText, KEY_TYPE, type NamedKey } from "#client/ssh/key-line.ts";
import { type Bytes, base64Of, bytesOf, isBase64, isEqual, joined, string, uint32 } from "#client/ssh/wire.ts";

/** Characters of a file. One of `ssh-keygen` has some 400. */
export const PRIVATE_KEY_LENGTH_MAX = 4096;

export interface PrivateKey extends NamedKey {
  /** 32 bytes. Not for logs, errors or requests. */
  readonly seed: Bytes;
}

/** Why a text is no key that can be used. `encrypted`: `ssh-keygen -p` takes the passphrase away. */
export type PrivateKeyProblem = "too-long" | "not-a-private-key" | "encrypted" | "not-ed25519" | "malformed";

const BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END = "-----END OPENSSH PRIVATE KEY-----";
const FILE = new RegExp(`^${BEGIN}\\r?\\n([A-Za-z0-9+/=\\r\\n]+)${END}\\r?\\n?$`);
const LINE = /.{1,70}/g;

const MAGIC = new TextEncoder().encode("openssh-key-v1\0");
/** Neither a cipher nor a derivation of its key, with no options; one key. */
const UNENCRYPTED = joined(string("none"), string("none"), string(""), uint32(1));
/** What the public half begins with: 51 bytes, a type, and 32 bytes. */
const ED25519 = joined(uint32(51), string(KEY_TYPE), uint32(32));
/** What the private half is filled up to. */
const BLOCK_LENGTH = 8;

const TYPE_LENGTH = string(KEY_TYPE).length;
const CIPHER_AT = MAGIC.length;
const PUBLIC_HALF_AT = CIPHER_AT + UNENCRYPTED.length;
const PUBLIC_KEY_AT = PUBLIC_HALF_AT + ED25519.length;
/** Behind the length of the private half. */
const CHECK_AT = PUBLIC_KEY_AT + 32 + 4;
/** Behind two checks, the type and the public key, once more, and a length. */
const SEED_AT = CHECK_AT + 4 + 4 + TYPE_LENGTH + 4 + 32 + 4;
/** Behind the seed, the public key and a length. */
const COMMENT_AT = SEED_AT + 32 + 32 + 4;

/** PKCS #8 of an Ed25519 key, up to its seed. */
const PKCS8 = Uint8Array.of(0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32);

/** A key from the system's randomness. The comment is plain text. */
export async function newPrivateKey(comment: string): Promise<PrivateKey> {
  // Any 32 bytes are a seed.
  const seed = await newKey(globalThis.crypto.subtle);
  const { publicKey } = await open(seed);
  return { seed, publicKey, comment };
}

/** The file, for its owner's eyes. */
export function formatPrivateKey(key: PrivateKey): string {
  // Two equal numbers show whether a passphrase was right. There is none, so they need not be random.
  const bytes = encode(key, key.publicKey.subarray(0, 4));
  return [BEGIN, ...(base64Of(bytes).match(LINE) ?? []), END, ""].join("\n");
}

/** The key in a file. That its halves belong together only `signerOf` knows. */
export function parsePrivateKey(text: string): PrivateKey | PrivateKeyProblem {
  if (text.length > PRIVATE_KEY_LENGTH_MAX) return "too-long";
  const base64 = FILE.exec(text)?.[1]?.replaceAll(/[\r\n]/g, "") ?? "";
  const bytes = isBase64(base64) ? bytesOf(base64) : new Uint8Array();
  if (!startsWith(bytes, MAGIC)) return "not-a-private-key";
  if (!startsWith(bytes.subarray(CIPHER_AT), string("none"))) return "encrypted";
  if (!startsWith(bytes.subarray(CIPHER_AT), UNENCRYPTED)) return "malformed";
  if (!startsWith(bytes.subarray(PUBLIC_HALF_AT), ED25519)) return "not-ed25519";

  const publicKey = bytes.slice(PUBLIC_KEY_AT, PUBLIC_KEY_AT + 32);
  const seed = bytes.slice(SEED_AT, SEED_AT + 32);
  const key = { seed, publicKey, comment: commentIn(bytes) };
  const again = encode(key, bytes.subarray(CHECK_AT, CHECK_AT + 4));
  const isWhole = isEqual(again, bytes) && base64Of(bytes) === base64 && isPlainText(key.comment);
  return isWhole ? key : "malformed";
}

/** Who signs with the key; undefined where the public half is another key's. */
export async function signerOf({ seed, publicKey }: PrivateKey): Promise<SshSigner | undefined> {
  const signer = await open(seed);
  return isEqual(signer.publicKey, publicKey) ? signer : undefined;
}

async function open(seed: Bytes): Promise<SshSigner> {
  const { subtle } = globalThis.crypto;
  // Extractable, because the public half is to be had in no other way.
  const key = await subtle.importKey("pkcs8", joined(PKCS8, seed), "Ed25519", true, ["sign"]);
  const { x = "" } = await subtle.exportKey("jwk", key);
  return { publicKey: bytesOf(x), sign: async (bytes) => new Uint8Array(await subtle.sign("Ed25519", key, bytes)) };
}

function encode({ seed, publicKey, comment }: PrivateKey, check: Uint8Array): Bytes {
  const parts = [string(KEY_TYPE), string(publicKey), string(joined(seed, publicKey)), string(comment)];
  const privateHalf = joined(check, check, ...parts);
  const missing = (BLOCK_LENGTH - (privateHalf.length % BLOCK_LENGTH)) % BLOCK_LENGTH;
  const padding = Uint8Array.from({ length: missing }, (_, index) => index + 1);
  return joined(MAGIC, UNENCRYPTED, string(encodePublicKey(publicKey)), string(joined(privateHalf, padding)));
}

/** As far as there is one: a file with another length in it is not what is written again. */
function commentIn(bytes: Bytes): string {
  if (bytes.length < COMMENT_AT) return "";
  const length = new DataView(bytes.buffer).getUint32(COMMENT_AT - 4);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(COMMENT_AT, COMMENT_AT + length));
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return isEqual(bytes.subarray(0, beginning.length), beginning);
}

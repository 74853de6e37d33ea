/** An Ed25519 key of a producer or an authority, made of any 32 bytes: a function of them, and what it signs too. */
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { SshSigner } from "#client/ssh/certificate.ts";

/** PKCS #8 of such a key, up to its 32 bytes (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
/** The last so many bytes of a public key's DER are the key. */
const POINT_LENGTH = 32;

export function signerFrom(seed: Uint8Array): SshSigner {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: Uint8Array.from(der.subarray(-POINT_LENGTH)),
    sign: async (bytes) => new Uint8Array(sign(null, bytes, key)),
  };
}

/**
 * Signatures of tokens, as a seam: they take their time, so a process has threads make and verify them, and a simulation, which has
 * none, does it at once.
 */
import { type KeyObject, verify } from "node:crypto";
import { promisify } from "node:util";
import { CompactSign, compactVerify, errors } from "jose";
import { encodeBase64url, isBase64url, type TokenText } from "#actors/domain/tokens/token-text.ts";

/** The algorithm of RFC 8037, and the type of our tokens. */
export const ALG = "EdDSA";
export const TYP = "FDC";

/** A private key of Ed25519, with the name that its public half is known by. */
export interface SigningKey {
  readonly kid: string;
  readonly key: KeyObject;
}

export interface TokenSigning {
  /** The text of a token: compact JWS, in base64url, with `alg`, `kid` and `typ` in its header, in this order. */
  sign(claims: Uint8Array, signer: SigningKey): Promise<string>;
  /** Whether the key has signed the characters that came. */
  isSigned(token: TokenText, key: KeyObject): Promise<boolean>;
}

/** On threads of the pool. */
export const threadSigning: TokenSigning = {
  sign: async (claims, { kid, key }) =>
    await new CompactSign(claims).setProtectedHeader({ alg: ALG, kid, typ: TYP }).sign(key),

  isSigned: async ({ signed, signature }, key) => {
    // To the library the other alphabet is no base64; only the signature can be written anew for it.
    if (!isBase64url(signed)) return await verifyAside(null, Buffer.from(signed), key, signature);
    try {
      await compactVerify(`${signed}.${encodeBase64url(signature)}`, key, { algorithms: [ALG] });
      return true;
    } catch (cause) {
      // Any other error is of the key, and ours.
      if (cause instanceof errors.JOSEError) return false;
      throw cause;
    }
  },
};

/** As the library does it. */
const verifyAside = promisify(verify);

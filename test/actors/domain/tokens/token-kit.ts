/** A key whose private half is public, its token of the reference, and tokens as an older issuer would make them. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import type { Claims } from "#actors/domain/tokens/claims.ts";
import type { TokenTerms } from "#actors/domain/tokens/token.ts";
import { parseUuid } from "#actors/domain/uuid.ts";
import { assert } from "#runtime/errors.ts";

export const KID = "kid-1";
/** RFC 8032 §7.1, test 1. */
export const privateKey: KeyObject = keyOf("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
/** RFC 8032 §7.1, test 2: no verifier knows it. */
export const otherKey: KeyObject = keyOf("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");

const producer = parseUuid("00000000-0000-4000-8000-000000000001");
assert(producer !== undefined, "it is a UUID");

/** Those of the token of the reference. */
export const CLAIMS: Claims = {
  iss: "fdc-kernel",
  aud: "fdc-events",
  sub: producer,
  sid: undefined,
  iat: 1_760_000_000,
  nbf: 1_759_999_940,
  exp: 1_760_003_600,
  jti: "01K76AVR00000000000000000A",
  fp: "FP",
};

export const TERMS: TokenTerms = {
  keys: new Map([[KID, createPublicKey(privateKey)]]),
  issuer: "fdc-kernel",
  audience: "fdc-events",
  nowSeconds: 1_760_000_000,
  skewSeconds: 60,
};

/** In the standard alphabet, as the reference writes it: the last part has `+` and `/`. */
export const REFERENCE_TOKEN: string = [
  "eyJhbGciOiJFZERTQSIsImtpZCI6ImtpZC0xIiwidHlwIjoiRkRDIn0",
  "eyJpc3MiOiJmZGMta2VybmVsIiwiYXVkIjoiZmRjLWV2ZW50cyIsInN1YiI6IjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMSIs" +
    "ImlhdCI6MTc2MDAwMDAwMCwibmJmIjoxNzU5OTk5OTQwLCJleHAiOjE3NjAwMDM2MDAsImp0aSI6IjAxSzc2QVZSMDAwMDAwMDAwMDAwMDAwMDBB" +
    "IiwiZnAiOiJGUCJ9",
  "mZd7n1i4K1CVqJVSO2H1APb4z/PCns6KkllYVBtchHm+cBtr1t+nDehVJHmeeMExxxY2dWmV3pfWhuqSlZ5RBg",
].join(".");

export type Alphabet = "base64" | "base64url";

/** A token of any header and claims, signed over its characters in whichever alphabet. */
export function tokenOf(
  header: unknown,
  claims: unknown,
  alphabet: Alphabet = "base64url",
  key: KeyObject = privateKey,
): string {
  return tokenOfTexts(JSON.stringify(header), JSON.stringify(claims), alphabet, key);
}

export function tokenOfTexts(
  header: string | Uint8Array,
  claims: string | Uint8Array,
  alphabet: Alphabet = "base64url",
  key: KeyObject = privateKey,
): string {
  const signed = [header, claims].map((part) => inAlphabet(Buffer.from(part), alphabet)).join(".");
  return `${signed}.${inAlphabet(sign(null, Buffer.from(signed), key), alphabet)}`;
}

export function inAlphabet(bytes: Uint8Array, alphabet: Alphabet): string {
  return Buffer.from(bytes).toString(alphabet).replaceAll("=", "");
}

/** Every part written anew in the alphabet. */
export function rewritten(token: string, alphabet: Alphabet): string {
  const parts = token.split(".").map((part) => inAlphabet(Buffer.from(part, "base64"), alphabet));
  return parts.join(".");
}

function keyOf(seedHex: string): KeyObject {
  const der = Buffer.from(`302e020100300506032b657004220420${seedHex}`, "hex");
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/**
 * Tokens of producers: compact JWS (RFC 7515), signed with Ed25519, of the type `FDC`.
 *
 * `verifyToken` says that one of the keys has signed the token, for this issuer and audience, and that it is its time. Whether
 * it was revoked, and whether the key of the producer still is good, are questions for those who can be told.
 *
 * The algorithm is `EdDSA` and no other name of it: a token does not choose how it is verified.
 */
import { isUtf8 } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { isJsonObject, type JsonObject } from "#actors/domain/json-value.ts";
import { parseJson } from "#actors/domain/parse-json.ts";
import { type Claims, claimsOf, encodeClaims } from "#actors/domain/tokens/claims.ts";
import { ALG, type SigningKey, type TokenSigning, TYP, threadSigning } from "#actors/domain/tokens/token-signing.ts";
import {
  splitToken,
  TOKEN_BYTES_MAX,
  type TokenText,
  type TokenTextProblem,
} from "#actors/domain/tokens/token-text.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** What a token has to keep to. */
export interface TokenTerms {
  /** Public keys of Ed25519, by their names. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly issuer: string;
  readonly audience: string;
  /** Seconds since 1970. */
  readonly nowSeconds: number;
  /** By how much clocks may differ. */
  readonly skewSeconds: number;
}

/** The token is not to be trusted. Final for this text: the producer exchanges its key for another token. */
export interface TokenRefused extends Failure<"token.refused"> {
  readonly reason: TokenRefusedReason;
  /** Of one that is over, and was good: a key of ours has signed them. */
  readonly claims?: Claims;
}

/** The first that was found, in this order. */
export type TokenRefusedReason =
  | TokenTextProblem
  | "bad_header_json"
  | "alg_not_supported"
  | "bad_typ"
  | "crit_not_supported"
  | "unknown_kid"
  | "bad_signature"
  | "bad_claims_json"
  | "bad_claims"
  | "bad_issuer_audience"
  | "token_not_yet_valid"
  | "token_expired";

/** In base64url. */
export async function signToken(
  claims: Claims,
  signer: SigningKey,
  signing: TokenSigning = threadSigning,
): Promise<string> {
  assert(isEd25519(signer.key), "a token is signed with a key of Ed25519");
  assert(claimsOf({ ...claims }) !== undefined, "a token that is signed can be read");
  const text = await signing.sign(encodeClaims(claims), signer);
  assert(text.length <= TOKEN_BYTES_MAX, "a token is not longer than is read");
  return text;
}

export async function verifyToken(
  text: string,
  terms: TokenTerms,
  signing: TokenSigning = threadSigning,
): Promise<Result<Claims, TokenRefused>> {
  const token = splitToken(text);
  if (typeof token === "string") return refuse(token);
  const key = keyOf(token, terms.keys);
  if (typeof key === "string") return refuse(key);
  // Nothing that a stranger wrote is looked at behind the header.
  assert(isEd25519(key), "a token is verified with a key of Ed25519");
  if (!(await signing.isSigned(token, key))) return refuse("bad_signature");
  const members = membersOf(token.claims);
  if (members === undefined) return refuse("bad_claims_json");
  const claims = claimsOf(members);
  if (claims === undefined) return refuse("bad_claims");
  const problem = problemOf(claims, terms);
  if (problem === "token_expired") return fail({ code: "token.refused", reason: problem, claims });
  return problem === undefined ? ok(claims) : refuse(problem);
}

/** The key that the header names, where the header is as ours are; members of other names are ignored. */
function keyOf({ header }: TokenText, keys: ReadonlyMap<string, KeyObject>): KeyObject | TokenRefusedReason {
  const members = membersOf(header);
  if (members === undefined) return "bad_header_json";
  const { alg, typ, kid } = members;
  if (alg !== ALG) return "alg_not_supported";
  if (typ !== TYP) return "bad_typ";
  if ("crit" in members) return "crit_not_supported";
  const key = typeof kid === "string" ? keys.get(kid) : undefined;
  return key ?? "unknown_kid";
}

function isEd25519(key: KeyObject): boolean {
  return key.asymmetricKeyType === "ed25519";
}

function problemOf(claims: Claims, terms: TokenTerms): TokenRefusedReason | undefined {
  const { issuer, audience, nowSeconds, skewSeconds } = terms;
  if (claims.iss !== issuer || claims.aud !== audience) return "bad_issuer_audience";
  if (claims.nbf > nowSeconds + skewSeconds) return "token_not_yet_valid";
  return claims.exp < nowSeconds - skewSeconds ? "token_expired" : undefined;
}

/** The JSON object that `bytes` are; undefined where they are none. */
function membersOf(bytes: Uint8Array): JsonObject | undefined {
  const value = isUtf8(bytes) ? parseJson(Buffer.from(bytes).toString()) : undefined;
  return value !== undefined && isJsonObject(value) ? value : undefined;
}

function refuse(reason: TokenRefusedReason): Result<never, TokenRefused> {
  return fail({ code: "token.refused", reason });
}

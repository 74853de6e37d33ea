/**
 * The text of a token: header, claims and signature, each in base64 without padding, joined by dots.
 *
 * Each part may be in the alphabet of base64url, which is ours, or in the standard one, which is that of older issuers (`-` is
 * `+`, `_` is `/`); one part has one alphabet. What is signed are the characters of the first two as they came: in the other
 * alphabet they would be other characters, and no longer signed.
 *
 * The signature may be written anew, so a token can have two texts; and header and claims are signed in each alphabet if the
 * issuer likes. No text says anything else than another, but a text is no name of a token: what remembers by their texts
 * the tokens that were verified has to forget them by their `jti`, and may find a token under more than one text.
 */

/** Characters of a token. One of ours has about 500. */
export const TOKEN_BYTES_MAX = 4096;

export interface TokenText {
  /** The characters of header and claims, with the dot between them. */
  readonly signed: string;
  readonly header: Uint8Array;
  readonly claims: Uint8Array;
  readonly signature: Uint8Array;
}

export type TokenTextProblem =
  | "auth_required"
  | "token_too_large"
  | "bad_token_format"
  | "bad_header_b64"
  | "bad_claims_b64"
  | "bad_sig_b64";

export function splitToken(text: string): TokenText | TokenTextProblem {
  if (text === "") return "auth_required";
  if (text.length > TOKEN_BYTES_MAX) return "token_too_large";
  const [headerText = "", claimsText = "", signatureText = "", ...more] = text.split(".", 4);
  if (headerText === "" || claimsText === "" || signatureText === "" || more.length > 0) return "bad_token_format";
  const header = decode(headerText);
  if (header === undefined) return "bad_header_b64";
  const claims = decode(claimsText);
  if (claims === undefined) return "bad_claims_b64";
  const signature = decode(signatureText);
  if (signature === undefined) return "bad_sig_b64";
  return { signed: `${headerText}.${claimsText}`, header, claims, signature };
}

/** Whether `signed` is as JWS has it: the same characters in both alphabets, or in that of base64url. */
export function isBase64url(signed: string): boolean {
  return !/[+/]/.test(signed);
}

export function encodeBase64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The library passes over space, padding and bits that are left over: only what it would write is taken. */
function decode(part: string): Uint8Array | undefined {
  const alphabet = isBase64url(part) ? "base64url" : "base64";
  try {
    const bytes = Uint8Array.fromBase64(part, { alphabet });
    return bytes.toBase64({ alphabet, omitPadding: true }) === part ? bytes : undefined;
  } catch {
    // It throws on other characters.
    return undefined;
  }
}

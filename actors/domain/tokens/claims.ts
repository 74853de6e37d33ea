/** What a token says: claims by their names in JWT (RFC 7519), and the form that each must have. */
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";

/** Characters of a `jti` or an `fp`: one in 88 is the longest that we make. */
export const CLAIM_LENGTH_MAX = 128;

/** Times are whole seconds since 1970. */
export interface Claims {
  readonly iss: string;
  readonly aud: string;
  /** The producer. */
  readonly sub: Uuid;
  /** The one subject that the token is good for; undefined: every one that the producer is bound to. */
  readonly sid: Uuid | undefined;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  /** By which the token is revoked. */
  readonly jti: string;
  /** Fingerprint of the key that it was given for. */
  readonly fp: string;
}

/** It goes into keys of Redis as it is. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** In the order in which they are signed. */
export function encodeClaims({ iss, aud, sub, sid, iat, nbf, exp, jti, fp }: Claims): Uint8Array {
  const subject = sid === undefined ? {} : { sid };
  return new TextEncoder().encode(JSON.stringify({ iss, aud, sub, ...subject, iat, nbf, exp, jti, fp }));
}

/**
 * Undefined where one is missing or is not what it must be. Claims of other names are ignored. A list of audiences, which
 * JWT allows, is none: a token of ours has one, and nobody else signs them.
 */
export function claimsOf(value: Readonly<Record<string, unknown>>): Claims | undefined {
  const { iss, aud, iat, nbf, exp, jti, fp } = value;
  const sub = uuidOf(value["sub"]);
  const sid = uuidOf(value["sid"]);
  if (typeof iss !== "string" || typeof aud !== "string") return undefined;
  if (sub === undefined || (sid === undefined && value["sid"] !== undefined)) return undefined;
  if (!isSeconds(iat) || !isSeconds(nbf) || !isSeconds(exp)) return undefined;
  return isVisible(jti) && isVisible(fp) ? { iss, aud, sub, sid, iat, nbf, exp, jti, fp } : undefined;
}

function uuidOf(value: unknown): Uuid | undefined {
  return typeof value === "string" ? parseUuid(value) : undefined;
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isVisible(value: unknown): value is string {
  return typeof value === "string" && value.length <= CLAIM_LENGTH_MAX && VISIBLE_ASCII.test(value);
}

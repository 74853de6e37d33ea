/** Tokens that this node gives: what they say, and for how long they are good. */
import type { Fingerprint, NewToken, ProducerId } from "#actors/auth/directory/directory.ts";
import type { KeyRing } from "#actors/auth/key-ring.ts";
import type { Claims } from "#actors/domain/tokens/claims.ts";
import { signToken, type TokenRefused, verifyToken } from "#actors/domain/tokens/token.ts";
import type { TokenSigning } from "#actors/domain/tokens/token-signing.ts";
import { makeUlid } from "#actors/domain/ulid.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { hour, second } from "#runtime/units.ts";

/** How long a token is good for. */
export const TOKEN_MS: number = 1 * hour;

export interface IssuerTerms {
  readonly issuer: string;
  readonly audience: string;
  readonly skewSeconds: number;
}

/** For whom a token is. */
export interface Holder {
  readonly producerId: ProducerId;
  readonly fingerprint: Fingerprint;
  readonly subjectId: string | undefined;
}

export interface SignedToken {
  readonly text: string;
  /** Until when it is good: RFC 3339. */
  readonly until: string;
}

export class Issuer {
  readonly #ring: KeyRing;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #terms: () => IssuerTerms;
  readonly #signing: TokenSigning;

  constructor(ring: KeyRing, clock: Clock, random: Random, terms: () => IssuerTerms, signing: TokenSigning) {
    this.#ring = ring;
    this.#clock = clock;
    this.#random = random;
    this.#terms = terms;
    this.#signing = signing;
  }

  /** To be entered in the directory before it is signed. `lifeMs` is at most `TOKEN_MS`. */
  next(lifeMs: number = TOKEN_MS): NewToken {
    assert(lifeMs <= TOKEN_MS, "a token is good for no longer than the key that signed it is known");
    const wallMs = Math.floor(this.#clock.wallMs());
    const issuedAt = Math.floor(wallMs / second);
    return { jti: makeUlid(wallMs, this.#random), issuedAt, expiresAt: issuedAt + Math.floor(lifeMs / second) };
  }

  async sign({ jti, issuedAt, expiresAt }: NewToken, holder: Holder): Promise<SignedToken> {
    const { issuer, audience, skewSeconds } = this.#terms();
    const claims: Claims = {
      iss: issuer,
      aud: audience,
      sub: uuidOf(holder.producerId),
      sid: holder.subjectId === undefined ? undefined : uuidOf(holder.subjectId),
      iat: issuedAt,
      nbf: issuedAt - skewSeconds,
      exp: expiresAt,
      jti,
      fp: holder.fingerprint,
    };
    const text = await signToken(claims, this.#ring.own, this.#signing);
    return { text, until: new Date(expiresAt * second).toISOString() };
  }

  /** By its signature and its times. Whether it was revoked is another question. */
  verify(text: string): Promise<Result<Claims, TokenRefused>> {
    const nowSeconds = Math.floor(this.#clock.wallMs() / second);
    return verifyToken(text, { ...this.#terms(), keys: this.#ring.keys, nowSeconds }, this.#signing);
  }
}

function uuidOf(id: string): Uuid {
  const uuid = parseUuid(id);
  assert(uuid !== undefined, "producers and subjects have UUIDs");
  return uuid;
}

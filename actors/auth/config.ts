/** Whom auth trusts, what its tokens say, and within which bounds. */
import { type ConfigSchema, count, durationMs, text, texts } from "#runtime/config/schema.ts";
import { hour, minute, second } from "#runtime/units.ts";

export interface AuthConfig {
  /**
   * Files with lines of OpenSSH public keys: they sign the certificates of producers. More than one while one takes the place
   * of another. Without any no certificate is taken, so nobody gets a token. They are read again every few seconds,
   * and at once where the list is another.
   */
  readonly producerAuthority: readonly string[];
  /** Names of which one has to be in the certificate of a producer. */
  readonly principals: readonly string[];
  /** `iss` of tokens: the same on all nodes that share a database. */
  readonly issuer: string;
  /** `aud` of tokens. */
  readonly audience: string;
  /** By how many seconds clocks may differ. */
  readonly skewSeconds: number;
  /** Producers without an approved key that may wait for a review. One more is `rate_limited`. */
  readonly pendingMax: number;
  /** Stream of registrations of protocol 0.1.0; empty: they are not served. At start. */
  readonly legacyRegisterStream: string;
  /** Where tokens are published that such a registration is given; empty: nowhere, and then none is given. At start. */
  readonly legacyResponseStream: string;
  /** For how long after an exchange tokens are renewed that came of it. Then it takes the key, and its certificate, again. */
  readonly renewalsMs: number;
  /** Longest wait for Postgres or Redis. */
  readonly callTimeoutMs: number;
  /**
   * How long what is known of tokens counts where Postgres cannot be asked what was revoked. With longer than a second events
   * go on to the disk while Postgres is away, and a revocation by a node that can reach it may come here so much later.
   */
  readonly revocationLateMs: number;
}

/** A name of a stream, or none. */
const STREAM = /[!-~]{0,256}/;
const CLAIM = /[!-~]{1,128}/;

export const authConfigSchema: ConfigSchema<AuthConfig> = {
  producerAuthority: texts({ default: [], pattern: /[^\0\r\n]+/ }),
  principals: texts({ default: ["fdc-producer"], pattern: /[!-~]{1,256}/ }),
  issuer: text({ default: "cepa", pattern: CLAIM }),
  audience: text({ default: "fdc", pattern: CLAIM }),
  skewSeconds: count({ default: 60, min: 0, max: 300 }),
  pendingMax: count({ default: 256, min: 1, max: 65_536 }),
  legacyRegisterStream: text({ default: "", pattern: STREAM }),
  legacyResponseStream: text({ default: "", pattern: STREAM }),
  renewalsMs: durationMs({ default: 24 * hour, min: 1 * hour, max: 30 * 24 * hour }),
  callTimeoutMs: durationMs({ default: 5 * second, min: 100, max: 1 * minute }),
  revocationLateMs: durationMs({ default: 1 * second, min: 1 * second, max: 24 * hour }),
};

/** Streams that have their meaning already: what is read there would be read twice, or be what this node has written. */
const TAKEN = /^(events|events:dlq|fdc:.*)$/;

/** Relations between settings; answers with a sentence about the one that does not hold. */
export function checkAuthConfig({ legacyRegisterStream, legacyResponseStream }: AuthConfig): string | undefined {
  if (TAKEN.test(legacyRegisterStream)) {
    return `auth.legacyRegisterStream cannot be ${legacyRegisterStream}: that stream is one of lean v1`;
  }
  if (/^(events|events:dlq|fdc:(register|token:exchange|subject:register))$/.test(legacyResponseStream)) {
    return `auth.legacyResponseStream cannot be ${legacyResponseStream}: that stream is read`;
  }
  return legacyRegisterStream !== "" && legacyRegisterStream === legacyResponseStream
    ? "auth.legacyRegisterStream and auth.legacyResponseStream are two streams"
    : undefined;
}

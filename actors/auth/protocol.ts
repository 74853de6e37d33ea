/**
 * Auth says who may do what, now: producers, their keys, the requests that they sign, their tokens, and what was revoked.
 *
 * It promises that nothing which was revoked counts a second later, and that no request counts twice. It does not know what
 * producers publish, nor which subjects are theirs.
 *
 * What producers ask of it comes over streams, not over this protocol. Specified in `specs/actors/auth.md`.
 */
import type {
  Fingerprint,
  KeyFilter,
  KeyRow,
  KeyStatus,
  KeyType,
  ProducerId,
} from "#actors/auth/directory/directory.ts";
import type { RequestRefusal } from "#actors/auth/signed-request.ts";
import type { RequestFields } from "#actors/domain/streams/entry-fields.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";

/** What auth hears. */
export interface AuthProtocol {
  /** What each token is good for, in the order asked; at most `ADMIT_TOKENS_MAX`, of which many may be the same. */
  admit: Call<{ readonly tokens: readonly string[] }, readonly Admission[]>;

  /**
   * Whether a request about a subject is to be acted on. `entry` is where it came: the same request again from there is no
   * replay, and `isRedelivery` says so.
   */
  judgeSubject: Call<{ readonly entry: string; readonly fields: RequestFields }, SubjectVerdict, AuthUnavailable>;

  /** Whether a producer of this id has ever registered, whatever was decided about its keys. */
  hasProducer: Call<{ readonly producerId: ProducerId }, boolean, AuthUnavailable>;

  /** The newest keys first, `limit` at most, which is 1 … `KEYS_LISTED_MAX`; those with a lower number than `before`. */
  listKeys: Call<
    { readonly filter: KeyFilter; readonly limit: number; readonly before?: number | undefined },
    readonly KeyRow[],
    AuthUnavailable
  >;

  /**
   * Whether a key of an administrator has not signed with this nonce in the last five minutes. The key and its signature were
   * looked at by who asks, who acts on nothing that was signed with a nonce that was there before.
   */
  takeAdminNonce: Call<{ readonly fingerprint: Fingerprint; readonly nonce: string }, boolean, AuthUnavailable>;

  /** A person decides about a key. Whoever waits for that is told. The same again is fine. */
  reviewKey: Call<KeyReview, Reviewed, KeyUnknown | KeyDecided | KeyRotates | AuthUnavailable>;

  /**
   * Approves a key of protocol 0.1.0 that waits, for its own producer, and gives a token for it; again is another token. In that
   * protocol a key is its producer: one that is to take another's place is approved only where the producer is named.
   */
  approveWithToken: Call<KeyApproval, TokenGiven, KeyUnknown | KeyDecided | KeyRotates | AuthUnavailable>;

  /** A token with all that came of the same exchange, or a key with all its tokens, counts no longer. Again is fine. */
  revoke: Call<Revocation, void, KeyUnknown | TokenUnknown | AuthUnavailable>;

  /** For status, and for whoever has to know what is asked of producers. */
  describe: Call<Record<never, never>, AuthFacts>;
}

/** What auth announces: nothing. Who has to know of a revocation asks. */
export type AuthEvents = Record<never, never>;

export type Admission =
  /** Nobody can say now. */
  | { readonly kind: "undecided"; readonly cause: string }
  | {
      readonly kind: "admitted";
      readonly producerId: ProducerId;
      /** The only one that it is good for; undefined: all that the producer is bound to. */
      readonly subjectId: string | undefined;
    }
  | {
      readonly kind: "refused";
      readonly reason: "unauthenticated" | "producer_disabled";
      /** What exactly was wrong, for logs. */
      readonly problem: string;
      /** Whose it was, of a token that is over. */
      readonly was?: { readonly producerId: ProducerId; readonly subjectId: string | undefined };
    };

export type SubjectVerdict =
  | {
      readonly kind: "judged";
      readonly producerId: ProducerId;
      readonly fingerprint: Fingerprint;
      /** JSON, as it was signed: `readCanonical` takes it, and it is an object with `op`. */
      readonly payload: string;
      /** It was acted on, or may have been. */
      readonly isRedelivery: boolean;
    }
  | {
      readonly kind: "refused";
      readonly reason: SubjectRefusal;
      /** For logs. */
      readonly problem: string;
      /** Whom to tell; undefined where nobody is known to have asked, or none whom the producer's review has let in. */
      readonly producerId: ProducerId | undefined;
      /** Of a key that is not approved. */
      readonly status?: KeyStatus;
    };

export type SubjectRefusal =
  | RequestRefusal
  | "replay"
  | "rate_limited"
  | "unknown_key"
  | "key_not_approved"
  | "producer_disabled";

export interface KeyReview {
  readonly action: "approve" | "deny";
  /** Of the key, or any text fingerprint that it is known by. */
  readonly fingerprint: string;
  readonly producerId: ProducerId;
  /** The principal of the administrator's certificate. */
  readonly reviewer: string;
  readonly notes: string | undefined;
}

export type Reviewed =
  /** `wasApproved`: already, and nothing has changed. */
  | { readonly kind: "approved"; readonly type: KeyType; readonly wasApproved: boolean; readonly isTold: boolean }
  /** `isTold`: whether the answer is where the producer waits for one. */
  | { readonly kind: "denied"; readonly isTold: boolean };

export interface KeyApproval {
  /** Of the key, or any text fingerprint that it is known by. */
  readonly fingerprint: string;
  /** Whose key it is, if whoever approves it has looked at that. */
  readonly producerId: ProducerId | undefined;
  readonly reviewer: string;
  readonly notes: string | undefined;
  /** Of the token, at least 1000; one lives no longer than an hour, whatever is asked for. */
  readonly lifeMs: number;
}

export interface TokenGiven {
  readonly producerId: ProducerId;
  readonly token: string;
  readonly jti: string;
  /** RFC 3339. */
  readonly until: string;
}

export interface Revocation {
  readonly what: /** `text`: the token itself, if somebody has it. What one of our keys has signed is a token, known here or not. */
    | { readonly kind: "token"; readonly jti: string; readonly text?: string | undefined }
    /** Of the key, or any text fingerprint that it is known by. */
    | { readonly kind: "key"; readonly fingerprint: string };
  readonly reason: string;
  /** The principal of the administrator's certificate. */
  readonly reviewer: string;
}

export interface AuthFacts {
  /** Keys that sign certificates of producers. None: no certificate is taken. */
  readonly authorityCount: number;
  /** By which the tokens that this node gives are signed; undefined before it could be read. */
  readonly kid: string | undefined;
  /** What is away, if something is. */
  readonly trouble: string | undefined;
}

/** Postgres or Redis cannot be asked now. What was asked for may have been done: asked again it is answered as it is then. */
export interface AuthUnavailable extends Failure<"auth.unavailable"> {
  readonly server: "postgres" | "redis";
  readonly cause: string;
  /** Of what only asks: nothing was decided. */
  readonly executed?: "no";
}

/** There is no such key, or it is another producer's. Final. */
export interface KeyUnknown extends Failure<"auth.key-unknown"> {
  readonly fingerprint: string;
}

/** Nobody was given a token of this name, or it was over a month ago: nothing was revoked. Final for the name, not for the token itself. */
export interface TokenUnknown extends Failure<"auth.token-unknown"> {
  readonly jti: string;
}

/** Somebody has denied the key, or approved another one in its place: only one that waits is approved. Final. */
export interface KeyDecided extends Failure<"auth.key-decided"> {
  readonly fingerprint: string;
}

/** The key is not the first of its producer, whom nobody has named. Nothing was changed; look at both, and name it. */
export interface KeyRotates extends Failure<"auth.key-rotates"> {
  readonly fingerprint: string;
}

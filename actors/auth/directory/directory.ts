/**
 * What auth keeps: producers, their keys, the requests that they signed, the tokens that they were given.
 *
 * Every operation is one transaction: it has happened as a whole when it is answered, and not at all when it fails. A signed
 * request is recorded with what came of it, under its key and nonce, so that it never counts twice, also where whoever
 * remembers nonces has lost them. What is asked with here was verified before: nothing is kept of who only claims a key.
 *
 * A request that is delivered again, because nobody heard that it was acted on, is no replay: it is told by the entry that it
 * came in, and answered as before, without being acted on again. Any other entry with its nonce is a replay.
 *
 * Whoever makes keys without end cannot fill it: a key that is refused when it first comes leaves nothing, not even its
 * request, and of a key that nobody has approved only so many requests are kept.
 *
 * A request of a key that may act, or may yet be approved, is kept for good: nothing in it says when it was signed, so a copy of it would
 * be as good as new. That of a key that has ended, for ever, acts on nothing however often it comes, and can go.
 */
import type { Failure, Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SchemaUnknown } from "#runtime/sql/migrations.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

/** Keys that wait to follow on the approved one of a producer; one more is refused. Whoever knows its id can bring some. */
export const ROTATIONS_PENDING_MAX = 4;
/** Requests kept of a key that is not approved. Further ones come to nothing as well, and are not remembered. */
export const REQUESTS_UNAPPROVED_MAX = 1000;
/** Names kept of a key beside its fingerprint; it is not found by later ones. */
export const KEY_ALIASES_MAX = 16;
/** Changes kept: who is further behind has to ask everything anew. */
export const CHANGES_MAX = 4096;
/** Keys listed at once. */
export const KEYS_LISTED_MAX = 1000;
/** Keys that sign tokens: one a node, and those that they had before. The ones that were used last count. */
export const SIGNING_KEYS_MAX = 64;

/** What is bounded here. Tests have smaller ones. */
export interface DirectoryLimits {
  readonly rotationsPendingMax: number;
  readonly requestsUnapprovedMax: number;
  readonly keyAliasesMax: number;
  readonly changesMax: number;
  readonly keysListedMax: number;
}

export const DIRECTORY_LIMITS: DirectoryLimits = {
  rotationsPendingMax: ROTATIONS_PENDING_MAX,
  requestsUnapprovedMax: REQUESTS_UNAPPROVED_MAX,
  keyAliasesMax: KEY_ALIASES_MAX,
  changesMax: CHANGES_MAX,
  keysListedMax: KEYS_LISTED_MAX,
};

/** UUID, in lower case. */
export type ProducerId = string;
/** Base64 of SHA3-512 over the key; see `fingerprintOf`. */
export type Fingerprint = string;

export type KeyStatus = "pending" | "approved" | "revoked" | "superseded";
/** What a signature was made for. It is not in what is signed, so one request counts for one operation, once. */
export type Operation = "register" | "deregister" | "subject" | "exchange";

/** A request whose signature holds. Its texts have no U+0000 and no lone surrogates, which no database takes. */
export interface SignedRequest {
  readonly fingerprint: Fingerprint;
  readonly nonce: string;
  readonly operation: Operation;
  /** In which it came: stream and id. No other request ever comes in it. */
  readonly entry: string;
  /** SHA-256 of what was signed, which is not kept: whoever has it can verify it. */
  readonly payloadDigest: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  readonly atMs: number;
}

/** What an authority of producers has said of a key. */
export interface KeyCertificate {
  readonly keyId: string;
  /** The first one that is taken here. */
  readonly principal: string;
}

export interface Registration {
  readonly request: SignedRequest;
  /** The key, without a comment: `ssh-ed25519 AAAA…`. */
  readonly keyLine: string;
  /** What the original kernel would call the key; for look-ups only. */
  readonly textFingerprint: string;
  /** That it came with; it is good. */
  readonly certificate: KeyCertificate | undefined;
  /** What a new producer says of itself: for people, never for a decision. */
  readonly hint: string | undefined;
  readonly contact: string | undefined;
  readonly meta: Readonly<Record<string, string>>;
  /** Whose further key it wants to be: any text. Of a key that is known already it is not looked at. */
  readonly producerId: string | undefined;
  /** Whether what was signed can be nothing but a registration. Of an approved key nothing else is taken for one. */
  readonly isUnmistakable: boolean;
  /** Producers that have no approved key and wait for a review; one more is refused. */
  readonly pendingMax: number;
}

/** The five cases of seed 004, and a request that was seen before. */
export type Registered =
  /** Cases 1 and 2: a person decides. */
  | { readonly kind: "pending"; readonly producerId: ProducerId }
  /** Case 3; a producer that had left is back. */
  | { readonly kind: "approved"; readonly producerId: ProducerId; readonly wasDisabled: boolean }
  /** Case 4: it waits already. */
  | { readonly kind: "still-pending"; readonly producerId: ProducerId }
  /** Case 5, case 2 without somebody to belong to, or case 3 of what may have been signed for something else. */
  | { readonly kind: "denied"; readonly producerId: ProducerId | undefined; readonly reason: DeniedReason }
  /** As many wait for a review as may: producers, or keys of the one that it wants to be a key of. */
  | { readonly kind: "full" }
  | { readonly kind: "replay" };

export type DeniedReason =
  | "revoked"
  | "superseded"
  | "producer_not_found"
  | "producer_not_approved"
  | "ambiguous_payload";

export type Deregistered =
  | { readonly kind: "deregistered"; readonly producerId: ProducerId }
  /** Only who holds an approved key may take its producer away. */
  | { readonly kind: "denied"; readonly reason: "unknown_key" | Exclude<KeyStatus, "approved"> }
  | { readonly kind: "replay" };

export type Spent =
  /** With the key as it is. What is to come of the request is for the caller to decide, and was before if it came again. */
  | { readonly kind: "spent"; readonly key: KeyFacts; readonly isRedelivery: boolean }
  /** Nothing is kept of it. */
  | { readonly kind: "unknown-key" }
  | { readonly kind: "replay" };

export interface KeyFacts {
  readonly fingerprint: Fingerprint;
  readonly producerId: ProducerId;
  readonly status: KeyStatus;
  readonly isDisabled: boolean;
}

/** What every new token has of its own. */
export interface NewToken {
  /** Never used before. */
  readonly jti: string;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** A token to be. */
export interface TokenGrant extends NewToken {
  /** The key that it is given for: every token has one. */
  readonly fingerprint: Fingerprint;
  readonly producerId: ProducerId;
  readonly subjectId: string | undefined;
}

export type Issued =
  | { readonly kind: "issued" }
  | {
      readonly kind: "refused";
      readonly reason: "unknown_key" | "key_not_approved" | "wrong_producer" | "producer_disabled" | AnotherRefused;
    }
  | { readonly kind: "replay" };

/** Of the token that the same exchange came to first, or that is renewed: it was revoked, or is known no longer. */
type AnotherRefused = "unknown_token" | "token_revoked";

export type Renewed =
  /** With what it takes over from the one before. */
  | {
      readonly kind: "renewed";
      readonly producerId: ProducerId;
      readonly subjectId: string | undefined;
      readonly fingerprint: Fingerprint;
    }
  | {
      readonly kind: "refused";
      readonly reason: AnotherRefused | "renewals_over" | "key_not_approved" | "producer_disabled";
    };

/** The public half of a key that signs tokens. */
export interface SigningKeyFacts {
  readonly kid: string;
  /** 32 bytes of Ed25519. */
  readonly publicKey: Uint8Array;
}

/** What decides whether a token counts, beside its signature and its times. */
export interface TokenFacts {
  readonly producerId: ProducerId;
  readonly fingerprint: Fingerprint;
  readonly subjectId: string | undefined;
  /** By name, with the one that it was renewed from, or with its key. */
  readonly isRevoked: boolean;
  /** False also where the key was superseded. */
  readonly isKeyApproved: boolean;
  readonly isDisabled: boolean;
}

/** A token that is to count no longer. */
export interface TokenDenial {
  readonly jti: string;
  /** Whether a key of ours has signed it: it is a token then, known here or not. */
  readonly isSigned: boolean;
  readonly reason: string;
  readonly atMs: number;
}

export interface Review {
  readonly fingerprint: Fingerprint;
  readonly producerId: ProducerId;
  /** The principal of the administrator's certificate. */
  readonly reviewer: string;
  readonly notes: string | undefined;
  readonly atMs: number;
  /** Whether a key may be approved that is not the first of its producer. */
  readonly mayRotate: boolean;
}

/** Of a key: whether it is the first of its producer. */
export type KeyType = "new_producer" | "key_rotation";

export type Approved =
  | {
      readonly kind: "approved";
      readonly type: KeyType;
      /** It was approved already: nothing has changed. */
      readonly wasApproved: boolean;
      /** Of the latest registration of the key: where the producer waits for the answer. */
      readonly nonce: string;
    }
  | { readonly kind: "not-found" }
  /** It is another producer's, or was denied, or has made room for another. */
  | { readonly kind: "wrong-producer" | "not-pending" }
  /** It waits, and is not the first of its producer. */
  | { readonly kind: "rotation" };

export type Denied =
  | { readonly kind: "denied"; readonly nonce: string }
  | { readonly kind: "not-found" | "wrong-producer" };

/** `active`: approved, of a producer that is not disabled. `registered`: let in by a review and not thrown out since. */
export type KeyFilter = "pending" | "all" | "active" | "registered";

export interface KeyRow extends KeyFacts {
  /** Of all keys, in the order in which they came first; from 1. */
  readonly number: number;
  readonly type: KeyType;
  /** Of one that waits: the key of its producer that ends when this one is approved. */
  readonly supersedes: Fingerprint | undefined;
  /** The last one that it came with. */
  readonly certificate: KeyCertificate | undefined;
  /** Of its producer, as that called itself with its first key. */
  readonly hint: string | undefined;
  readonly contact: string | undefined;
  readonly createdMs: number;
  /** The token that was given last, of those that are kept; undefined where there is none. */
  readonly token: { readonly jti: string; readonly expiresAt: number; readonly isRevoked: boolean } | undefined;
}

/**
 * Something that was said before may count no longer. No change tells of what was not there before: that something is
 * unknown is not to be remembered.
 */
export interface Change {
  /** `producer`: with its keys and their tokens. `key`: with the tokens that were given for it. */
  readonly kind: "token" | "producer" | "key";
  /** `jti`, producer or fingerprint. */
  readonly id: string;
}

/** How much of each was removed. */
export interface Pruned {
  readonly tokenCount: number;
  readonly denialCount: number;
  readonly requestCount: number;
}

/** Changes one after another, and the number of the last one. */
export interface Changes {
  readonly last: number;
  readonly changes: readonly Change[];
}

/** What was asked for is not among what is kept: everything may have changed. Forget all, then go on after `last`. */
export interface ChangesForgotten extends Failure<"auth.changes-forgotten"> {
  /** The first change that is kept. */
  readonly oldest: number;
  /** Less than what was asked after where the database is another one, or an older one was brought back. */
  readonly last: number;
}

/** Where auth keeps what it knows. Every node that works on one database has the same. */
export interface Directory {
  /** Ready to be asked: its tables are those of this build. */
  open(within: Within): Promise<Result<void, SchemaUnknown | DirectoryFailure>>;

  register(registration: Registration, within: Within): Promise<Result<Registered, DirectoryFailure>>;
  deregister(request: SignedRequest, within: Within): Promise<Result<Deregistered, DirectoryFailure>>;
  /** By its fingerprint, or by an alias. */
  keyOf(name: string, within: Within): Promise<Result<KeyFacts | undefined, DirectoryFailure>>;
  /** Whether a producer of this id has ever come. */
  hasProducer(producerId: ProducerId, within: Within): Promise<Result<boolean, DirectoryFailure>>;
  /** Records a request of which nothing else is kept here. */
  spend(request: SignedRequest, within: Within): Promise<Result<Spent, DirectoryFailure>>;

  /**
   * Records the request, which is one of the same key, and the token, or only the request where it is refused. Without a
   * request where the token is part of what another one came to: a registration, or a review. A request that comes again is
   * given this token too, if it was given one, and may be given one now: it then belongs to the first one, as a renewed one does.
   */
  issue(
    grant: TokenGrant,
    request: SignedRequest | undefined,
    within: Within,
  ): Promise<Result<Issued, DirectoryFailure>>;
  /**
   * `jti`: of the token that is renewed, which counts on. What the new one is for is taken over from it. `since`, in seconds since
   * 1970: what came of an exchange before that is renewed no more.
   */
  renew(jti: string, token: NewToken, since: number, within: Within): Promise<Result<Renewed, DirectoryFailure>>;
  /** What of each is known; the others were never given, or denied without being known. */
  tokens(jtis: readonly string[], within: Within): Promise<Result<ReadonlyMap<string, TokenFacts>, DirectoryFailure>>;

  /**
   * An approved key that the producer had is superseded, and the tokens that were given for it count no longer. Of a key that is
   * approved it is answered so, and changes nothing: the first answer may have been lost.
   */
  approve(review: Review, within: Within): Promise<Result<Approved, DirectoryFailure>>;
  /** Whatever it was, and again: the key is revoked, and its tokens count no longer. */
  deny(review: Review, within: Within): Promise<Result<Denied, DirectoryFailure>>;
  /**
   * One that was renewed goes with all that came of the same exchange: who has stolen it may have renewed it too. Of a name that is
   * not known here, was not denied before, and that nobody has shown to be a token's: false, and nothing is kept of it.
   */
  revokeToken(denial: TokenDenial, within: Within): Promise<Result<boolean, DirectoryFailure>>;

  /** The newest first, at most `limit`, which is 1 … `KEYS_LISTED_MAX`; those with a lower number than `before`. */
  list(
    filter: KeyFilter,
    limit: number,
    before: number | undefined,
    within: Within,
  ): Promise<Result<readonly KeyRow[], DirectoryFailure>>;

  /**
   * Says that this key signs tokens, at `atMs`. Answers with all that were said to after `sinceMs`, this one among them: tokens
   * of other nodes are good everywhere, and those of a key that a node had before until they are over.
   */
  shareSigningKey(
    key: SigningKeyFacts,
    atMs: number,
    sinceMs: number,
    within: Within,
  ): Promise<Result<readonly SigningKeyFacts[], DirectoryFailure>>;

  /** The number of the last change; 0 before the first. */
  lastChange(within: Within): Promise<Result<number, DirectoryFailure>>;
  /**
   * What changed after `since`, in order. Changes are numbered in the order in which they become visible: none ever appears
   * behind one that was read.
   */
  changesSince(since: number, within: Within): Promise<Result<Changes, ChangesForgotten | DirectoryFailure>>;

  /**
   * Removes, of each kind, at most `limit` of what means nothing any more. Whether something counts, counts again, or was seen before is the
   * same without it:
   * - tokens that were over before `beforeMs`; the first one of an exchange when all that came of it are gone;
   * - denials before that, of tokens that are not known;
   * - requests before that, of keys that had ended by then.
   */
  prune(beforeMs: number, limit: number, within: Within): Promise<Result<Pruned, DirectoryFailure>>;

  close(): Promise<void>;
}

/** Nothing was decided, but that after an `sql.unreachable` with `maybe` it may have been. */
export type DirectoryFailure = SqlFailure;

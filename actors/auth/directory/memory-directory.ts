/**
 * A directory in memory: the simulated half of the seam. It outlives whoever uses it, as a database does.
 *
 * It follows the words of the contract and shares no rule with the other half, so that each is a check of the other. Nothing
 * in it waits, so every operation is a transaction by itself.
 */
import {
  type Approved,
  type Changes,
  type ChangesForgotten,
  type Denied,
  type Deregistered,
  DIRECTORY_LIMITS,
  type Directory,
  type DirectoryLimits,
  type Issued,
  type KeyFacts,
  type KeyFilter,
  type KeyRow,
  type NewToken,
  type ProducerId,
  type Pruned,
  type Registered,
  type Registration,
  type Renewed,
  type Review,
  SIGNING_KEYS_MAX,
  type SignedRequest,
  type SigningKeyFacts,
  type Spent,
  type TokenDenial,
  type TokenFacts,
  type TokenGrant,
} from "#actors/auth/directory/directory.ts";
import { MemoryChanges } from "#actors/auth/directory/memory-changes.ts";
import { factsOf, type MemoryAnswer, type MemoryKey, MemoryKeys } from "#actors/auth/directory/memory-keys.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { second } from "#runtime/units.ts";

interface MemoryToken {
  readonly jti: string;
  readonly key: MemoryKey;
  readonly subjectId: string | undefined;
  readonly expiresAt: number;
  /** Seconds since 1970. */
  readonly exchangedAt: number;
  /** Of the one that an exchange gave; its own where it is that. */
  readonly rootJti: string;
}

type Answer<Value> = Promise<Result<Value, never>>;

/** Ids of producers are a function of `random`. */
export class MemoryDirectory implements Directory {
  readonly #limits: DirectoryLimits;
  readonly #keys: MemoryKeys;
  readonly #changes: MemoryChanges;
  readonly #tokens = new Map<string, MemoryToken>();
  readonly #lastTokens = new Map<MemoryKey, MemoryToken>();
  /** When each was. */
  readonly #denied = new Map<string, number>();
  readonly #signingKeys = new Map<string, SigningKeyFacts & { readonly usedMs: number }>();

  constructor(random: Random, limits: DirectoryLimits = DIRECTORY_LIMITS) {
    this.#limits = limits;
    this.#keys = new MemoryKeys(random, limits);
    this.#changes = new MemoryChanges(limits.changesMax);
  }

  async open(): Answer<void> {
    return ok();
  }

  async register(registration: Registration): Answer<Registered> {
    const key = this.#keys.get(registration.request.fingerprint);
    if (key === undefined) return ok(this.#keys.add(registration));
    const { request } = registration;
    const earlier = this.#keys.earlier(key, request);
    if (earlier !== undefined) return ok(isOf("register", earlier) ? earlier.answer : { kind: "replay" });
    this.#keys.note(key, registration);
    const answer = registeredOf(key, registration);
    this.#keys.record(key, request, { operation: "register", answer });
    if (answer.kind === "approved") this.#setDisabled(key, false);
    return ok(answer);
  }

  async deregister(request: SignedRequest): Answer<Deregistered> {
    const key = this.#keys.get(request.fingerprint);
    if (key === undefined) return ok({ kind: "denied", reason: "unknown_key" });
    const earlier = this.#keys.earlier(key, request);
    if (earlier !== undefined) return ok(isOf("deregister", earlier) ? earlier.answer : { kind: "replay" });
    const { status, producer } = key;
    const answer: Deregistered =
      status === "approved" ? { kind: "deregistered", producerId: producer.id } : { kind: "denied", reason: status };
    this.#keys.record(key, request, { operation: "deregister", answer });
    if (answer.kind === "deregistered") this.#setDisabled(key, true);
    return ok(answer);
  }

  async keyOf(name: string): Answer<KeyFacts | undefined> {
    const key = this.#keys.find(name);
    return ok(key === undefined ? undefined : factsOf(key));
  }

  async hasProducer(producerId: ProducerId): Answer<boolean> {
    return ok(this.#keys.hasProducer(producerId));
  }

  async spend(request: SignedRequest): Answer<Spent> {
    const key = this.#keys.get(request.fingerprint);
    if (key === undefined) return ok({ kind: "unknown-key" });
    const earlier = this.#keys.earlier(key, request);
    if (earlier === "replay") return ok({ kind: "replay" });
    if (earlier === undefined) this.#keys.record(key, request, { operation: "subject" });
    return ok({ kind: "spent", key: factsOf(key), isRedelivery: earlier !== undefined });
  }

  async issue(grant: TokenGrant, request: SignedRequest | undefined): Answer<Issued> {
    const { jti, fingerprint, subjectId, issuedAt, expiresAt } = grant;
    assert(request === undefined || request.fingerprint === fingerprint, "a token is for the key that asks for it");
    const key = this.#keys.get(fingerprint);
    if (key === undefined) return ok({ kind: "refused", reason: "unknown_key" });
    const earlier = request && this.#keys.earlier(key, request);
    if (earlier !== undefined && !isOf("exchange", earlier)) return ok({ kind: "replay" });
    if (earlier?.answer.kind === "refused") return ok(earlier.answer);
    const answer = issuedOf(key, grant);
    const first = earlier === undefined ? undefined : this.#tokens.get(earlier.jti);
    if (answer.kind === "issued") {
      if (earlier !== undefined && first === undefined) return ok({ kind: "refused", reason: "unknown_token" });
      if (first !== undefined && this.#isRevoked(first)) return ok({ kind: "refused", reason: "token_revoked" });
      this.#give({
        ...{ jti, key, subjectId, expiresAt },
        ...{ exchangedAt: first?.exchangedAt ?? issuedAt, rootJti: first?.jti ?? jti },
      });
    }
    if (request !== undefined && earlier === undefined) {
      this.#keys.record(key, request, { operation: "exchange", answer, jti });
    }
    return ok(answer);
  }

  async renew(jti: string, token: NewToken, since: number): Answer<Renewed> {
    const old = this.#tokens.get(jti);
    if (old === undefined) return ok({ kind: "refused", reason: "unknown_token" });
    const { key, subjectId } = old;
    if (key.status !== "approved") return ok({ kind: "refused", reason: "key_not_approved" });
    if (key.producer.isDisabled) return ok({ kind: "refused", reason: "producer_disabled" });
    if (this.#isRevoked(old)) return ok({ kind: "refused", reason: "token_revoked" });
    if (old.exchangedAt < since) return ok({ kind: "refused", reason: "renewals_over" });
    this.#give({ ...old, jti: token.jti, expiresAt: token.expiresAt });
    return ok({ kind: "renewed", producerId: key.producer.id, subjectId, fingerprint: key.fingerprint });
  }

  async tokens(jtis: readonly string[]): Answer<ReadonlyMap<string, TokenFacts>> {
    const known = jtis.flatMap((jti) => this.#tokens.get(jti) ?? []);
    return ok(new Map(known.map((token) => [token.jti, this.#factsOf(token)])));
  }

  async approve({ fingerprint, producerId, atMs, mayRotate }: Review): Answer<Approved> {
    const key = this.#keys.get(fingerprint);
    if (key === undefined) return ok({ kind: "not-found" });
    if (key.producer.id !== producerId) return ok({ kind: "wrong-producer" });
    const { status, type, nonce } = key;
    if (status === "approved") return ok({ kind: "approved", type, wasApproved: true, nonce });
    if (status !== "pending") return ok({ kind: "not-pending" });
    if (type === "key_rotation" && !mayRotate) return ok({ kind: "rotation" });
    const old = this.#keys.approvedOf(producerId);
    if (old !== undefined) this.#keys.end(old, "superseded", atMs);
    key.status = "approved";
    for (const one of [key, old]) if (one !== undefined) this.#changes.add({ kind: "key", id: one.fingerprint });
    return ok({ kind: "approved", type, wasApproved: false, nonce });
  }

  async deny({ fingerprint, producerId, atMs }: Review): Answer<Denied> {
    const key = this.#keys.get(fingerprint);
    if (key === undefined) return ok({ kind: "not-found" });
    if (key.producer.id !== producerId) return ok({ kind: "wrong-producer" });
    if (key.status !== "revoked") this.#changes.add({ kind: "key", id: fingerprint });
    this.#keys.end(key, "revoked", atMs);
    return ok({ kind: "denied", nonce: key.nonce });
  }

  async revokeToken({ jti, isSigned, atMs }: TokenDenial): Answer<boolean> {
    const token = this.#tokens.get(jti);
    const denied = token?.rootJti ?? jti;
    if (this.#denied.has(denied)) return ok(true);
    if (token === undefined && !isSigned) return ok(false);
    this.#denied.set(denied, atMs);
    this.#changes.add(token === undefined ? { kind: "token", id: jti } : { kind: "key", id: token.key.fingerprint });
    return ok(true);
  }

  async list(filter: KeyFilter, limit: number, before: number | undefined): Answer<readonly KeyRow[]> {
    const { keysListedMax } = this.#limits;
    assert(Number.isInteger(limit) && limit >= 1 && limit <= keysListedMax, "a page of keys has a length");
    const listed = this.#keys.listed(filter).filter(({ number }) => before === undefined || number < before);
    return ok(listed.slice(0, limit).map((key) => this.#rowOf(key)));
  }

  async shareSigningKey(key: SigningKeyFacts, atMs: number, sinceMs: number): Answer<readonly SigningKeyFacts[]> {
    const known = this.#signingKeys.get(key.kid);
    const usedMs = Math.max(atMs, known?.usedMs ?? 0);
    this.#signingKeys.set(key.kid, { kid: key.kid, publicKey: known?.publicKey ?? key.publicKey, usedMs });
    const others = [...this.#signingKeys.values()].filter((one) => one.kid !== key.kid && one.usedMs > sinceMs);
    const own = this.#signingKeys.get(key.kid) ?? { ...key, usedMs };
    const newest = [own, ...others.sort((a, b) => b.usedMs - a.usedMs)].slice(0, SIGNING_KEYS_MAX);
    return ok(newest.map(({ kid, publicKey }) => ({ kid, publicKey })));
  }

  async lastChange(): Answer<number> {
    return ok(this.#changes.last);
  }

  async changesSince(since: number): Promise<Result<Changes, ChangesForgotten>> {
    return this.#changes.since(since);
  }

  async prune(beforeMs: number, limit: number): Answer<Pruned> {
    const familySizes = new Map<string, number>();
    for (const { rootJti } of this.#tokens.values()) familySizes.set(rootJti, (familySizes.get(rootJti) ?? 0) + 1);
    const over = [...this.#tokens.values()]
      .filter(({ jti, rootJti }) => jti !== rootJti || familySizes.get(jti) === 1)
      .filter(({ expiresAt }) => expiresAt * second < beforeMs)
      .slice(0, limit);
    for (const { jti } of over) this.#tokens.delete(jti);
    this.#lastTokens.clear();
    for (const token of this.#tokens.values()) this.#lastTokens.set(token.key, token);

    const old = [...this.#denied].filter(([jti, atMs]) => atMs < beforeMs && !this.#tokens.has(jti));
    const denials = old.slice(0, limit);
    for (const [jti] of denials) this.#denied.delete(jti);
    const requestCount = this.#keys.prune(beforeMs, limit);
    return ok({ tokenCount: over.length, denialCount: denials.length, requestCount });
  }

  async close(): Promise<void> {}

  #setDisabled({ producer }: MemoryKey, isDisabled: boolean): void {
    if (producer.isDisabled !== isDisabled) this.#changes.add({ kind: "producer", id: producer.id });
    producer.isDisabled = isDisabled;
  }

  #give(token: MemoryToken): void {
    assert(!this.#tokens.has(token.jti), "no token was called that before");
    this.#tokens.set(token.jti, token);
    this.#lastTokens.set(token.key, token);
  }

  #isRevoked({ jti, rootJti, key }: MemoryToken): boolean {
    return this.#denied.has(rootJti) || this.#denied.has(jti) || key.status !== "approved";
  }

  #factsOf(token: MemoryToken): TokenFacts {
    const { producerId, fingerprint, status, isDisabled } = factsOf(token.key);
    const isKeyApproved = status === "approved";
    const { subjectId } = token;
    return { producerId, fingerprint, subjectId, isRevoked: this.#isRevoked(token), isKeyApproved, isDisabled };
  }

  #rowOf(key: MemoryKey): KeyRow {
    const { number, createdMs, producer, status, type, certificate } = key;
    const supersedes = status === "pending" ? this.#keys.approvedOf(producer.id)?.fingerprint : undefined;
    const { hint, contact } = producer;
    const last = this.#lastTokens.get(key);
    const token = last && { jti: last.jti, expiresAt: last.expiresAt, isRevoked: this.#isRevoked(last) };
    return { ...factsOf(key), number, type, supersedes, certificate, hint, contact, createdMs, token };
  }
}

function registeredOf({ status, producer }: MemoryKey, { isUnmistakable }: Registration): Registered {
  const { id: producerId, isDisabled: wasDisabled } = producer;
  if (status === "pending") return { kind: "still-pending", producerId };
  if (status !== "approved") return { kind: "denied", producerId, reason: status };
  if (!isUnmistakable) return { kind: "denied", producerId, reason: "ambiguous_payload" };
  return { kind: "approved", producerId, wasDisabled };
}

function issuedOf({ status, producer }: MemoryKey, { producerId }: TokenGrant): Exclude<Issued, { kind: "replay" }> {
  if (status !== "approved") return { kind: "refused", reason: "key_not_approved" };
  if (producer.id !== producerId) return { kind: "refused", reason: "wrong_producer" };
  return producer.isDisabled ? { kind: "refused", reason: "producer_disabled" } : { kind: "issued" };
}

function isOf<Operation extends MemoryAnswer["operation"]>(
  operation: Operation,
  earlier: MemoryAnswer | "replay",
): earlier is Extract<MemoryAnswer, { readonly operation: Operation }> {
  return earlier !== "replay" && earlier.operation === operation;
}

/** What people and producers do with a directory, in few words. Every request has a nonce of its own where none is given. */
import assert from "node:assert/strict";
import {
  type Approved,
  type Change,
  type Denied,
  type Deregistered,
  DIRECTORY_LIMITS,
  type Directory,
  type DirectoryLimits,
  type Fingerprint,
  type Issued,
  type KeyFacts,
  type NewToken,
  type Operation,
  type ProducerId,
  type Pruned,
  type Registered,
  type Registration,
  type Renewed,
  type Review,
  type SignedRequest,
  type Spent,
  type TokenFacts,
  type TokenGrant,
} from "#actors/auth/directory/directory.ts";
import { must } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

export const within: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

/** Small enough to be reached. */
export const smallLimits: DirectoryLimits = {
  ...DIRECTORY_LIMITS,
  rotationsPendingMax: 2,
  requestsUnapprovedMax: 3,
  keyAliasesMax: 3,
  changesMax: 3,
};

/** What a person has looked at is what is there now, in milliseconds of no clock. */
export const atMs: number = 1_760_000_000_123;

export type RegistrationOptions = Partial<Omit<Registration, "request">> & {
  readonly nonce?: string;
  readonly atMs?: number;
  readonly entry?: string;
};

let entryCount = 0;

function nextEntry(): string {
  entryCount += 1;
  return `a stream ${entryCount}-0`;
}

/** Without an `entry` it is one that never came before. */
export function requestOf(
  fingerprint: Fingerprint,
  operation: Operation,
  nonce: string,
  signedMs: number = atMs,
  entry: string = nextEntry(),
): SignedRequest {
  const signature = new Uint8Array(64).fill(7);
  const payloadDigest = new Uint8Array(32).fill(6);
  return { fingerprint, nonce, operation, entry, payloadDigest, signature, atMs: signedMs };
}

export function registrationOf(
  fingerprint: Fingerprint,
  { nonce = "a nonce", atMs: signedMs = atMs, entry, ...rest }: RegistrationOptions = {},
): Registration {
  return {
    request: requestOf(fingerprint, "register", nonce, signedMs, entry),
    keyLine: `ssh-ed25519 ${fingerprint}`,
    textFingerprint: `text of ${fingerprint}`,
    certificate: undefined,
    hint: undefined,
    contact: undefined,
    meta: {},
    producerId: undefined,
    isUnmistakable: true,
    pendingMax: 100,
    ...rest,
  };
}

export function reviewOf(fingerprint: Fingerprint, producerId: ProducerId): Review {
  return { fingerprint, producerId, reviewer: "fdc-admin", notes: undefined, atMs, mayRotate: true };
}

export function tokenOf(jti: string): NewToken {
  return { jti, issuedAt: 1_760_000_000, expiresAt: 1_760_003_600 };
}

export function grantOf(
  jti: string,
  fingerprint: Fingerprint,
  producerId: ProducerId,
  subjectId: string | undefined = undefined,
): TokenGrant {
  return { ...tokenOf(jti), fingerprint, producerId, subjectId };
}

/** One directory, of which every operation is answered. */
export class Scene {
  readonly directory: Directory;
  #requestCount = 0;

  constructor(directory: Directory) {
    this.directory = directory;
  }

  async register(fingerprint: Fingerprint, options: RegistrationOptions = {}): Promise<Registered> {
    const registration = registrationOf(fingerprint, { nonce: this.#nonce(), ...options });
    return must(await this.directory.register(registration, within), "register");
  }

  async deregister(fingerprint: Fingerprint, nonce: string = this.#nonce(), entry?: string): Promise<Deregistered> {
    const request = requestOf(fingerprint, "deregister", nonce, atMs, entry);
    return must(await this.directory.deregister(request, within), "deregister");
  }

  async spend(fingerprint: Fingerprint, nonce: string = this.#nonce(), entry?: string): Promise<Spent> {
    return must(await this.directory.spend(requestOf(fingerprint, "subject", nonce, atMs, entry), within), "spend");
  }

  /** A key of a producer that is approved; its producer. */
  async approved(fingerprint: Fingerprint, options: RegistrationOptions = {}): Promise<ProducerId> {
    const producerId = await this.pending(fingerprint, options);
    assert.equal((await this.approve(fingerprint, producerId)).kind, "approved");
    return producerId;
  }

  async pending(fingerprint: Fingerprint, options: RegistrationOptions = {}): Promise<ProducerId> {
    const registered = await this.register(fingerprint, options);
    assert(registered.kind === "pending");
    return registered.producerId;
  }

  async approve(fingerprint: Fingerprint, producerId: ProducerId): Promise<Approved> {
    return must(await this.directory.approve(reviewOf(fingerprint, producerId), within), "approve");
  }

  async deny(fingerprint: Fingerprint, producerId: ProducerId): Promise<Denied> {
    return must(await this.directory.deny(reviewOf(fingerprint, producerId), within), "deny");
  }

  async issue(
    grant: TokenGrant,
    request: SignedRequest | undefined = requestOf(grant.fingerprint, "exchange", this.#nonce()),
  ): Promise<Issued> {
    return must(await this.directory.issue(grant, request, within), "issue");
  }

  async renew(jti: string, newJti: string, since = 0): Promise<Renewed> {
    return must(await this.directory.renew(jti, tokenOf(newJti), since, within), "renew");
  }

  /** Of a token that somebody has shown, unless `isSigned` says otherwise. */
  async revokeToken(jti: string, isSigned = true): Promise<boolean> {
    return must(await this.directory.revokeToken({ jti, isSigned, reason: "lost", atMs }, within), "revokeToken");
  }

  /** By default everything that is over when all tokens are that were given for an hour. */
  async prune(beforeMs: number = tokenOf("").expiresAt * second + 1, limit = 1000): Promise<Pruned> {
    return must(await this.directory.prune(beforeMs, limit, within), "prune");
  }

  async keyOf(name: string): Promise<KeyFacts | undefined> {
    return must(await this.directory.keyOf(name, within), "keyOf");
  }

  async tokens(...jtis: readonly string[]): Promise<Readonly<Record<string, TokenFacts>>> {
    return Object.fromEntries(must(await this.directory.tokens(jtis, within), "tokens"));
  }

  /** Those of `jtis` that count. */
  async counting(...jtis: readonly string[]): Promise<readonly string[]> {
    const known = await this.tokens(...jtis);
    return jtis.filter((jti) => {
      const facts = known[jti];
      return facts !== undefined && !facts.isRevoked && facts.isKeyApproved && !facts.isDisabled;
    });
  }

  async lastChange(): Promise<number> {
    return must(await this.directory.lastChange(within), "lastChange");
  }

  /** What changed while `work` was done. */
  async changesBy(work: () => Promise<unknown>): Promise<readonly Change[]> {
    const since = await this.lastChange();
    await work();
    const { last, changes } = must(await this.directory.changesSince(since, within), "changesSince");
    assert.equal(last, since + changes.length);
    return changes;
  }

  #nonce(): string {
    this.#requestCount += 1;
    return `nonce ${this.#requestCount}`;
  }
}

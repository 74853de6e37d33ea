/** Producers and their keys in memory, and which requests of theirs were seen. */
import type {
  Deregistered,
  DirectoryLimits,
  Fingerprint,
  Issued,
  KeyCertificate,
  KeyFacts,
  KeyFilter,
  KeyStatus,
  KeyType,
  ProducerId,
  Registered,
  Registration,
  SignedRequest,
} from "#actors/auth/directory/directory.ts";
import { legible } from "#actors/auth/directory/legible.ts";
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

/** What a request came to: as it was answered, if it may be answered again. */
export type MemoryAnswer =
  | { readonly operation: "register"; readonly answer: Registered }
  | { readonly operation: "deregister"; readonly answer: Deregistered }
  /** `jti`: of the token that it was given, if it was. */
  | { readonly operation: "exchange"; readonly answer: Issued; readonly jti: string }
  | { readonly operation: "subject" };

type Recorded = SignedRequest & { readonly came: MemoryAnswer };

interface MemoryProducer {
  readonly id: ProducerId;
  readonly hint: string | undefined;
  readonly contact: string | undefined;
  isDisabled: boolean;
}

export interface MemoryKey {
  readonly fingerprint: Fingerprint;
  readonly number: number;
  readonly producer: MemoryProducer;
  readonly createdMs: number;
  status: KeyStatus;
  readonly type: KeyType;
  certificate: KeyCertificate | undefined;
  endedMs: number | undefined;
  /** Of its latest registration. */
  nonce: string;
  /** Those that are remembered, by their nonces. */
  readonly requests: Map<string, Recorded>;
  aliasCount: number;
}

export class MemoryKeys {
  readonly #random: Random;
  readonly #limits: DirectoryLimits;
  /** In the order in which they came. */
  readonly #keys = new Map<Fingerprint, MemoryKey>();
  readonly #aliases = new Map<string, MemoryKey>();
  readonly #producers = new Map<ProducerId, MemoryProducer>();

  constructor(random: Random, limits: DirectoryLimits) {
    this.#random = random;
    this.#limits = limits;
  }

  get(fingerprint: Fingerprint): MemoryKey | undefined {
    return this.#keys.get(fingerprint);
  }

  /** By its fingerprint, or by an alias. */
  find(name: string): MemoryKey | undefined {
    return this.#keys.get(name) ?? this.#aliases.get(name);
  }

  hasProducer(producerId: ProducerId): boolean {
    return this.#producers.has(producerId);
  }

  approvedOf(producerId: ProducerId): MemoryKey | undefined {
    return [...this.#keys.values()].find(({ status, producer }) => status === "approved" && producer.id === producerId);
  }

  /** The newest first. */
  listed(filter: KeyFilter): readonly MemoryKey[] {
    return [...this.#keys.values()].filter((key) => isListed(key, filter)).reverse();
  }

  /** What is remembered under the nonce of the request: what that came to, or that another one had it. */
  earlier({ requests }: MemoryKey, request: SignedRequest): MemoryAnswer | "replay" | undefined {
    const known = requests.get(request.nonce);
    if (known === undefined) return undefined;
    const isSame =
      known.entry === request.entry &&
      known.operation === request.operation &&
      Buffer.compare(known.signature, request.signature) === 0;
    return isSame ? known.came : "replay";
  }

  record({ requests, status }: MemoryKey, request: SignedRequest, came: MemoryAnswer): void {
    if (status !== "approved" && requests.size >= this.#limits.requestsUnapprovedMax) return;
    requests.set(request.nonce, { ...request, came });
  }

  /** It counts no longer, and never will again. */
  end(key: MemoryKey, status: "revoked" | "superseded", atMs: number): void {
    key.status = status;
    key.endedMs ??= atMs;
  }

  /** How many requests of keys that have ended were removed. */
  prune(beforeMs: number, limit: number): number {
    let count = 0;
    for (const { endedMs = Number.POSITIVE_INFINITY, requests } of this.#keys.values()) {
      if (endedMs >= beforeMs) continue;
      for (const [nonce, { atMs }] of requests) {
        if (atMs >= beforeMs || count === limit) continue;
        requests.delete(nonce);
        count += 1;
      }
    }
    return count;
  }

  /** A registration of a key that is known. */
  note(key: MemoryKey, { request, textFingerprint, certificate }: Registration): void {
    key.nonce = request.nonce;
    if (certificate !== undefined) {
      key.certificate = { keyId: legible(certificate.keyId), principal: legible(certificate.principal) };
    }
    if (this.#aliases.has(textFingerprint) || key.aliasCount >= this.#limits.keyAliasesMax) return;
    this.#aliases.set(textFingerprint, key);
    key.aliasCount += 1;
  }

  /** Cases 1 and 2. */
  add(registration: Registration): Registered {
    const { producerId, request } = registration;
    const refused = producerId === undefined ? this.#refuseProducer(registration) : this.#refuseRotation(producerId);
    if (refused !== undefined) return refused;
    const producer = producerId === undefined ? this.#newProducer(registration) : this.#producers.get(producerId);
    assert(producer !== undefined, "what was not refused belongs to a producer");
    const key: MemoryKey = {
      fingerprint: request.fingerprint,
      number: this.#keys.size + 1,
      producer,
      createdMs: request.atMs,
      status: "pending",
      type: producerId === undefined ? "new_producer" : "key_rotation",
      certificate: undefined,
      endedMs: undefined,
      nonce: request.nonce,
      requests: new Map(),
      aliasCount: 0,
    };
    this.#keys.set(key.fingerprint, key);
    const answer: Registered = { kind: "pending", producerId: producer.id };
    this.record(key, request, { operation: "register", answer });
    this.note(key, registration);
    return answer;
  }

  #refuseProducer({ pendingMax }: Registration): Registered | undefined {
    const waiting = [...this.#keys.values()].filter(
      ({ status, producer }) => status === "pending" && this.approvedOf(producer.id) === undefined,
    );
    return new Set(waiting.map(({ producer }) => producer)).size < pendingMax ? undefined : { kind: "full" };
  }

  #refuseRotation(producerId: string): Registered | undefined {
    const refused = { kind: "denied", producerId: undefined } as const;
    if (!this.#producers.has(producerId)) return { ...refused, reason: "producer_not_found" };
    if (this.approvedOf(producerId) === undefined) return { ...refused, reason: "producer_not_approved" };
    const pending = this.listed("pending").filter(({ producer }) => producer.id === producerId);
    return pending.length < this.#limits.rotationsPendingMax ? undefined : { kind: "full" };
  }

  #newProducer({ hint, contact }: Registration): MemoryProducer {
    const said = { hint: hint && legible(hint), contact: contact && legible(contact) };
    const producer = { id: uuidFrom(this.#random.bytes(16)), ...said, isDisabled: false };
    this.#producers.set(producer.id, producer);
    return producer;
  }
}

export function factsOf({ fingerprint, producer, status }: MemoryKey): KeyFacts {
  return { fingerprint, producerId: producer.id, status, isDisabled: producer.isDisabled };
}

function isListed({ status, producer }: MemoryKey, filter: KeyFilter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "pending":
      return status === "pending";
    case "active":
      return status === "approved" && !producer.isDisabled;
    case "registered":
      return status === "approved" || status === "superseded";
  }
}

/** Version 4: all of it is random, but for the version and the variant. */
function uuidFrom(bytes: Uint8Array): ProducerId {
  const [, , , , , , version = 0, , variant = 0] = bytes;
  const digits = Buffer.from(bytes.with(6, (version & 0x0f) | 0x40).with(8, (variant & 0x3f) | 0x80)).toString("hex");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

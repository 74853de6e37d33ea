/** Subjects, the families of their schemas, and who may write about them, in memory. */
import { canonicalText } from "#actors/domain/canonical-json.ts";
import { type JsonObject, sameJson } from "#actors/domain/json-value.ts";
import { type Uuid, uuidOfHex } from "#actors/domain/uuid.ts";
import type { BindingRequest, BindingReview, RowsLimits, SubjectRefusal } from "#actors/ingest/rows/event-rows.ts";
import type { SchemaVersion } from "#actors/ingest/rows/schema-versions.ts";
import type { Random } from "#runtime/random.ts";

export interface MemorySchema extends SchemaVersion {
  readonly body: JsonObject;
}

export interface MemorySubject {
  readonly subjectId: Uuid;
  readonly subjectKey: string;
  readonly isLegacy: boolean;
  attrs: JsonObject;
  schema: MemorySchema | undefined;
  /** Those that may write about it. */
  readonly producers: Set<Uuid>;
  /** Those to whom people have said no. */
  readonly denied: Set<Uuid>;
}

export class MemorySubjects {
  readonly #random: Random;
  readonly #limits: RowsLimits;
  readonly #byKey = new Map<string, MemorySubject>();
  readonly #byId = new Map<Uuid, MemorySubject>();
  /** By name; versions in order. */
  readonly #families = new Map<string, MemorySchema[]>();
  /** Those that wait, in the order in which they came. */
  readonly #waiting = new Set<BindingRequest>();
  #waitedCount = 0;

  constructor(random: Random, limits: RowsLimits) {
    this.#random = random;
    this.#limits = limits;
  }

  get(subjectKey: string): MemorySubject | undefined {
    return this.#byKey.get(subjectKey);
  }

  byId(subjectId: Uuid): MemorySubject | undefined {
    return this.#byId.get(subjectId);
  }

  schemaById(schemaId: Uuid): MemorySchema | undefined {
    return [...this.#families.values()].flat().find((schema) => schema.schemaId === schemaId);
  }

  add(subjectKey: string, attrs: JsonObject, schema: MemorySchema, isLegacy: boolean): MemorySubject {
    const subject: MemorySubject = {
      subjectId: this.#uuid(),
      subjectKey,
      isLegacy,
      attrs,
      schema,
      producers: new Set(),
      denied: new Set(),
    };
    this.#byKey.set(subjectKey, subject);
    this.#byId.set(subject.subjectId, subject);
    return subject;
  }

  /** The first version of a family that is made with it, or the lowest one that says the same. */
  family(schemaName: string, body: JsonObject): MemorySchema | undefined {
    const versions = this.#families.get(schemaName) ?? [];
    return versions.length === 0
      ? this.#addVersion(schemaName, body)
      : versions.find((one) => sameJson(one.body, body));
  }

  /** The first version, whatever it says. */
  legacyFamily(schemaName: string): MemorySchema {
    return this.#families.get(schemaName)?.[0] ?? this.#addVersion(schemaName, {});
  }

  later({ schemaName, schemaVersion }: SchemaVersion, body: JsonObject): MemorySchema | undefined {
    const versions = this.#families.get(schemaName) ?? [];
    const found = versions.slice(schemaVersion).find((one) => sameJson(one.body, body));
    if (found !== undefined || versions.length >= this.#limits.schemaVersionsMax) return found;
    return this.#addVersion(schemaName, body);
  }

  wait({ subjectId, subjectKey, denied }: MemorySubject, producerId: Uuid, askedMs: number): SubjectRefusal {
    if (denied.has(producerId)) return "review_denied";
    const own = [...this.#waiting].filter((request) => request.producerId === producerId);
    if (own.some((request) => request.subjectId === subjectId)) return "needs_review";
    if (own.length >= this.#limits.bindingsPendingMax) return "too_many_reviews";
    this.#waitedCount += 1;
    this.#waiting.add({ number: this.#waitedCount, producerId, subjectId, subjectKey, askedMs });
    return "needs_review";
  }

  waiting(after: number | undefined, limit: number): readonly BindingRequest[] {
    return [...this.#waiting].filter(({ number }) => after === undefined || number > after).slice(0, limit);
  }

  review({ producerId, subjectId, isApproved }: BindingReview): string | undefined {
    const subject = this.#byId.get(subjectId);
    if (subject === undefined) return undefined;
    for (const request of this.#waiting) {
      if (request.producerId === producerId && request.subjectId === subjectId) this.#waiting.delete(request);
    }
    if (isApproved) {
      subject.producers.add(producerId);
      subject.denied.delete(producerId);
    } else {
      subject.producers.delete(producerId);
      subject.denied.add(producerId);
    }
    return subject.subjectKey;
  }

  #addVersion(schemaName: string, body: JsonObject): MemorySchema {
    const versions = this.#families.get(schemaName) ?? [];
    const added = { schemaId: this.#uuid(), schemaName, schemaVersion: versions.length + 1, body };
    this.#families.set(schemaName, [...versions, added]);
    return added;
  }

  #uuid(): Uuid {
    const bytes = Buffer.from(this.#random.bytes(16));
    // Version 4, variant 1.
    bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
    bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
    return uuidOfHex(bytes.toString("hex"));
  }
}

export function sizeOf(value: JsonObject): number {
  return Buffer.byteLength(canonicalText(value));
}

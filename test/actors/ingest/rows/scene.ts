/** What ingest and people do with the rows, in few words. */
import assert from "node:assert/strict";
import { parseJson } from "#actors/domain/parse-json.ts";
import { type Uuid, uuidOfHex } from "#actors/domain/uuid.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import {
  type Binding,
  type EventRows,
  type LegacyBinding,
  ROWS_LIMITS,
  type RowsLimits,
  type SubjectAnswer,
  type SubjectRegistration,
  type SubjectUpgrade,
  type Written,
} from "#actors/ingest/rows/event-rows.ts";
import { must } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export const within: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

export const atMs: number = 1_760_000_000_123;
/** The same moment, and a little more. */
export const atNs: bigint = 1_760_000_000_123_456_789n;

/** Small enough to be reached. */
export const smallLimits: RowsLimits = {
  ...ROWS_LIMITS,
  schemaBytesMax: 60,
  attrsBytesMax: 40,
  schemaVersionsMax: 3,
  bindingsPendingMax: 2,
};

/** The same for the same number. */
export function idOf(number: number): Uuid {
  return uuidOfHex(number.toString(16).padStart(32, "0"));
}

export const producer: Uuid = idOf(0xa);
export const other: Uuid = idOf(0xb);

/** One that differs from that of another number in its id alone. */
export function rowOf(number: number, different: Partial<EventRow> = {}): EventRow {
  return {
    eventId: idOf(number),
    tsNs: atNs,
    subjectId: idOf(1),
    schemaId: idOf(2),
    producerId: producer,
    streamId: "0:1760000000000-0",
    payload: '{"price":1}',
    tags: [{ key: "core.symbol", value: "AAPL" }],
    receivedMs: atMs,
    ...different,
  };
}

export class Scene {
  readonly rows: EventRows;

  constructor(rows: EventRows) {
    this.rows = rows;
  }

  /** What came of each, in one word; of one that was rejected its state. */
  async write(...rows: readonly EventRow[]): Promise<readonly string[]> {
    const written = must(await this.rows.write(rows, within), "write");
    return written.map(wordOf);
  }

  /** As it was written, but that its payload is read; undefined where there is none. */
  async event(number: number): Promise<unknown> {
    const event = must(await this.rows.event(idOf(number), within), "event");
    return event && { ...event, payload: parseJson(event.payload) };
  }

  async bindings(...pairs: readonly (readonly [producerId: Uuid, subjectId: Uuid])[]): Promise<readonly Binding[]> {
    const asked = pairs.map(([producerId, subjectId]) => ({ producerId, subjectId }));
    return must(await this.rows.bindings(asked, within), "bindings");
  }

  async legacy(
    ...uses: readonly (readonly [producerId: Uuid, subjectKey: string, kind: string])[]
  ): Promise<readonly LegacyBinding[]> {
    const asked = uses.map(([producerId, subjectKey, kind]) => {
      return { producerId, subjectKey, schemaName: `fdc-0.1.0/${kind}` };
    });
    return must(await this.rows.legacy(asked, atMs, within), "legacy");
  }

  async register(different: Partial<SubjectRegistration> = {}): Promise<SubjectAnswer> {
    const registration = {
      producerId: producer,
      subjectKey: "k",
      schemaName: "s",
      schemaBody: { a: 1 },
      attrs: {},
      atMs,
    };
    return must(await this.rows.registerSubject({ ...registration, ...different }, within), "register");
  }

  async upgrade(different: Partial<SubjectUpgrade> = {}): Promise<SubjectAnswer> {
    const upgrade = { producerId: producer, subjectKey: "k", schemaName: "s", schemaDelta: {}, attrsDelta: {}, atMs };
    return must(await this.rows.upgradeSubject({ ...upgrade, ...different }, within), "upgrade");
  }

  /** Of a subject that is registered without more ado. */
  async subject(different: Partial<SubjectRegistration> = {}): Promise<Extract<SubjectAnswer, { kind: "done" }>> {
    const answer = await this.register(different);
    assert(answer.kind === "done");
    return answer;
  }

  async review(subjectId: Uuid, producerId: Uuid, isApproved: boolean): Promise<string | undefined> {
    const review = { producerId, subjectId, isApproved, reviewer: "fdc-admin", atMs };
    return must(await this.rows.reviewBinding(review, within), "review");
  }

  async waiting(limit = 100): Promise<readonly (readonly [Uuid, string])[]> {
    const listed = must(await this.rows.bindingRequests(undefined, limit, within), "requests");
    return listed.map(({ producerId, subjectKey }) => [producerId, subjectKey]);
  }
}

export function wordOf(written: Written): string {
  return written.kind === "rejected" ? written.state : written.kind;
}

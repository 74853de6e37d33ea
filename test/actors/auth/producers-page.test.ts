/** What `specs/formats/producers.md` tells strangers: its vectors are what the node makes of them, and stand in the page. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isFor, purposeOf } from "#actors/auth/purpose.ts";
import { verifyRequest } from "#actors/auth/signed-request.ts";
import { readEntry } from "#actors/domain/events/entry.ts";
import { eventWindow } from "#actors/domain/events/event-window.ts";
import { parseRfc3339 } from "#actors/domain/time-ns.ts";
import { readSubjectRequest } from "#actors/ingest/subject-request.ts";
import { MiB } from "#runtime/units.ts";
import {
  EVENTS,
  FINGERPRINT,
  KEY_LINE,
  NOW,
  producersPage,
  REQUESTS,
  type RequestVector,
  vectorsSection,
} from "#test/actors/auth/producer-vectors.ts";

const TERMS = { authorities: [], principals: new Set<string>(), needsCertificate: false, nowSeconds: 0 };
const OPERATIONS = ["register", "deregister", "subject", "exchange"] as const;

function judged({ payload, nonce, sig }: RequestVector): string {
  const verified = verifyRequest({ pubkey: KEY_LINE, payload: Buffer.from(payload), nonce, sig }, TERMS);
  if (!verified.ok) return `${verified.failure.reason} ${verified.failure.problem}`;
  assert.equal(verified.value.fingerprint, FINGERPRINT);
  const purpose = purposeOf(verified.value.payload);
  // What is published as the form to send is taken for one operation alone.
  assert.deepEqual(
    OPERATIONS.filter((operation) => isFor(operation, purpose)),
    [purpose],
  );
  if (purpose === "subject") assert(readSubjectRequest(verified.value.payload).ok);
  return `signed for ${purpose}`;
}

function read(payload: string): string {
  const nowNs = parseRfc3339(NOW);
  assert(nowNs !== undefined);
  const entry = readEntry(payload, { sizeBytesMax: 1 * MiB, window: eventWindow(nowNs) });
  if (!entry.ok) return `${entry.failure.reason} ${entry.failure.problem}`;
  const event = entry.value;
  if (event.kind === "notice") return `no event: ${event.type}`;
  const tags = event.tags.map(({ key, value }) => `${key}=${value}`).join(" ");
  return [
    `event ${event.eventId}`,
    `ts_ns ${event.tsNs}`,
    `payload ${event.payload}`,
    ...(tags === "" ? [] : [`tags ${tags}`]),
    ...(event.kind === "legacy" ? [`subject ${event.subjectKey}`, `schema ${event.schemaName}`] : []),
  ].join(", ");
}

describe("the page for producers", () => {
  it("ends with its vectors as they are made", () => {
    const page = readFileSync(producersPage, "utf8");

    assert(page.endsWith(`\n${vectorsSection()}`), "run: node test/actors/auth/producer-vectors.ts");
  });

  for (const vector of REQUESTS) {
    it(`has a request that is what it says: ${vector.what}`, () => {
      assert.equal(judged(vector), vector.is);
    });
  }

  for (const { payload, is } of EVENTS) {
    it(`has an event that is what it says: ${payload}`, () => {
      assert.equal(read(payload), is);
    });
  }
});

/** Rows on disk are the rows that were written. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { uuidOfHex } from "#actors/domain/uuid.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import { decodeRow, encodeRow } from "#actors/ingest/spill/spilled-row.ts";
import { rowOf } from "#test/actors/ingest/spill/kit.ts";

const uuid = fc
  .array(fc.constantFrom(..."0123456789abcdef"), { minLength: 32, maxLength: 32 })
  .map((digits) => uuidOfHex(digits.join("")));
const text = fc.string({ unit: "binary", maxLength: 20 });
const row: fc.Arbitrary<EventRow> = fc.record(
  {
    eventId: uuid,
    tsNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    subjectId: uuid,
    schemaId: uuid,
    producerId: uuid,
    streamId: text,
    payload: fc.oneof(text, fc.json()),
    tags: fc.array(fc.record({ key: text, value: text }, { noNullPrototype: true }), { maxLength: 4 }),
    receivedMs: fc.maxSafeNat(),
  },
  { noNullPrototype: true },
);

describe("spilled row", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(row, (each) => {
        assert.deepEqual(decodeRow(encodeRow(each)), each);
      }),
    );
  });

  it("is none where it is of another form, or cut", () => {
    const bytes = encodeRow(rowOf(1));
    const head = bytes.readUInt32BE(0);
    const withHead = (text: string): Buffer => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      return Buffer.concat([length, Buffer.from(text)]);
    };
    const list = JSON.parse(bytes.toString("utf8", 4, 4 + head)) as unknown[];

    for (let length = 0; length < 4 + head; length += 1) assert.equal(decodeRow(bytes.subarray(0, length)), undefined);
    for (let at = 0; at < list.length; at += 1) {
      assert.equal(decodeRow(withHead(JSON.stringify(list.with(at, null)))), undefined, `member ${at}`);
    }
    assert.equal(decodeRow(withHead(JSON.stringify(list.with(0, 2)))), undefined);
    assert.equal(decodeRow(withHead(JSON.stringify(list.with(8, [["key", 1]])))), undefined);
    assert.equal(decodeRow(withHead("{}")), undefined);
    assert.equal(decodeRow(withHead("[")), undefined);
  });
});

/** A batch of records as bytes, at its limits and with each of its bytes wrong. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Defect } from "#runtime/errors.ts";
import {
  BATCH_HEADER_BYTES,
  decodeBatchHeader,
  decodeRecords,
  encodeBatch,
  journalBatchBytesMax,
  RECORD_HEADER_BYTES,
} from "#runtime/journal/batch.ts";

const SALT = 7;
const records = ["a", "", "three"].map((text) => Buffer.from(text));

function decoded(bytes: Buffer): readonly string[] | undefined {
  const header = decodeBatchHeader(SALT, bytes);
  if (header === undefined) return undefined;
  return decodeRecords(header, bytes.subarray(BATCH_HEADER_BYTES))?.map(String);
}

describe("journal: a batch", () => {
  it("is its records again, with how many and how long they are", () => {
    const batch = encodeBatch(SALT, 5, records);
    const { sequence, recordCount, payloadBytes } = decodeBatchHeader(SALT, batch) ?? assert.fail();

    assert.deepEqual([sequence, recordCount, payloadBytes], [5, 3, 3 * RECORD_HEADER_BYTES + 6]);
    assert.deepEqual(decoded(batch), ["a", "", "three"]);
  });

  it("is none with any one of its bytes changed, nor in a file with another salt", () => {
    const batch = encodeBatch(SALT, 5, records);

    for (let at = 0; at < batch.length; at += 1) {
      const changed = Buffer.from(batch);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.equal(decoded(changed), undefined, `byte ${at}`);
    }
    assert.equal(decodeBatchHeader(SALT + 1, batch), undefined);
  });

  it("is bounded: at the limit it is one, a byte past it is a defect", () => {
    const largest = Buffer.alloc(journalBatchBytesMax - RECORD_HEADER_BYTES);
    const past = Buffer.alloc(largest.length + 1);

    assert.equal(encodeBatch(SALT, 1, [largest]).length, BATCH_HEADER_BYTES + journalBatchBytesMax);
    assert.throws(() => encodeBatch(SALT, 1, [past]), Defect);
  });
});

/** Journals, files of the spill and what is recorded in them: nothing durable is dropped, nothing torn is believed. */
import assert from "node:assert/strict";
import { addressOf, digestFromBytes } from "#actors/domain/address.ts";
import { parseUuid } from "#actors/domain/uuid.ts";
import { decodeEntry, encodeEntry } from "#actors/index/entry-codec.ts";
import { parseSegmentName, readSegment, writeSegmentName } from "#actors/ingest/spill/segment-file.ts";
import { parseSpan, SPILL_RECORD_NUMBER_MAX } from "#actors/ingest/spill/spill-record.ts";
import { decodeRow, encodeRow } from "#actors/ingest/spill/spilled-row.ts";
import { decodeKeep, encodeKeep, KEEP_RECORD_BYTES } from "#actors/storage/keeps/keep-codec.ts";
import { encodeBatch } from "#runtime/journal/batch.ts";
import { decodeFileHeader, encodeFileHeader, FILE_HEADER_BYTES } from "#runtime/journal/file-header.ts";
import { bytesOf, filled, latin1Of, resealed } from "#test/fuzz/bytes.ts";
import { segmentModel } from "#test/fuzz/readers/segment-model.ts";
import type { Target } from "#test/fuzz/target.ts";

const SALT = 0x5a17;
const batches = (...sizes: readonly (readonly number[])[]): Uint8Array =>
  Buffer.concat(
    sizes.map((lengths, at) =>
      encodeBatch(
        SALT,
        at + 1,
        lengths.map((length) => filled(at, length)),
      ),
    ),
  );

const segment: Target = {
  name: "batches",
  seeds: [batches([3, 5]), batches([1], [], [40, 0, 2]), batches([10], [20], [])],
  words: ["CJB1", "\0\0\0\0\0\0\0\x02", "\0\0\x5a\x17"],
  check(input) {
    for (const bytes of [input, resealed(input, 28, "BE")]) {
      const read = readSegment(SALT, Buffer.from(bytes));
      const { records, damagedBytes, tornBytes } = read;
      assert.deepEqual(
        { records: records.map((record) => record.toString("hex")), damagedBytes, tornBytes },
        segmentModel(SALT, bytes),
      );
      assert(damagedBytes + tornBytes <= bytes.length);
    }
  },
};

const header: Target = {
  name: "journal header",
  seeds: [encodeFileHeader({ salt: SALT, number: 3, baseBatchCount: 1 })],
  check(input) {
    for (const bytes of [input, resealed(input, 28, "BE")]) {
      const read = decodeFileHeader(Buffer.from(bytes));
      if (read === undefined || !Number.isSafeInteger(read.number)) continue;
      assert.deepEqual(encodeFileHeader(read), Buffer.from(bytes.subarray(0, FILE_HEADER_BYTES)));
    }
  },
};

const uuid = (digit: number) => {
  const parsed = parseUuid(`${digit}0000000-0000-4000-8000-000000000000`);
  assert(parsed !== undefined);
  return parsed;
};
const row: Target = {
  name: "spilled row",
  seeds: [
    encodeRow({
      eventId: uuid(1),
      subjectId: uuid(2),
      schemaId: uuid(3),
      producerId: uuid(4),
      streamId: "1-0",
      tsNs: -5n,
      receivedMs: 7,
      payload: '{"a":1}',
      tags: [{ key: "k", value: "v" }],
    }),
  ],
  words: ["\0\0\0", '[1,"', "__proto__"],
  check(input) {
    const read = decodeRow(Buffer.from(input));
    if (read === undefined) return;
    assert.deepEqual(decodeRow(encodeRow(read)), read);
  },
};

const spillNames: Target = {
  name: "names of the spill",
  seeds: [
    writeSegmentName({ number: 7, salt: SALT, isDamaged: false }),
    writeSegmentName({ number: 2 ** 47, salt: 0xffff_ffff, isDamaged: true }),
    "1-1",
    "12-140737488355328",
  ].map(bytesOf),
  check(input) {
    const text = latin1Of(input);
    const name = parseSegmentName(text);
    if (name !== undefined) assert.equal(writeSegmentName(name), text);
    const span = parseSpan(input);
    if (span === undefined) return;
    const { first, end } = span;
    assert(first >= 1 && first <= end && end <= SPILL_RECORD_NUMBER_MAX);
  },
};

const digest = digestFromBytes(filled(1));
const removal = {
  upTo: 5,
  lastingUpTo: 5,
  atMs: 1000,
  sizeBytes: 3,
  buriedUpToPack: 2,
  manifest: digest,
  grave: { upToPack: 2, upTo: 4, lastingUpTo: 4 },
};
const keep: Target = {
  name: "keep",
  seeds: [
    encodeKeep({ name: `o${digest}`, keep: undefined }),
    encodeKeep({ name: `m${digest}`, keep: { pinnedUntilMs: 9, unpinnedUpTo: 2, removal: undefined } }),
    encodeKeep({ name: `o${digest}`, keep: { pinnedUntilMs: 0, unpinnedUpTo: 0, removal } }),
    encodeKeep({ name: `o${digest}`, keep: { pinnedUntilMs: 0, unpinnedUpTo: 0, removal } })
      .slice(0, 128)
      .fill(1, 0, 1),
  ],
  check(input) {
    const read = decodeKeep(input);
    if (read === undefined) return;
    const again = encodeKeep(read);
    assert.equal(again.length, KEEP_RECORD_BYTES);
    assert.deepEqual(decodeKeep(again), read);
  },
};

const address = addressOf(digest);
const indexEntry: Target = {
  name: "entry of the index",
  seeds: [
    encodeEntry({ address, manifest: digest, sizeBytes: 3, lasting: digest }),
    encodeEntry({ address, manifest: digest, sizeBytes: 2 ** 40, lasting: undefined }),
    encodeEntry({ address, manifest: digest, sizeBytes: 0, lasting: digestFromBytes(filled(2)) }),
  ],
  check(input) {
    const read = decodeEntry(address, input);
    // One that lasts is written in one way, and another of the same digest in none.
    if (read === undefined || (input[1] === 2 && read.lasting === read.manifest)) return;
    assert.deepEqual(Buffer.from(encodeEntry(read)), Buffer.from(input));
  },
};

export const TARGETS: readonly Target[] = [segment, header, row, spillNames, keep, indexEntry];

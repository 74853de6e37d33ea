/**
 * A batch of records as bytes: what one `sync` makes durable, and what one checksum covers.
 *
 * ```
 * header  magic 4 · record count 4 · payload bytes 4 · payload CRC-32 4 · sequence 8 · salt 4 · header CRC-32 4
 * payload records, each: length 4 · bytes
 * ```
 * Integers are big-endian. `salt` is the file's own random number, so that a record whose contents imitate a header is
 * not taken for one. The sequence counts from 1 in each file.
 */
import { crc32 } from "node:zlib";
import { assert } from "#runtime/errors.ts";
import { KiB, MiB } from "#runtime/units.ts";

export const BATCH_HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 4;
const MAGIC = 0x434a4231; // "CJB1"
const MAGIC_BYTES = Buffer.from("CJB1");

/** Largest record. A larger one is refused with `journal.record-too-large`. */
export const journalRecordBytesMax: number = 1 * MiB;
/** Largest payload of a batch, record headers included: what one `sync` may have to carry. */
export const journalBatchBytesMax: number = 8 * MiB;
/** A batch has at least one record's room, so that every acceptable record fits one. */
assert(journalRecordBytesMax + 1 * KiB <= journalBatchBytesMax, "a record fits a batch");

export interface BatchHeader {
  readonly sequence: number;
  readonly recordCount: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

/** One buffer, header first. The records are copied. */
export function encodeBatch(salt: number, sequence: number, records: readonly Uint8Array[]): Buffer {
  const payloadBytes = records.reduce((sum, record) => sum + RECORD_HEADER_BYTES + record.length, 0);
  assert(payloadBytes <= journalBatchBytesMax, "a batch is bounded");
  const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + payloadBytes);
  let at = BATCH_HEADER_BYTES;
  for (const record of records) {
    batch.writeUInt32BE(record.length, at);
    batch.set(record, at + RECORD_HEADER_BYTES);
    at += RECORD_HEADER_BYTES + record.length;
  }
  batch.writeUInt32BE(MAGIC, 0);
  batch.writeUInt32BE(records.length, 4);
  batch.writeUInt32BE(payloadBytes, 8);
  batch.writeUInt32BE(crc32(batch.subarray(BATCH_HEADER_BYTES)), 12);
  batch.writeBigUInt64BE(BigInt(sequence), 16);
  batch.writeUInt32BE(salt, 24);
  batch.writeUInt32BE(crc32(batch.subarray(0, 28)), 28);
  return batch;
}

/** The header at the front of `bytes`, or undefined when there is none that belongs to this file. */
export function decodeBatchHeader(salt: number, bytes: Buffer): BatchHeader | undefined {
  if (bytes.length < BATCH_HEADER_BYTES || bytes.readUInt32BE(0) !== MAGIC) return undefined;
  if (bytes.readUInt32BE(24) !== salt || bytes.readUInt32BE(28) !== crc32(bytes.subarray(0, 28))) return undefined;
  const payloadBytes = bytes.readUInt32BE(8);
  if (payloadBytes > journalBatchBytesMax) return undefined;
  return {
    sequence: Number(bytes.readBigUInt64BE(16)),
    recordCount: bytes.readUInt32BE(4),
    payloadBytes,
    payloadCrc: bytes.readUInt32BE(12),
  };
}

/** The records, as views into `payload`, or undefined when the payload is not what the header describes. */
export function decodeRecords(header: BatchHeader, payload: Buffer): readonly Buffer[] | undefined {
  if (payload.length !== header.payloadBytes || crc32(payload) !== header.payloadCrc) return undefined;
  const records: Buffer[] = [];
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= payload.length) {
    const end = at + RECORD_HEADER_BYTES + payload.readUInt32BE(at);
    if (end > payload.length) return undefined;
    records.push(payload.subarray(at + RECORD_HEADER_BYTES, end));
    at = end;
  }
  return at === payload.length && records.length === header.recordCount ? records : undefined;
}

/** Where the first header with a sequence above `sequence` lies, from `from` on: proof that all before it was durable. */
export function findLaterBatch(salt: number, sequence: number, bytes: Buffer, from = 0): number | undefined {
  for (let at = bytes.indexOf(MAGIC_BYTES, from); at >= 0; at = bytes.indexOf(MAGIC_BYTES, at + 1)) {
    const header = decodeBatchHeader(salt, bytes.subarray(at));
    if (header !== undefined && header.sequence > sequence) return at;
  }
  return undefined;
}

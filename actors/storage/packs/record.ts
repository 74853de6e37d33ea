/**
 * One record of a pack: header, segment table, payload (`specs/formats/pack.md`).
 *
 * The header carries the pack's own random *mark*, so that bytes which a client stored can never pass for a record, and
 * the *epoch*: how many syncs of the pack had succeeded before the record was written. A record of an epoch below the
 * newest one of its pack is durable; one of the newest epoch may be torn and has to be verified.
 */
import { crc32 } from "node:zlib";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { assert } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

export const RECORD_HEADER_BYTES = 128;
/** What one digest of the segment table covers: the unit of verification. */
export const SEGMENT_BYTES: number = 64 * KiB;
export const DIGEST_BYTES = 32;
/** Records begin at multiples of this. */
export const RECORD_ALIGNMENT_BYTES = 8;
export const MARK_BYTES = 8;
/** Longest payload: a chunk of 4 MiB, with room for chunkers to come. */
export const PAYLOAD_BYTES_MAX: number = 16 * 1024 * KiB;

/** How every record begins; the mark behind it says of which pack. */
export const RECORD_MAGIC: Uint8Array = Buffer.from("CpaR", "latin1");
const VERSION = 1;
/** The number of the first kind. */
const CHUNK = 1;
/** The record commits the object whose manifest it holds. */
const FLAG_COMMIT = 1;
/** The commit holds its object for no longer than somebody pins it. */
const FLAG_TRANSIENT = 2;
/** All that the commit refers to was durable before the record was written. */
const FLAG_SETTLED = 4;

/** What the payload is a part of, and known by. */
export type RecordKind = "chunk" | "manifest";
/** What the payload is: the whole of that, or a shard of a chunk. */
export type PayloadKind = RecordKind | "shard";

export interface RecordHeader {
  /** Of the pack that it was written to. */
  readonly mark: Uint8Array;
  readonly kind: PayloadKind;
  /** Position in the order of commits; 0 unless this is the commit record of an object. */
  readonly sequence: number;
  readonly isTransient: boolean;
  /** Of a commit: it counts whatever can be read of what it refers to. */
  readonly isSettled?: boolean | undefined;
  readonly epoch: number;
  /** From the start of the header. What lies between the segment table and the payload is unused. */
  readonly payloadOffset: number;
  readonly payloadBytes: number;
  /** BLAKE3 of the payload. */
  readonly digest: Uint8Array;
  /** BLAKE3 of the segment table; zeroes where the payload is one segment, which `digest` covers. */
  readonly tableDigest: Uint8Array;
}

/** By their numbers, from `CHUNK` on. */
const KINDS: readonly PayloadKind[] = ["chunk", "manifest", "shard"];

export const NO_TABLE: Uint8Array = new Uint8Array(DIGEST_BYTES);

/** Entries of the segment table: none where the digest of the payload does. */
export function segmentCount(payloadBytes: number): number {
  return payloadBytes > SEGMENT_BYTES ? Math.ceil(payloadBytes / SEGMENT_BYTES) : 0;
}

export function tableBytes(payloadBytes: number): number {
  return segmentCount(payloadBytes) * DIGEST_BYTES;
}

/** Where the next record begins. */
export function recordEnd(position: number, header: Pick<RecordHeader, "payloadOffset" | "payloadBytes">): number {
  return align(position + header.payloadOffset + header.payloadBytes);
}

/** Of the pack: header, table, payload, padding. */
export function sizeOfRecord(header: Pick<RecordHeader, "payloadOffset" | "payloadBytes">): number {
  return recordEnd(0, header);
}

export function align(position: number): number {
  return Math.ceil(position / RECORD_ALIGNMENT_BYTES) * RECORD_ALIGNMENT_BYTES;
}

export function encodeHeader(header: RecordHeader): Uint8Array {
  assert(header.payloadBytes <= PAYLOAD_BYTES_MAX, "a payload has a bounded length");
  assert(header.payloadOffset >= RECORD_HEADER_BYTES + tableBytes(header.payloadBytes), "the table has its place");
  const bytes = Buffer.allocUnsafe(RECORD_HEADER_BYTES).fill(0);
  bytes.set(RECORD_MAGIC, 0);
  bytes.writeUInt8(VERSION, 4);
  bytes.writeUInt8(KINDS.indexOf(header.kind) + CHUNK, 5);
  const commit = header.sequence > 0 ? FLAG_COMMIT : 0;
  bytes.writeUInt16LE(
    commit | (header.isTransient ? FLAG_TRANSIENT : 0) | (header.isSettled === true ? FLAG_SETTLED : 0),
    6,
  );
  bytes.set(header.mark, 8);
  bytes.writeUInt32LE(header.payloadBytes, 16);
  bytes.writeUInt32LE(header.payloadOffset, 20);
  bytes.writeUInt32LE(header.epoch, 24);
  writeNumber(bytes, header.sequence, 32);
  bytes.set(header.digest, 48);
  bytes.set(header.tableDigest, 80);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 124)), 124);
  return bytes;
}

/** Undefined for anything that is not a header; `mark` undefined accepts any pack's (its own header was lost). */
export function decodeHeader(bytes: Uint8Array, mark: Uint8Array | undefined): RecordHeader | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < RECORD_HEADER_BYTES || view.compare(RECORD_MAGIC, 0, 4, 0, 4) !== 0) return undefined;
  if (mark !== undefined && view.compare(mark, 0, MARK_BYTES, 8, 8 + MARK_BYTES) !== 0) return undefined;
  if (crc32(view.subarray(0, 124)) !== view.readUInt32LE(124) || view.readUInt8(4) !== VERSION) return undefined;

  const kind = KINDS[view.readUInt8(5) - CHUNK];
  const payloadBytes = view.readUInt32LE(16);
  const payloadOffset = view.readUInt32LE(20);
  if (kind === undefined || payloadBytes > PAYLOAD_BYTES_MAX) return undefined;
  if (payloadOffset < RECORD_HEADER_BYTES + tableBytes(payloadBytes) || payloadOffset >= 64 * KiB) return undefined;
  const sequence = readNumber(view, 32);
  if (!Number.isSafeInteger(sequence)) return undefined;
  return {
    mark: new Uint8Array(view.subarray(8, 8 + MARK_BYTES)),
    kind,
    sequence,
    isTransient: (view.readUInt16LE(6) & FLAG_TRANSIENT) !== 0,
    isSettled: (view.readUInt16LE(6) & FLAG_SETTLED) !== 0,
    epoch: view.readUInt32LE(24),
    payloadOffset,
    payloadBytes,
    digest: new Uint8Array(view.subarray(48, 80)),
    tableDigest: new Uint8Array(view.subarray(80, 112)),
  };
}

export function digestOfRecord(header: RecordHeader): Digest {
  return digestFromBytes(header.digest);
}

/** Positions below 2^53, as 64 bits, little endian. */
export function writeNumber(bytes: Buffer, value: number, offset: number): void {
  bytes.writeBigUInt64LE(BigInt(value), offset);
}

/** May be beyond 2^53 in damaged bytes; callers check. */
export function readNumber(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset));
}

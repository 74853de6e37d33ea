/**
 * The two frames of a pack: the header at its front, and the seal at its end that lists what it holds
 * (`specs/formats/pack.md`).
 */
import { crc32 } from "node:zlib";
import { bytesFromDigest, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { ShardName } from "#actors/storage/catalog/catalog-records.ts";
import { MARK_BYTES, type RecordKind, readNumber, writeNumber } from "#actors/storage/packs/record.ts";
import { KiB } from "#runtime/units.ts";

export const PACK_HEADER_BYTES = 64;
/** The header is there twice, in places that no one bad sector covers. */
export const HEADER_POSITIONS: readonly [number, number] = [0, 4 * KiB];
/** The first record begins here. */
export const PACK_FRONT_BYTES: number = 8 * KiB;
export const SEAL_ENTRY_BYTES = 96;
export const SEAL_FOOTER_BYTES = 64;

const PACK_MAGIC = Buffer.from("CEPAPACK", "latin1");
const SEAL_MAGIC = Buffer.from("CEPASEAL", "latin1");
const VERSION = 2;
/** Of an entry: it commits an object, which it holds for no longer than somebody pins it. */
const FLAG_COMMIT = 1;
const FLAG_TRANSIENT = 2;
/** What an entry lists. */
const CHUNK = 1;
const MANIFEST = 2;
const SHARD = 3;

/** One committed record of a sealed pack. */
export interface SealEntry {
  readonly digest: Digest;
  readonly kind: RecordKind;
  readonly shard?: ShardName | undefined;
  readonly position: number;
  readonly payloadOffset: number;
  readonly payloadBytes: number;
  /** 0 unless it is a commit; then `objectBytes` is the size of what is committed, and `object` its digest if it has one. */
  readonly sequence: number;
  readonly object: Digest | undefined;
  readonly objectBytes: number;
  readonly isTransient: boolean;
}

export interface SealFooter {
  readonly entryCount: number;
  readonly tablePosition: number;
  /** BLAKE3 of the table. */
  readonly tableDigest: Uint8Array;
}

/** All that comes before the first record. */
export function encodePackFront(sequence: number, mark: Uint8Array): Uint8Array {
  const front = Buffer.alloc(PACK_FRONT_BYTES);
  for (const position of HEADER_POSITIONS) front.set(encodePackHeader(sequence, mark), position);
  return front;
}

function encodePackHeader(sequence: number, mark: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(PACK_HEADER_BYTES);
  PACK_MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(sequence, 12);
  bytes.set(mark, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** The mark, or undefined if this is not the header of pack `sequence`. */
export function decodePackHeader(bytes: Uint8Array, sequence: number): Uint8Array | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < PACK_HEADER_BYTES || view.compare(PACK_MAGIC, 0, 8, 0, 8) !== 0) return undefined;
  if (view.readUInt32LE(8) !== VERSION || view.readUInt32LE(12) !== sequence) return undefined;
  if (crc32(view.subarray(0, 60)) !== view.readUInt32LE(60)) return undefined;
  return bytes.slice(16, 16 + MARK_BYTES);
}

export function encodeSealEntry(entry: SealEntry): Uint8Array {
  const bytes = Buffer.alloc(SEAL_ENTRY_BYTES);
  bytes.set(bytesFromDigest(entry.digest), 0);
  writeNumber(bytes, entry.position, 32);
  bytes.writeUInt32LE(entry.payloadBytes, 40);
  bytes.writeUInt16LE(entry.payloadOffset & 0xffff, 44);
  const { shard } = entry;
  bytes.writeUInt8(shard !== undefined ? SHARD : entry.kind === "chunk" ? CHUNK : MANIFEST, 46);
  bytes.writeUInt8((entry.object === undefined ? 0 : FLAG_COMMIT) | (entry.isTransient ? FLAG_TRANSIENT : 0), 47);
  if (shard !== undefined) return writeShard(bytes, shard);
  writeNumber(bytes, entry.sequence, 48);
  if (entry.object !== undefined) bytes.set(bytesFromDigest(entry.object), 56);
  writeNumber(bytes, entry.objectBytes, 88);
  return bytes;
}

/** Where a commit has its sequence and its object. */
function writeShard(bytes: Buffer, shard: ShardName): Buffer {
  bytes.writeUInt8(shard.dataShards, 48);
  bytes.writeUInt8(shard.parityShards, 49);
  bytes.writeUInt8(shard.shard, 50);
  bytes.set(bytesFromDigest(shard.digest), 56);
  bytes.writeUInt32LE(shard.chunkBytes, 88);
  return bytes;
}

function readShard(view: Buffer): ShardName {
  return {
    dataShards: view.readUInt8(48),
    parityShards: view.readUInt8(49),
    shard: view.readUInt8(50),
    digest: digestFromBytes(view.subarray(56, 88)),
    chunkBytes: view.readUInt32LE(88),
  };
}

/** `bytes` were verified against the footer's digest, so they are what was written. */
export function decodeSealEntry(bytes: Uint8Array): SealEntry {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const where = {
    digest: digestFromBytes(view.subarray(0, 32)),
    position: readNumber(view, 32),
    payloadBytes: view.readUInt32LE(40),
    payloadOffset: view.readUInt16LE(44),
  };
  const kind = view.readUInt8(46);
  const noCommit = { sequence: 0, object: undefined, objectBytes: 0, isTransient: false };
  if (kind === SHARD) return { ...where, kind: "chunk", shard: readShard(view), ...noCommit };
  return {
    ...where,
    kind: kind === CHUNK ? "chunk" : "manifest",
    sequence: readNumber(view, 48),
    object: (view.readUInt8(47) & FLAG_COMMIT) !== 0 ? digestFromBytes(view.subarray(56, 88)) : undefined,
    objectBytes: readNumber(view, 88),
    isTransient: (view.readUInt8(47) & FLAG_TRANSIENT) !== 0,
  };
}

export function encodeSealFooter(footer: SealFooter, mark: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(SEAL_FOOTER_BYTES);
  SEAL_MAGIC.copy(bytes, 0);
  bytes.set(mark, 8);
  bytes.writeUInt32LE(footer.entryCount, 16);
  bytes.writeUInt32LE(footer.tablePosition, 20);
  bytes.set(footer.tableDigest, 24);
  bytes.writeUInt32LE(VERSION, 56);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** Undefined for anything that is not the seal of the pack with this mark. */
export function decodeSealFooter(bytes: Uint8Array, mark: Uint8Array): SealFooter | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < SEAL_FOOTER_BYTES || view.compare(SEAL_MAGIC, 0, 8, 0, 8) !== 0) return undefined;
  if (view.compare(mark, 0, MARK_BYTES, 8, 8 + MARK_BYTES) !== 0 || view.readUInt32LE(56) !== VERSION) return undefined;
  if (crc32(view.subarray(0, 60)) !== view.readUInt32LE(60)) return undefined;
  return {
    entryCount: view.readUInt32LE(16),
    tablePosition: view.readUInt32LE(20),
    tableDigest: bytes.slice(24, 56),
  };
}

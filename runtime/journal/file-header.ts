/**
 * The first bytes of a journal file, and its name.
 *
 * A file begins with its *base*: the state at the time it was made, as `baseBatchCount` batches of records. File, base
 * and header are durable before the file gets its name, so damage to any of them is never a torn write.
 */
import { crc32 } from "node:zlib";
import type { Random } from "#runtime/random.ts";

export const FILE_HEADER_BYTES = 32;
const MAGIC = Buffer.from("CEPAJRNL");
const VERSION = 1;

export interface FileHeader {
  readonly salt: number;
  readonly number: number;
  readonly baseBatchCount: number;
}

export function encodeFileHeader({ salt, number, baseBatchCount }: FileHeader): Buffer {
  const bytes = Buffer.alloc(FILE_HEADER_BYTES);
  bytes.set(MAGIC, 0);
  bytes.writeUInt32BE(VERSION, 8);
  bytes.writeUInt32BE(salt, 12);
  bytes.writeBigUInt64BE(BigInt(number), 16);
  bytes.writeUInt32BE(baseBatchCount, 24);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** Undefined when the bytes are damaged, or were written by a version that this one does not know. */
export function decodeFileHeader(bytes: Buffer): FileHeader | undefined {
  if (bytes.length < FILE_HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return undefined;
  if (bytes.readUInt32BE(28) !== crc32(bytes.subarray(0, 28)) || bytes.readUInt32BE(8) !== VERSION) return undefined;
  return {
    salt: bytes.readUInt32BE(12),
    number: Number(bytes.readBigUInt64BE(16)),
    baseBatchCount: bytes.readUInt32BE(24),
  };
}

/** Under this name a file is complete. */
export function fileName(number: number): string {
  return `${number.toString(16).padStart(12, "0")}.log`;
}

/** Under this name it is being made, or was when the process ended. */
export function newFileName(number: number): string {
  return `${fileName(number)}.new`;
}

/** The number in a complete file's name. */
export function fileNumber(name: string): number | undefined {
  const [, hex] = /^([0-9a-f]{12})\.log$/.exec(name) ?? [];
  return hex === undefined ? undefined : Number.parseInt(hex, 16);
}

/** Whether the journal made the file: complete or not, current or left over. */
export function isJournalName(name: string): boolean {
  return fileNumber(name.replace(/\.new$/, "")) !== undefined;
}

/** Random per file: see `batch.ts`. */
export function newSalt(random: Random): number {
  return Buffer.from(random.bytes(4)).readUInt32BE(0);
}

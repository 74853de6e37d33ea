/**
 * What must hold before LMDB opens a directory. LMDB answers a damaged header, a failed creation and a full disk with a
 * crash of the process (SIGSEGV, SIGBUS), so these are found here first; for the rest there is a mark.
 *
 * Layout of a meta page (native byte order of the 64-bit little-endian machines supported): a page header of 24 bytes
 * with flags at 18, then magic, version, address, map size, two tree records of 48 bytes, last page, transaction.
 * With `overlappingSync` a third record sits in the middle of the first page; it may be empty.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { freeBytesIn } from "#runtime/real/free-space.ts";
import { KiB, MiB } from "#runtime/units.ts";

/** The file that holds the store. */
export const dataName = "store.lmdb";
/** LMDB names it so: the table of readers, mapped into memory. */
const lockName = `${dataName}-lock`;

/** Free bytes without which no new store is begun: enough for its header and its lock file. */
const freeBytesMin = 1 * MiB;
/** Past what LMDB uses of its lock file (8 272 bytes for 126 readers). */
const lockFileBytes = 16 * KiB;

const headerFlagsAt = 18;
const metaFlag = 0x08;
const magicAt = 24;
const magic = 0xbeefc0de;
const versionAt = 28;
const version = 2;
const pageSizeAt = 48;
const freeRootAt = 88;
const mainRootAt = 136;
const lastPageAt = 144;
const metaEnd = 168;
const noPage = 0xffff_ffff_ffff_ffffn;

/**
 * There while a store is being opened, with a byte for each time that this did not come to an end. Damage among the pages
 * can end the process then; the next one tries once more, because it may have been killed, and the one after it does not.
 */
const openingName = "opening";
const openingsMax = 2;
/** There while a store is open, with a byte for each time in a row that it was not closed. */
const inUseName = "in-use";
/** One may have been killed. With as many it is more likely that they ended by what they found in the store. */
const unclosedMax = 2;
/**
 * After so many the store is not opened any more. What is damaged may be the list of free pages, which no reading of pairs
 * meets, and LMDB then ends the process with every write. Fewer than the crashes that a supervisor allows.
 */
const unclosedLivesMax = 4;

/** What `prepareDirectory` answers for a disk without room for a new store. */
export const diskIsFull = "the disk is full";

/** Makes the directory; answers with what keeps a store in it from being opened, `undefined` if nothing does. */
export function prepareDirectory(directory: string): string | undefined {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (sizeOf(join(directory, openingName)) >= openingsMax) return "opening it ended the process, again and again";
    if (sizeOf(join(directory, inUseName)) >= unclosedLivesMax) return "it was not closed, again and again";
    const isNew = !hasBytes(join(directory, dataName));
    const isUnlocked = !hasBytes(join(directory, lockName));
    if (isNew || isUnlocked) {
      if (freeBytesIn(directory) < freeBytesMin) return diskIsFull;
    }
    // Written in full, so that no page of the mapped file needs space later, when only a signal could say it has none.
    if (isUnlocked) fs.writeFileSync(join(directory, lockName), new Uint8Array(lockFileBytes), { mode: 0o600 });
    return isNew ? undefined : headerProblem(join(directory, dataName));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return diskIsFull;
    return error instanceof Error ? error.message : String(error);
  }
}

/** Opens, with a mark beside the store for as long as that takes. */
export function withOpeningMark<Value>(directory: string, open: () => Value): Value {
  const path = join(directory, openingName);
  try {
    fs.appendFileSync(path, "o");
  } catch {
    // A full disk must not keep a sound store from being read.
  }
  try {
    return open();
  } finally {
    fs.rmSync(path, { force: true });
  }
}

/** False where processes have ended with the store open, one after the other. */
export function isTrusted(directory: string): boolean {
  return sizeOf(join(directory, inUseName)) < unclosedMax;
}

export function markInUse(directory: string): void {
  try {
    fs.appendFileSync(join(directory, inUseName), "u");
  } catch {
    // On a full disk the next start looks less closely.
  }
}

export function markClosed(directory: string): void {
  fs.rmSync(join(directory, inUseName), { force: true });
}

function sizeOf(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function hasBytes(path: string): boolean {
  const facts = fs.statSync(path, { throwIfNoEntry: false });
  if (facts !== undefined && !facts.isFile()) throw new Error(`${path} is not a file`);
  return facts !== undefined && facts.size > 0;
}

function headerProblem(path: string): string | undefined {
  const bytes = firstBytes(path, 64 * KiB + metaEnd);
  const facts = fs.statSync(path);
  const meta = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < metaEnd || meta.getUint32(magicAt, true) !== magic) return "the file is not a store";
  if ((meta.getUint32(versionAt, true) & 0xffff) !== version) return "the store is of another version";

  const pageSize = meta.getUint32(pageSizeAt, true);
  const isPageSize = pageSize >= 512 && pageSize <= 64 * KiB && Number.isInteger(Math.log2(pageSize));
  if (!isPageSize || facts.size < 2 * pageSize) return "the header is damaged";
  const pageCount = BigInt(Math.floor(facts.size / pageSize));
  const isWhole =
    isMeta(meta, 0, pageSize, pageCount) &&
    isMeta(meta, pageSize, pageSize, pageCount) &&
    (isUnused(bytes, pageSize / 2) || isRecord(meta, pageSize / 2, pageSize, pageCount));
  return isWhole ? undefined : "the header is damaged";
}

function isMeta(view: DataView, at: number, pageSize: number, pageCount: bigint): boolean {
  const hasFlag = (view.getUint16(at + headerFlagsAt, true) & metaFlag) !== 0;
  return hasFlag && view.getUint32(at + magicAt, true) === magic && isRecord(view, at, pageSize, pageCount);
}

/** Its trees begin inside the file. */
function isRecord(view: DataView, at: number, pageSize: number, pageCount: bigint): boolean {
  const lastPage = view.getBigUint64(at + lastPageAt, true);
  const roots = [view.getBigUint64(at + freeRootAt, true), view.getBigUint64(at + mainRootAt, true)];
  const areInside = roots.every((root) => root === noPage || (root >= 2n && root <= lastPage && root < pageCount));
  return view.getUint32(at + pageSizeAt, true) === pageSize && areInside;
}

function isUnused(bytes: Uint8Array, at: number): boolean {
  return bytes.subarray(at, at + metaEnd).every((byte) => byte === 0);
}

function firstBytes(path: string, count: number): Uint8Array {
  const descriptor = fs.openSync(path, "r");
  try {
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, fs.readSync(descriptor, bytes, 0, count, 0));
  } finally {
    fs.closeSync(descriptor);
  }
}

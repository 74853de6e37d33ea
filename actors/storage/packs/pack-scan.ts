/**
 * Reading a pack: the headers at its front, the seal at its end, and its records in order.
 *
 * Damage never ends a scan: after bytes that are no record it looks for the next record header, and says how many bytes
 * it passed over. Bytes that cannot be read are not damage: there may be a record, and whoever scans is told of them.
 */

import { digestFromBytes } from "#actors/domain/address.ts";
import type { RecordName } from "#actors/storage/catalog/catalog-records.ts";
import { decodeDescriptor, nameOfShard } from "#actors/storage/chunks/shard-descriptor.ts";
import { isBadPlace, type PackFiles } from "#actors/storage/packs/pack-files.ts";
import type { SealFooter } from "#actors/storage/packs/pack-format.ts";
import {
  decodePackHeader,
  decodeSealFooter,
  HEADER_POSITIONS,
  PACK_FRONT_BYTES,
  PACK_HEADER_BYTES,
  SEAL_FOOTER_BYTES,
} from "#actors/storage/packs/pack-format.ts";
import {
  decodeHeader,
  RECORD_ALIGNMENT_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  type RecordHeader,
  recordEnd,
  tableBytes,
} from "#actors/storage/packs/record.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

/** Bytes of one read while scanning. */
const WINDOW_BYTES: number = 64 * KiB;
/** Bytes of one read where the disk refuses a place: what lies around a bad sector can be read. */
export const SECTOR_BYTES: number = 4 * KiB;

export interface FoundRecord {
  readonly pack: number;
  readonly position: number;
  readonly header: RecordHeader;
  readonly name: RecordName;
  /** Bytes before it that are no record. */
  readonly skippedBytes: number;
}

/** Hears of a stretch that could not be read twice in a row. Where it returns, the stretch is passed over. */
export type OnUnreadable = (failure: DiskFailure, pack: number, position: number) => void;

/** Exactly `length` bytes; undefined where the file ends before. */
export async function readWhole(
  files: PackFiles,
  pack: number,
  length: number,
  position: number,
): Promise<Result<Uint8Array | undefined, DiskFailure>> {
  const bytes = new Uint8Array(length);
  const read = await files.read(pack, bytes, position);
  return read.ok ? ok(read.value === length ? bytes : undefined) : read;
}

export interface PackFront {
  /** Undefined if neither header can be read, or neither is one of this pack. */
  readonly mark: Uint8Array | undefined;
  /** It has to be written again. */
  readonly isDamaged: boolean;
}

/** What the headers say, the second one only where the first does not. */
export async function readFront(files: PackFiles, pack: number, onUnreadable: OnUnreadable): Promise<PackFront> {
  const [first, second] = HEADER_POSITIONS;
  const mark = await readHeader(files, pack, first, onUnreadable);
  if (mark !== undefined) return { mark, isDamaged: false };
  return { mark: await readHeader(files, pack, second, onUnreadable), isDamaged: true };
}

async function readHeader(
  files: PackFiles,
  pack: number,
  position: number,
  onUnreadable: OnUnreadable,
): Promise<Uint8Array | undefined> {
  const read = await readWhole(files, pack, PACK_HEADER_BYTES, position);
  if (!read.ok) onUnreadable(read.failure, pack, position);
  return read.ok && read.value !== undefined ? decodePackHeader(read.value, pack) : undefined;
}

/** What the end of the file says of a pack that was sealed; undefined also where it cannot be read. */
export async function readSeal(
  files: PackFiles,
  pack: number,
  mark: Uint8Array,
  sizeBytes: number,
  onUnreadable: OnUnreadable,
): Promise<SealFooter | undefined> {
  if (sizeBytes < PACK_FRONT_BYTES + SEAL_FOOTER_BYTES) return undefined;
  const position = sizeBytes - SEAL_FOOTER_BYTES;
  const read = await readWhole(files, pack, SEAL_FOOTER_BYTES, position);
  if (!read.ok) onUnreadable(read.failure, pack, position);
  return read.ok && read.value !== undefined ? decodeSealFooter(read.value, mark) : undefined;
}

/** The records that lie whole between `from` and `to`. With `mark` undefined any mark will do. */
export async function* scanRecords(
  files: PackFiles,
  pack: number,
  mark: Uint8Array | undefined,
  from: number,
  to: number,
  onUnreadable: OnUnreadable,
): AsyncGenerator<FoundRecord, void> {
  const window = new Window(files, pack, to, onUnreadable);
  let position = from;
  let skippedFrom = from;
  while (position + RECORD_HEADER_BYTES <= to) {
    const bytes = await window.at(position);
    const header = bytes === undefined ? undefined : decodeHeader(bytes, mark);
    const isWhole = header !== undefined && position + header.payloadOffset + header.payloadBytes <= to;
    const name = isWhole ? await nameOf(files, { pack, position, header }, onUnreadable) : undefined;
    if (isWhole && name !== undefined) {
      yield { pack, position, header, name, skippedBytes: position - skippedFrom };
      position = recordEnd(position, header);
      skippedFrom = position;
    } else position = await window.nextMagic(position + RECORD_ALIGNMENT_BYTES);
  }
}

/** That of a shard is in its descriptor; undefined where that cannot be read, or is none. */
async function nameOf(
  files: PackFiles,
  { pack, position, header }: Pick<FoundRecord, "pack" | "position" | "header">,
  onUnreadable: OnUnreadable,
): Promise<RecordName | undefined> {
  const { kind } = header;
  const digest = digestFromBytes(header.digest);
  if (kind !== "shard") return { kind, digest };
  const from = RECORD_HEADER_BYTES + tableBytes(header.payloadBytes);
  const read = await readWhole(files, pack, header.payloadOffset - from, position + from);
  if (!read.ok) onUnreadable(read.failure, pack, position);
  const descriptor = read.ok && read.value !== undefined ? decodeDescriptor(read.value) : undefined;
  return descriptor === undefined ? undefined : nameOfShard(descriptor, digest);
}

/** A stretch of the file in memory, read again where the scan leaves it. */
class Window {
  readonly #files: PackFiles;
  readonly #pack: number;
  readonly #to: number;
  readonly #onUnreadable: OnUnreadable;
  readonly #buffer = Buffer.alloc(WINDOW_BYTES);
  #from = 0;
  #length = 0;
  /** Bytes from `#from` on that were asked for. */
  #asked = 0;
  /** Of the last stretch with a bad place in it. Another that began within it would meet that again, and stall its disk. */
  #badEnd = 0;

  constructor(files: PackFiles, pack: number, to: number, onUnreadable: OnUnreadable) {
    this.#files = files;
    this.#pack = pack;
    this.#to = to;
    this.#onUnreadable = onUnreadable;
  }

  /** The header's bytes at `position`; undefined if they cannot be read. */
  async at(position: number): Promise<Uint8Array | undefined> {
    if (position < this.#from || position + RECORD_HEADER_BYTES > this.#from + this.#length) await this.#load(position);
    const offset = position - this.#from;
    return offset + RECORD_HEADER_BYTES <= this.#length
      ? this.#buffer.subarray(offset, offset + RECORD_HEADER_BYTES)
      : undefined;
  }

  /** The first aligned place from `position` on where a header may begin; `to` if there is none. */
  async nextMagic(position: number): Promise<number> {
    let at = position;
    while (at + RECORD_HEADER_BYTES <= this.#to) {
      if (at < this.#from || at + RECORD_HEADER_BYTES > this.#from + this.#length) await this.#load(at);
      const view = this.#buffer.subarray(0, this.#length);
      const found = view.indexOf(RECORD_MAGIC, at - this.#from);
      if (found >= 0) {
        const candidate = this.#from + found;
        if (candidate % RECORD_ALIGNMENT_BYTES === 0) return candidate;
        at = candidate + 1;
        continue;
      }
      // What cannot be read is passed over. The overlap keeps a header that straddles two windows.
      const end = this.#from + this.#asked;
      at = Math.max(at + 1, this.#length > 0 ? end - RECORD_ALIGNMENT_BYTES : end);
    }
    return this.#to;
  }

  async #load(position: number): Promise<void> {
    if (position >= this.#badEnd) {
      const all = await this.#fill(position, WINDOW_BYTES);
      if (all === undefined) return;
      if (!isBadPlace(all)) return this.#onUnreadable(all, this.#pack, position);
      this.#badEnd = position + WINDOW_BYTES;
    }
    const rest = SECTOR_BYTES - (position % SECTOR_BYTES);
    const sector = await this.#fill(position, rest < RECORD_HEADER_BYTES ? rest + SECTOR_BYTES : rest);
    if (sector !== undefined) this.#onUnreadable(sector, this.#pack, position);
  }

  async #fill(position: number, lengthBytes: number): Promise<DiskFailure | undefined> {
    this.#asked = Math.min(lengthBytes, this.#to - position);
    const read = await this.#files.read(this.#pack, this.#buffer.subarray(0, this.#asked), position);
    this.#from = position;
    this.#length = read.ok ? read.value : 0;
    return read.ok ? undefined : read.failure;
  }
}

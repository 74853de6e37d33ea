/**
 * Bytes of chunks as a source: every segment is verified before a byte of it is handed out.
 *
 * Whole segments that fit are read straight into the reader's buffer, up to 256 KiB a disk read, and verified there;
 * only parts of segments pass through a scratch segment. A chunk of one segment is verified by its own digest, a longer
 * one by the segment table of its record.
 */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { CatalogEntry } from "#actors/storage/catalog-records.ts";
import type { PackFiles } from "#actors/storage/pack-files.ts";
import { READ_BYTES_MAX, ReadAhead, type ReadAheadBuffers } from "#actors/storage/read-ahead.ts";
import {
  DIGEST_BYTES,
  decodeHeader,
  digestOfRecord,
  RECORD_HEADER_BYTES,
  SEGMENT_BYTES,
  tableBytes,
} from "#actors/storage/record.ts";
import { corrupt, fillFrom, type ReadTrouble } from "#actors/storage/record-bytes.ts";
import type { SmallChunkCache } from "#actors/storage/small-chunk-cache.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { assert, type Failure, ok, type Result } from "#runtime/errors.ts";

/** Where the bytes of one slice are. */
export interface LocatedSlice {
  readonly chunk: Digest;
  readonly entry: CatalogEntry;
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface ChunkSourceDeps {
  readonly files: PackFiles;
  readonly digest: (bytes: Uint8Array) => Uint8Array;
  readonly cache: SmallChunkCache;
  readonly aheadBuffers: ReadAheadBuffers;
  /** The chunk could not be read whole, which is why the source fails. */
  readonly onTrouble: (chunk: Digest, entry: CatalogEntry, trouble: ReadTrouble) => void;
  /** The source has ended, failed or was cancelled. */
  readonly onSettled: (source: ChunkSource) => void;
}

export class ChunkSource implements ByteSource {
  readonly #deps: ChunkSourceDeps;
  readonly #slices: readonly LocatedSlice[];
  readonly #ahead: ReadAhead;
  #index = 0;
  /** Bytes of the current slice that were handed out. */
  #done = 0;
  /** Digests of the current chunk's segments; undefined until its record was read. */
  #table: Uint8Array | undefined;
  /** The last verified segment of which only a part was handed out. */
  #scratch: Uint8Array | undefined;
  #scratchFrom = -1;
  #scratchLength = 0;
  #failure: Failure | undefined;
  #settled = false;

  constructor(slices: readonly LocatedSlice[], deps: ChunkSourceDeps) {
    this.#slices = slices.filter(({ lengthBytes }) => lengthBytes > 0);
    this.#deps = deps;
    this.#ahead = new ReadAhead(deps.files, deps.aheadBuffers);
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  async read(into: Uint8Array): Promise<number> {
    assert(into.length > 0, "a read has room for a byte");
    if (this.#failure !== undefined) return FAILED;
    const slice = this.#slices[this.#index];
    if (slice === undefined) {
      this.#settle();
      return ENDED;
    }
    const count = await this.#readSlice(slice, into);
    // Cancelled meanwhile: the bytes in the buffer belong to nobody.
    if (this.#failure !== undefined) return FAILED;
    if (!count.ok) {
      into.fill(0);
      return this.#fail(slice, count.failure);
    }
    this.#done += count.value;
    if (this.#done === slice.lengthBytes) this.#nextSlice();
    return count.value;
  }

  cancel(reason: Failure): void {
    if (this.#settled) return;
    this.#failure = reason;
    this.#settle();
  }

  /** Count of bytes now at the front of `into`, verified. */
  async #readSlice(slice: LocatedSlice, into: Uint8Array): Promise<Result<number, ReadTrouble>> {
    const from = slice.offset + this.#done;
    const wanted = Math.min(into.length, slice.lengthBytes - this.#done);
    const segmentFrom = from - (from % SEGMENT_BYTES);
    if (this.#scratchFrom === segmentFrom) return ok(this.#takeScratch(into, from, wanted));

    const { payloadBytes } = slice.entry;
    const known = this.#deps.cache.get(slice.chunk);
    if (known !== undefined) {
      into.set(known.subarray(from, from + wanted));
      return ok(wanted);
    }
    const loaded = await this.#loadTable(slice);
    if (!loaded.ok) return loaded;
    if (from === segmentFrom) {
      // Whole segments, the last of them shorter at the end of the chunk, as many as fit and are wanted.
      const wholeEnd = from + wanted === payloadBytes ? from + wanted : from + wanted - (wanted % SEGMENT_BYTES);
      const length = Math.min(wholeEnd - from, READ_BYTES_MAX);
      if (length > 0) {
        const read = await this.#readVerified(slice, from, into.subarray(0, length));
        return read.ok ? ok(length) : read;
      }
    }

    const length = Math.min(SEGMENT_BYTES, payloadBytes - segmentFrom);
    this.#scratch ??= new Uint8Array(SEGMENT_BYTES);
    this.#scratchFrom = -1;
    const read = await this.#readVerified(slice, segmentFrom, this.#scratch.subarray(0, length));
    if (!read.ok) return read;
    this.#scratchFrom = segmentFrom;
    this.#scratchLength = length;
    return ok(this.#takeScratch(into, from, wanted));
  }

  #takeScratch(into: Uint8Array, from: number, wanted: number): number {
    const offset = from - this.#scratchFrom;
    const count = Math.min(wanted, this.#scratchLength - offset);
    if (this.#scratch !== undefined) into.set(this.#scratch.subarray(offset, offset + count));
    return count;
  }

  /** Reads whole segments from `from` and compares each with its digest. */
  async #readVerified(slice: LocatedSlice, from: number, target: Uint8Array): Promise<Result<void, ReadTrouble>> {
    const read = await this.#readRaw(slice, from, target);
    if (!read.ok) return read;
    for (let at = 0; at < target.length; at += SEGMENT_BYTES) {
      const digest = this.#deps.digest(target.subarray(at, at + SEGMENT_BYTES));
      if (!this.#matches(slice, (from + at) / SEGMENT_BYTES, digest)) return corrupt(slice.chunk);
    }
    if (target.length === slice.entry.payloadBytes) this.#deps.cache.add(slice.chunk, target);
    return ok();
  }

  /** Fills `target`, not verified yet. */
  async #readRaw(
    { chunk, entry, offset, lengthBytes }: LocatedSlice,
    from: number,
    target: Uint8Array,
  ): Promise<Result<void, ReadTrouble>> {
    const position = entry.position + entry.payloadOffset + from;
    if (!(await this.#ahead.take(entry.pack, position, target))) {
      const read = await fillFrom(this.#deps.files, chunk, entry.pack, target, position);
      if (!read.ok) return read;
    }
    // Who reads whole segments reads on, as much again.
    const next = Math.min(target.length, offset + lengthBytes - from - target.length);
    if (target.length >= SEGMENT_BYTES && next > 0) this.#ahead.begin(entry.pack, position + target.length, next);
    return ok();
  }

  #matches(slice: LocatedSlice, segment: number, digest: Uint8Array): boolean {
    if (slice.entry.payloadBytes <= SEGMENT_BYTES) return digestFromBytes(digest) === slice.chunk;
    const table = this.#table;
    if (table === undefined) return false;
    const at = segment * DIGEST_BYTES;
    return Buffer.compare(table.subarray(at, at + DIGEST_BYTES), digest) === 0;
  }

  /** Reads and verifies the segment table of a chunk that has one. */
  async #loadTable({ chunk, entry }: LocatedSlice): Promise<Result<void, ReadTrouble>> {
    const length = tableBytes(entry.payloadBytes);
    if (length === 0 || this.#table !== undefined) return ok();
    const front = new Uint8Array(RECORD_HEADER_BYTES + length);
    const read = await fillFrom(this.#deps.files, chunk, entry.pack, front, entry.position);
    if (!read.ok) return read;
    const header = decodeHeader(front, undefined);
    if (header === undefined || digestOfRecord(header) !== chunk) return corrupt(chunk);
    if (header.payloadBytes !== entry.payloadBytes || header.payloadOffset !== entry.payloadOffset) {
      return corrupt(chunk);
    }
    const table = front.subarray(RECORD_HEADER_BYTES);
    if (Buffer.compare(this.#deps.digest(table), header.tableDigest) !== 0) return corrupt(chunk);
    this.#table = table;
    return ok();
  }

  #nextSlice(): void {
    this.#index += 1;
    this.#done = 0;
    const next = this.#slices[this.#index];
    // Two slices of one chunk in a row share table and scratch.
    if (next !== undefined && next.chunk === this.#slices[this.#index - 1]?.chunk) return;
    this.#table = undefined;
    this.#scratchFrom = -1;
  }

  #fail({ chunk, entry }: LocatedSlice, failure: ReadTrouble): number {
    this.#failure = failure;
    this.#deps.onTrouble(chunk, entry, failure);
    this.#settle();
    return FAILED;
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#scratch = undefined;
    void this.#ahead.close();
    this.#deps.onSettled(this);
  }
}

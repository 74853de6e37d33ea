/**
 * Bytes of chunks as a source: every segment is verified before a byte of it is handed out.
 *
 * Whole segments that fit are read straight into the reader's buffer, up to 256 KiB a disk read, and verified there;
 * only parts of segments pass through a scratch segment. A chunk of one segment is verified by its own digest, a longer
 * one by the segment table of its record.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { HOME_SLOT, slotOf } from "#actors/storage/packs/pack-number.ts";
import { SEGMENT_BYTES } from "#actors/storage/packs/record.ts";
import { corrupt, fillFrom, type ReadTrouble } from "#actors/storage/packs/record-bytes.ts";
import { isVerified, loadTable, payloadDigest } from "#actors/storage/reads/payload-reader.ts";
import { READ_BYTES_MAX, ReadAhead, type ReadAheadBuffers } from "#actors/storage/reads/read-ahead.ts";
import type { SmallChunkCache } from "#actors/storage/reads/small-chunk-cache.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { assert, type Failure, ok, type Result } from "#runtime/errors.ts";

/** Where the bytes of one slice are. */
export interface LocatedSlice {
  readonly chunk: Digest;
  /** Of the record that holds them: the chunk or a shard of it. Undefined where that is lost: then there is a spare. */
  readonly entry: CatalogEntry | undefined;
  /** Of the payload of that record. */
  readonly payloadBytes: number;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly spare?: Spare;
}

/** The same bytes from elsewhere. */
export interface Spare {
  /**
   * Fills `target` with whole segments of the payload from `from` on, verified. `lost` is why its own record was not read: where
   * the others do not suffice either that is what there is to be said, unless they are worth more.
   */
  fill(from: number, target: Uint8Array, lost?: ReadTrouble): Promise<Result<void, ReadTrouble>>;
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
  /** The record of the current slice could not be read: the rest comes from its spare. */
  #isSpared = false;
  /** The last verified segment of which only a part was handed out. */
  #scratch: Uint8Array | undefined;
  #scratchFrom = -1;
  #scratchLength = 0;
  #handedOutBytes = 0;
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

  /** Of all slices so far. */
  get handedOutBytes(): number {
    return this.#handedOutBytes;
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
    this.#handedOutBytes += count.value;
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

    const { payloadBytes } = slice;
    const known = this.#deps.cache.get(nameOf(slice));
    if (known !== undefined) {
      into.set(known.subarray(from, from + wanted));
      return ok(wanted);
    }
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

  /** Reads whole segments from `from`, verified: where its record fails from the spare, if there is one. */
  async #readVerified(slice: LocatedSlice, from: number, target: Uint8Array): Promise<Result<void, ReadTrouble>> {
    const { chunk, entry, spare } = slice;
    if (entry !== undefined && !this.#isSpared) {
      const read = await this.#readOwn(slice, entry, from, target);
      if (read.ok || spare === undefined) return read;
      this.#deps.onTrouble(chunk, entry, read.failure);
      this.#isSpared = true;
      return await spare.fill(from, target, read.failure);
    }
    return spare === undefined ? corrupt(chunk) : await spare.fill(from, target);
  }

  async #readOwn(
    slice: LocatedSlice,
    entry: CatalogEntry,
    from: number,
    target: Uint8Array,
  ): Promise<Result<void, ReadTrouble>> {
    const { files, digest, cache } = this.#deps;
    const table = this.#table === undefined ? await loadTable(files, digest, slice.chunk, entry) : ok(this.#table);
    if (!table.ok) return table;
    this.#table = table.value;
    const read = await this.#readRaw(slice, entry, from, target);
    if (!read.ok) return read;
    if (!isVerified(target, from, entry, slice.chunk, table.value, digest)) return corrupt(slice.chunk);
    if (target.length === entry.payloadBytes) cache.add(nameOf(slice), target);
    return ok();
  }

  /** Fills `target`, not verified yet. */
  async #readRaw(
    { chunk, offset, lengthBytes }: LocatedSlice,
    entry: CatalogEntry,
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

  #nextSlice(): void {
    this.#index += 1;
    this.#done = 0;
    const next = this.#slices[this.#index];
    // Two slices of one chunk in a row share table and scratch.
    const last = this.#slices[this.#index - 1];
    if (next !== undefined && last !== undefined && isSameRecord(next, last)) return;
    this.#isSpared = false;
    this.#table = undefined;
    this.#scratchFrom = -1;
  }

  #fail({ chunk, entry }: LocatedSlice, failure: ReadTrouble): number {
    this.#failure = asTold(failure, entry);
    if (entry !== undefined && !this.#isSpared) this.#deps.onTrouble(chunk, entry, failure);
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

/** A volume that refuses may be on its way out: until it was looked at nothing is said of the bytes. */
export function asTold(failure: ReadTrouble, entry: Pick<CatalogEntry, "pack"> | undefined): ReadTrouble {
  const isOfHome = entry !== undefined && slotOf(entry.pack) === HOME_SLOT;
  if (failure.errno === undefined || isOfHome) return failure;
  return { code: "storage.read-failed", errno: failure.errno };
}

/** What the payload of its record is known by. */
function nameOf({ chunk, entry }: LocatedSlice): Digest {
  return entry === undefined ? chunk : payloadDigest(chunk, entry);
}

function isSameRecord(one: LocatedSlice, other: LocatedSlice): boolean {
  if (one.chunk !== other.chunk || one.entry === undefined || other.entry === undefined) return false;
  return one.entry.pack === other.entry.pack && one.entry.position === other.entry.position;
}

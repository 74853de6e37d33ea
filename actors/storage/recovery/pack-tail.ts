/**
 * A pack whose end is not known yet: what was found in it behind its checkpoint, and where it ends once that is decided.
 *
 * Invariants:
 * - epochs only rise along the records kept; one with a lower epoch is what a cut that did not last had taken away;
 * - a record below the newest epoch is durable: a sync had succeeded before something else was written;
 * - a record that counts, and is not durable for that reason or by the word of the catalog, is written again before the
 *   sync. That it can be read proves nothing: the sync that was to bring it to the disk may have failed, and the system
 *   tells that once, keeps the bytes in its cache, and lets the next sync succeed without them;
 * - a commit that does not count, and lies before one that does, loses its header: else a later recovery, to which it is a
 *   record of an older epoch, would take it for durable;
 * - records are kept by the hundred thousand, so they hold no buffers: about 300 bytes each, 40 MB for a full pack.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, PackState } from "#actors/storage/catalog/catalog-records.ts";
import { isBadPlace, type PackFiles } from "#actors/storage/packs/pack-files.ts";
import { encodePackFront, PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import type { FoundRecord } from "#actors/storage/packs/pack-scan.ts";
import { RECORD_HEADER_BYTES, recordEnd } from "#actors/storage/packs/record.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

/** Bytes of one read and write while records are written again. */
const REWRITE_BYTES: number = 256 * KiB;

/** What the catalog would hold of the record, and what decides whether it will. */
export interface TailRecord extends CatalogEntry {
  readonly digest: Digest;
  readonly tail: PackTail;
  readonly epoch: number;
  /** Of one that commits an object. */
  readonly isTransient: boolean;
  /** It is a commit that counts whatever can be read of what it refers to. */
  readonly isSettled: boolean;
  /** The catalog holds it at this very place: some life decided that it counts, and made it durable. */
  readonly isEntered: boolean;
  /** A commit that counts refers to it. */
  isLive: boolean;
  /** It is a commit, and something that it refers to is nowhere, not even damaged. */
  isWanting: boolean;
}

export interface PackTailOptions {
  readonly pack: number;
  readonly mark: Uint8Array;
  readonly sizeBytes: number;
  /** The front of the pack has to be written again. */
  readonly isFrontDamaged: boolean;
  /** What the catalog says; undefined for a pack that it does not know. */
  readonly known: PackState | undefined;
}

export class PackTail {
  readonly #options: PackTailOptions;
  readonly #records: TailRecord[] = [];
  #newestEpoch: number;

  constructor(options: PackTailOptions) {
    this.#options = options;
    // What the catalog says is already past was synced: nothing that is found can be older and certain.
    this.#newestEpoch = options.known?.epoch ?? 0;
  }

  /** Everything before it is decided. */
  get checkpoint(): number {
    return this.#options.known?.checkpoint ?? PACK_FRONT_BYTES;
  }

  get pack(): number {
    return this.#options.pack;
  }

  /** Takes the next record, in the order of their positions; undefined if it is dead. */
  add({ pack, position, header, name }: FoundRecord, catalog: Pick<Catalog, "at">): TailRecord | undefined {
    const { payloadOffset, payloadBytes, sequence, isTransient, isSettled = false, epoch } = header;
    const where = { ...name, pack, position, payloadOffset, payloadBytes, sequence, damage: "none" } as const;
    const isEntered = catalog.at(name.digest, where) !== undefined;
    if (epoch < this.#newestEpoch && !isEntered) return undefined;
    this.#newestEpoch = Math.max(this.#newestEpoch, epoch);
    const record: TailRecord = {
      ...where,
      tail: this,
      epoch,
      isTransient,
      isSettled,
      isEntered,
      isLive: false,
      isWanting: false,
    };
    this.#records.push(record);
    return record;
  }

  /** Asked when all records are found. True: it was synced, whatever has become of it since. */
  isCertain({ epoch }: TailRecord): boolean {
    return epoch < this.#newestEpoch;
  }

  /** It holds a commit that does not count: what that refers to is not there, or cannot be read. */
  get hasRejectedCommit(): boolean {
    return this.#records.some(isRejectedCommit);
  }

  /** Of one of those all that it wants may be in a pack that is away. */
  get hasWantingCommit(): boolean {
    return this.#records.some((record) => isRejectedCommit(record) && record.isWanting);
  }

  /** As `cut`, but leaves the file as it is: only what counts is made durable. */
  async keep(files: PackFiles): Promise<Result<undefined, DiskFailure>> {
    const doubtful = this.#records.filter((record) => this.#isDoubtful(record)).map(extentOf);
    if (doubtful.length === 0) return ok(undefined);
    const kept = await this.#change(files, (descriptor) => this.#writeAgain(files, descriptor, doubtful));
    return kept.ok ? ok(undefined) : kept;
  }

  /** Cuts the file behind its last live record and makes the rest durable. After a failure it may be half done. */
  async cut(files: PackFiles): Promise<Result<CutPack, DiskFailure>> {
    const { pack, mark, sizeBytes, isFrontDamaged, known } = this.#options;
    const last = this.#records.findLastIndex(isKept);
    const end = this.#endOf(this.#records[last]);
    const hasSurplus = sizeBytes > this.checkpoint;
    // Of a pack that nobody knows, the sync that was to bring the front to the disk may have failed.
    const isFrontDoubtful = isFrontDamaged || known === undefined;
    if (hasSurplus || isFrontDoubtful) {
      const changed = await this.#change(files, async (descriptor) => {
        const { disk } = files;
        const fronted = isFrontDoubtful ? await disk.write(descriptor, [encodePackFront(pack, mark)], 0) : ok();
        if (!fronted.ok) return fronted;
        const shortened = sizeBytes > end ? await disk.truncate(descriptor, end) : ok();
        if (!shortened.ok) return shortened;
        for (const { position } of this.#records.slice(0, Math.max(0, last)).filter(isRejectedCommit)) {
          // What is left is no record.
          const struckOut = await disk.write(descriptor, [new Uint8Array(RECORD_HEADER_BYTES)], position);
          if (!struckOut.ok) return struckOut;
        }
        return await this.#writeAgain(files, descriptor, this.#uncertainUpTo(end));
      });
      if (!changed.ok) return changed;
    }
    const recordCount = (known?.recordCount ?? 0) + last + 1;
    const state = { pack, mark, checkpoint: end, epoch: this.#newestEpoch + 1, recordCount, sealed: false };
    const isCut = known?.isCut === true;
    return ok({ state: isCut ? { ...state, isCut } : state, cutBytes: Math.max(0, sizeBytes - end) });
  }

  /** Changes the file, and makes all of it durable. */
  async #change(
    files: PackFiles,
    change: (descriptor: number) => Promise<Result<void, DiskFailure>>,
  ): Promise<Result<void, DiskFailure>> {
    const { disk } = files;
    const opened = await disk.open(files.pathOf(this.pack), "write");
    if (!opened.ok) return opened;
    try {
      const changed = await change(opened.value);
      return changed.ok ? await disk.sync(opened.value) : changed;
    } finally {
      await disk.close(opened.value);
    }
  }

  /** Writes bytes where they are, so that the next sync has to bring them to the disk. */
  async #writeAgain(
    files: PackFiles,
    descriptor: number,
    extents: Iterable<Extent>,
  ): Promise<Result<void, DiskFailure>> {
    const buffer = new Uint8Array(REWRITE_BYTES);
    for (const { from, to } of extents) {
      for (let position = from; position < to; position += REWRITE_BYTES) {
        const piece = buffer.subarray(0, Math.min(REWRITE_BYTES, to - position));
        const read = await files.read(this.pack, piece, position);
        // Part of what an older life has left between the records: nobody has asked for it, and nobody will.
        if (!read.ok && isBadPlace(read.failure)) continue;
        if (!read.ok) return read;
        const written = await files.disk.write(descriptor, [piece.subarray(0, read.value)], position);
        if (!written.ok) return written;
      }
    }
    return ok();
  }

  /** Records in doubt, and what lies between records, which may be left of one that was struck out. */
  *#uncertainUpTo(end: number): Generator<Extent> {
    let from = this.checkpoint;
    for (const record of this.#records) {
      if (record.position >= end) break;
      if (this.#isDoubtful(record)) continue;
      if (record.position > from) yield { from, to: record.position };
      from = recordEnd(record.position, record);
    }
    if (from < end) yield { from, to: end };
  }

  #isDoubtful(record: TailRecord): boolean {
    return record.isLive && !record.isEntered && !this.isCertain(record);
  }

  #endOf(record: TailRecord | undefined): number {
    return record === undefined ? this.checkpoint : recordEnd(record.position, record);
  }
}

/** The pack as it is now. */
export interface CutPack {
  readonly state: PackState;
  readonly cutBytes: number;
}

/** Bytes of the file. */
interface Extent {
  readonly from: number;
  readonly to: number;
}

function extentOf({ position, payloadOffset, payloadBytes }: TailRecord): Extent {
  return { from: position, to: position + payloadOffset + payloadBytes };
}

/** What the catalog refers to is never cut, whatever the commits that were found say. */
function isKept({ isLive, isEntered }: TailRecord): boolean {
  return isLive || isEntered;
}

function isRejectedCommit(record: TailRecord): boolean {
  return record.sequence > 0 && !isKept(record);
}

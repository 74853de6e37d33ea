/**
 * A pack whose end is not known yet: what was found in it behind its checkpoint, and where it ends once that is decided.
 *
 * Invariants:
 * - epochs only rise along the records kept; one with a lower epoch is what a cut that did not last had taken away;
 * - a record below the newest epoch is durable: a sync had succeeded before something else was written;
 * - records are kept by the hundred thousand, so they hold no buffers: about 300 bytes each, 40 MB for a full pack.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { CatalogEntry, PackState } from "#actors/storage/catalog.ts";
import type { PackFiles } from "#actors/storage/pack-files.ts";
import { encodePackHeader, PACK_HEADER_BYTES } from "#actors/storage/pack-format.ts";
import type { FoundRecord } from "#actors/storage/pack-scan.ts";
import { digestOfRecord, recordEnd } from "#actors/storage/record.ts";
import { must } from "#runtime/errors.ts";

/** What the catalog would hold of the record, and what decides whether it will. */
export interface TailRecord extends CatalogEntry {
  readonly digest: Digest;
  readonly tail: PackTail;
  readonly epoch: number;
  /** A commit that counts refers to it. */
  isLive: boolean;
}

export interface PackTailOptions {
  readonly pack: number;
  readonly mark: Uint8Array;
  readonly sizeBytes: number;
  /** The pack's own header has to be written again. */
  readonly isHeaderLost: boolean;
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
    return this.#options.known?.checkpoint ?? PACK_HEADER_BYTES;
  }

  /** Takes the next record, in the order of their positions; undefined if it is dead. */
  add({ pack, position, header }: FoundRecord): TailRecord | undefined {
    const { kind, payloadOffset, payloadBytes, sequence, epoch } = header;
    if (epoch < this.#newestEpoch) return undefined;
    this.#newestEpoch = epoch;
    const digest = digestOfRecord(header);
    const where = { kind, pack, position, payloadOffset, payloadBytes, sequence, damaged: false };
    const record: TailRecord = { ...where, digest, tail: this, epoch, isLive: false };
    this.#records.push(record);
    return record;
  }

  /** Asked when all records are found. True: it was synced, whatever has become of it since. */
  isCertain({ epoch }: TailRecord): boolean {
    return epoch < this.#newestEpoch;
  }

  /** Cuts the file behind its last live record and makes the rest durable. Answers with the pack as it is now. */
  async cut(files: PackFiles): Promise<{ readonly state: PackState; readonly cutBytes: number }> {
    const { pack, mark, sizeBytes, isHeaderLost, known } = this.#options;
    const last = this.#records.findLastIndex(({ isLive }) => isLive);
    const end = this.#endOf(this.#records[last]);
    const hasSurplus = sizeBytes > this.checkpoint;
    if (hasSurplus || isHeaderLost) {
      const descriptor = must(await files.disk.open(files.pathOf(pack), "write"), "a pack can be opened for recovery");
      if (isHeaderLost) {
        must(await files.disk.write(descriptor, [encodePackHeader(pack, mark)], 0), "a pack gets its header");
      }
      if (sizeBytes > end) must(await files.disk.truncate(descriptor, end), "a torn tail can be cut");
      must(await files.disk.sync(descriptor), "what recovery found is made durable");
      await files.disk.close(descriptor);
    }
    const recordCount = (known?.recordCount ?? 0) + last + 1;
    const state = { pack, mark, checkpoint: end, epoch: this.#newestEpoch + 1, recordCount, sealed: false };
    return { state, cutBytes: Math.max(0, sizeBytes - end) };
  }

  #endOf(record: TailRecord | undefined): number {
    return record === undefined ? this.checkpoint : recordEnd(record.position, record);
  }
}

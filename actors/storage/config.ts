/** Storage's settings. */
import { type ConfigSchema, count, durationMs, sizeBytes } from "#runtime/config/schema.ts";
import { GiB, hour, KiB, MiB, minute, second } from "#runtime/units.ts";

export interface StorageConfig {
  /** Largest object accepted. */
  readonly objectSizeBytesMax: number;
  /** Most chunks of an object that is cut as it arrives: each takes up to 400 bytes of memory until the commit. */
  readonly objectChunksMax: number;
  /**
   * Uploads over 1 MiB that write at once, each to a pack of its own; further ones wait in line. To volumes any number writes, to
   * packs that they share.
   */
  readonly openPacksMax: number;
  /** A pack that has grown to this is sealed and never written again. */
  readonly packSealBytes: number;
  /**
   * Free space that writes leave alone. Below it they are refused with `storage.full`; reads go on. The catalog, the
   * index and the logs live on it: it is never nothing.
   */
  readonly reserveBytes: number;
  /**
   * A file of so many bytes is given up when others have filled the disk, so that removals and collections can make room; 0:
   * none. It is made again when it fits in front of `reserveBytes`.
   */
  readonly reserveFileBytes: number;
  /** What all packs together may hold; 0: what the disk does. Puts get nine tenths of it, repair all. */
  readonly storedBytesMax: number;
  /** How many packs there may be, each of them a file. Puts go on up to nine tenths of it, repair up to all. */
  readonly packsMax: number;
  /**
   * Memory of all uploads together. An upload holds 512 KiB, 1.25 MiB if its size is unknown, or its own small size; to volumes one
   * over 1 MiB, or of unknown size, holds 12 MiB more. At start.
   */
  readonly writeQuotaBytes: number;
  /** Packs kept open for reading. At start. */
  readonly readDescriptorsMax: number;
  /** How long a removed object can be restored, ms. */
  readonly trashMs: number;
  /** From the end of one collection to the beginning of the next, ms. */
  readonly collectIntervalMs: number;
  /** A pack of which less than this is live, in percent, is compacted. */
  readonly compactBelowPercent: number;
  /** Nothing stays unverified for longer, ms. */
  readonly scrubPeriodMs: number;
  /** Bytes a second that collections read and copy, and that scrubbing reads at most. */
  readonly collectBytesPerSecondMax: number;
  /**
   * Bytes a second that repair reads and writes to mend, and records a second; what is read back counts, manifests that are read
   * to count do not.
   */
  readonly repairBytesPerSecondMax: number;
  readonly repairOpsPerSecondMax: number;
  /** How long an absent volume is waited for before what it holds is made again elsewhere, ms. */
  readonly repairDelayMs: number;
  /** Uploads in pieces that are begun and not over. One more is `storage.uploads-full`. */
  readonly uploadsMax: number;
  /** Bytes that those hold or, where it is known, will hold. More are `storage.uploads-full`. */
  readonly stagingBytesMax: number;
  /** An upload to which nothing was added for so long is forgotten, and so is what became of one. */
  readonly uploadAgeMsMax: number;
}

export const storageConfigSchema: ConfigSchema<StorageConfig> = {
  objectSizeBytesMax: sizeBytes({ default: 64 * GiB, min: 1 * KiB, max: 1024 * GiB }),
  objectChunksMax: count({ default: 2 ** 20, min: 64, max: 2 ** 24 }),
  openPacksMax: count({ default: 64, min: 1, max: 1024 }),
  packSealBytes: sizeBytes({ default: 256 * MiB, min: 64 * KiB, max: 1 * GiB }),
  reserveBytes: sizeBytes({ default: 256 * MiB, min: 16 * MiB, max: 1024 * GiB }),
  reserveFileBytes: sizeBytes({ default: 16 * MiB, min: 0, max: 1 * GiB }),
  storedBytesMax: sizeBytes({ default: 0, min: 0, max: 1_048_576 * GiB }),
  packsMax: count({ default: 262_144, min: 16, max: 1_048_576 }),
  writeQuotaBytes: sizeBytes({ default: 96 * MiB, min: 2 * MiB, max: 64 * GiB }),
  readDescriptorsMax: count({ default: 256, min: 1, max: 65_536 }),
  trashMs: durationMs({ default: 7 * 24 * hour, min: 0, max: 3650 * 24 * hour }),
  collectIntervalMs: durationMs({ default: 6 * hour, min: 1 * second, max: 24 * 24 * hour }),
  scrubPeriodMs: durationMs({ default: 30 * 24 * hour, min: 1 * hour, max: 3650 * 24 * hour }),
  compactBelowPercent: count({ default: 50, min: 1, max: 100 }),
  collectBytesPerSecondMax: sizeBytes({ default: 64 * MiB, min: 64 * KiB, max: 64 * GiB }),
  repairBytesPerSecondMax: sizeBytes({ default: 128 * MiB, min: 64 * KiB, max: 64 * GiB }),
  repairOpsPerSecondMax: count({ default: 2000, min: 1, max: 1_000_000 }),
  repairDelayMs: durationMs({ default: 15 * minute, min: 0, max: 24 * 24 * hour }),
  uploadsMax: count({ default: 1024, min: 1, max: 65_536 }),
  stagingBytesMax: sizeBytes({ default: 256 * GiB, min: 1 * KiB, max: 16_384 * GiB }),
  uploadAgeMsMax: durationMs({ default: 24 * hour, min: 1 * second, max: 30 * 24 * hour }),
};

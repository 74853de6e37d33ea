/**
 * Lets go of graves: removals that are final, and that no pack holds a commit of any more.
 *
 * A grave is needed for as long as a catalog that is rebuilt could find what was removed. The oldest pack says how long that
 * is only where every pack is emptied at some time; one that stays full would keep all graves. So the packs are asked, each
 * header of them, when there are many. What was forgotten while it was gone or cut off cannot be asked, and may be put back:
 * graves that may speak of it stay as long as there is room for them.
 */
import { decodeManifest } from "#actors/domain/manifest.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { hasLost } from "#actors/storage/catalog/catalog-records.ts";
import type { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import { covers, type Removal } from "#actors/storage/keeps/keep.ts";
import { type KeepName, keepNameOf } from "#actors/storage/keeps/keep-codec.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { KeepFailure } from "#actors/storage/keeps/keeps.ts";
import type { PackFile, PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { type FoundRecord, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import { sizeOfRecord } from "#actors/storage/packs/record.ts";
import { readPayload } from "#actors/storage/packs/record-bytes.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { findLost } from "#actors/storage/recovery/lost-packs.ts";
import type { Clock } from "#runtime/clock.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { least } from "#runtime/extremes.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Throttle } from "#runtime/throttle.ts";
import { hour, KiB } from "#runtime/units.ts";

/** Graves that are asked about at once, some 40 bytes of memory each. What they are is in memory anyway. */
export const GRAVES_SWEPT_MAX = 262_144;
/** Seven eighths of `KEEPS_MAX`: with as many objects that something is known of, graves go that no pack needs which is there. */
export const GRAVES_KEPT_MAX = 917_504;
/** Younger ones wait: a commit that they cover may still be on its way to a pack. */
export const GRAVE_AGE_MS_MIN: number = 1 * hour;
/** What a scan reads for one header, at most. */
const READ_BYTES: number = 64 * KiB;

export interface GraveSweepDeps {
  readonly files: PackFiles;
  readonly catalog: Catalog;
  readonly keeping: Pick<Keeping, "count" | "forget" | "graves">;
  readonly readers: PackReaders;
  readonly cpu: Pick<Cpu, "digest">;
  readonly clock: Clock;
  readonly pause: Pause;
  readonly throttle: Throttle;
  readonly isOver: () => boolean;
}

export class GraveSweep {
  readonly #deps: GraveSweepDeps;
  /** Those that a pack still needs are taken out. */
  #graves = new Map<KeepName, Removal>();
  #isUnreadable = false;

  constructor(deps: GraveSweepDeps) {
    this.#deps = deps;
  }

  /** Answers whether it was done: not where all of them are young, nor where a pack is not there, or any place of one cannot be read. */
  async run(): Promise<Result<boolean, KeepFailure>> {
    const { catalog, clock, files, isOver, keeping } = this.#deps;
    if (await this.#lacksSome()) return ok(false);
    const belowPack = keeping.count < GRAVES_KEPT_MAX ? least(catalog.numbers.forgotten) : Number.POSITIVE_INFINITY;
    const beforeMs = clock.wallMs() - GRAVE_AGE_MS_MIN;
    this.#graves = await keeping.graves({ beforeMs, belowPack, countMax: GRAVES_SWEPT_MAX });
    const listed = await files.list();
    if (this.#graves.size === 0 || !listed.ok) return ok(false);
    for (const file of listed.value) {
      if (this.#graves.size === 0 || this.#isUnreadable || isOver()) break;
      await this.#ask(file);
    }
    // One that was cut by the time that it was asked was asked for less than may be put back.
    if (this.#isUnreadable || (await this.#lacksSome()) || isOver()) return ok(false);
    const forgotten = await keeping.forget(this.#graves);
    return forgotten.ok ? ok(true) : forgotten;
  }

  /** A pack is not there, or less of it than is known, whether or not anybody has noticed yet. */
  async #lacksSome(): Promise<boolean> {
    const { catalog, files } = this.#deps;
    for (const state of catalog.packs.values()) if (hasLost(state) || !files.isThere(state.pack)) return true;
    const lost = await findLost(files, catalog, files.slots);
    return !lost.ok || lost.value.length > 0;
  }

  /** Every file, also one that the catalog has let go of, and that is still there: the next start would find it. */
  async #ask({ pack, sizeBytes }: PackFile): Promise<void> {
    const { catalog, files, isOver, pause, readers, throttle } = this.#deps;
    const leave = readers.enter(new Set([pack]));
    try {
      const onUnreadable = (): void => {
        this.#isUnreadable = true;
      };
      const mark = catalog.packs.get(pack)?.mark;
      for await (const found of scanRecords(files, pack, mark, PACK_FRONT_BYTES, sizeBytes, onUnreadable)) {
        if (this.#isUnreadable || isOver()) return;
        await throttle.take(Math.min(sizeOfRecord(found.header), READ_BYTES));
        if (found.header.sequence > 0) await this.#needed(found);
        await pause.ifDue();
      }
    } finally {
      leave();
    }
  }

  async #needed({ header, name: { digest }, pack, position }: FoundRecord): Promise<void> {
    const { catalog, cpu, files } = this.#deps;
    let object = catalog.commitOf(digest)?.object;
    if (object === undefined) {
      const read = await readPayload(files, digest, { ...header, pack, position }, cpu.digest);
      // What is damaged commits nothing. What cannot be read may be whole.
      if (!read.ok)
        this.#isUnreadable ||= read.failure.code === "storage.read-failed" || read.failure.errno !== undefined;
      const manifest = read.ok ? decodeManifest(read.value) : undefined;
      if (manifest?.ok !== true) return;
      object = manifest.value.object;
    }
    const name = keepNameOf({ object, manifest: digest });
    const grave = this.#graves.get(name);
    if (grave !== undefined && covers(grave, header)) this.#graves.delete(name);
  }
}

/**
 * Closing a full pack for good: a table of its committed records at its end, so that a lost catalog is rebuilt without
 * reading the pack. One pack at a time, beside the traffic. One that fails stays unsealed, and is tried again before the
 * next one: a table that lacks a record, because it could not be read just then, would lose it with the catalog.
 */

import { decodeManifest } from "#actors/domain/manifest.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { hasLost, type PackState } from "#actors/storage/catalog/catalog-records.ts";
import { recordsIn } from "#actors/storage/catalog/catalog-walk.ts";
import { keepNameOf } from "#actors/storage/keeps/keep-codec.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import {
  encodeSealEntry,
  encodeSealFooter,
  PACK_FRONT_BYTES,
  SEAL_ENTRY_BYTES,
  SEAL_FOOTER_BYTES,
  type SealEntry,
} from "#actors/storage/packs/pack-format.ts";
import { type FoundRecord, type OnUnreadable, readWhole, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import type { PoolDisk } from "#actors/storage/packs/pool-disk.ts";
import { align, digestOfRecord, recordEnd } from "#actors/storage/packs/record.ts";
import type { RecordCheck } from "#actors/storage/packs/record-check.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { OnDamaged } from "#actors/storage/puts/known-records.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { KiB } from "#runtime/units.ts";

/** Bytes of one write of the table. */
const TABLE_WRITE_BYTES: number = 256 * KiB;

export interface SealerDeps {
  readonly files: PackFiles;
  readonly catalog: Catalog;
  readonly cpu: Pick<Cpu, "hasher">;
  readonly keeps: Pick<Keeps, "fateOf">;
  readonly onDamaged: OnDamaged;
  readonly check: Pick<RecordCheck, "holds" | "payload">;
  readonly pause: Pause;
  readonly log: Log;
  /** Ends the life: what it says may not be relied upon. */
  readonly onDefect: (defect: unknown) => void;
}

export class Sealer {
  readonly #deps: SealerDeps;
  /** In line again with the next one; at most all packs that are full. With what they are written through. */
  readonly #failed = new Map<number, PoolDisk>();
  #ended = false;
  #work: Promise<void> = Promise.resolve();

  constructor(deps: SealerDeps) {
    this.#deps = deps;
  }

  /** Puts the pack in line. `disk` is that of its pool: one that ends leaves it to the next, which finds it full. */
  seal(pack: number, disk: PoolDisk): void {
    const sealing = this.#work.then(async () => {
      const again = [...this.#failed];
      this.#failed.clear();
      for (const one of [...again, [pack, disk] as const]) await this.#sealNow(...one);
    });
    this.#work = sealing.catch(this.#deps.onDefect);
  }

  /** Begins no further pack, and waits for the one at work. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#work;
  }

  async #sealNow(pack: number, disk: PoolDisk): Promise<void> {
    const { catalog, log } = this.#deps;
    const state = catalog.packs.get(pack);
    if (this.#ended || state === undefined || state.sealed || hasLost(state)) return;
    const sealed = await this.#seal(state, disk);
    // Somebody has cut it meanwhile.
    if (disk.refusal !== undefined || catalog.packs.get(pack) !== state) return;
    if (sealed.ok) catalog.setPack({ ...state, checkpoint: sealed.value, sealed: true });
    else if (!this.#ended) {
      this.#failed.set(pack, disk);
      log.warn("pack not sealed", { pack, failure: sealed.failure });
    }
  }

  async #seal(state: PackState, disk: PoolDisk): Promise<Result<number, DiskFailure>> {
    const opened = await disk.open(this.#deps.files.pathOf(state.pack), "write");
    if (!opened.ok) return opened;
    try {
      return await this.#writeSeal(state, disk, opened.value);
    } finally {
      await disk.close(opened.value);
    }
  }

  /** Answers with the size of the sealed file. */
  async #writeSeal(state: PackState, disk: PoolDisk, descriptor: number): Promise<Result<number, DiskFailure>> {
    const { files, cpu, pause } = this.#deps;
    const tablePosition = align(state.checkpoint);
    const hasher = cpu.hasher();
    const size = await disk.sizeBytes(descriptor);
    if (!size.ok) return size;
    // Else it would be lengthened, and look whole, without what it has lost.
    if (align(size.value) < state.checkpoint) return fail({ code: "disk.not-found", path: files.pathOf(state.pack) });
    // What an attempt that failed has left would lie behind the footer.
    const cut = await disk.truncate(descriptor, tablePosition);
    if (!cut.ok) return cut;
    const unreadable: DiskFailure[] = [];
    const onUnreadable: OnUnreadable = (failure) => void unreadable.push(failure);
    const seen = new Set<number>();
    let scannedTo = PACK_FRONT_BYTES;
    let hasGap = false;
    let entryCount = 0;
    let position = tablePosition;
    let pending: Uint8Array[] = [];
    const write = async (): Promise<Result<void, DiskFailure>> => {
      const written = await disk.write(descriptor, pending, position);
      position += pending.length * SEAL_ENTRY_BYTES;
      pending = [];
      return written;
    };

    const { pack, mark, checkpoint } = state;
    // A table without its footer is cut by the next recovery, and written again.
    const left = fail({ code: "disk.broken", path: files.pathOf(pack), errno: "ECANCELED" } as const);
    for await (const found of scanRecords(files, pack, mark, PACK_FRONT_BYTES, checkpoint, onUnreadable)) {
      if (unreadable.length > 0) break;
      seen.add(found.position);
      hasGap ||= found.skippedBytes > 0;
      scannedTo = recordEnd(found.position, found.header);
      const entry = await this.#entryFor(found, disk);
      if (!entry.ok) return entry;
      if (entry.value === undefined) continue;
      const bytes = encodeSealEntry(entry.value);
      hasher.update(bytes);
      pending.push(bytes);
      entryCount += 1;
      if (pending.length * SEAL_ENTRY_BYTES >= TABLE_WRITE_BYTES) {
        const written = await write();
        if (!written.ok) return written;
      }
      await pause.ifDue();
      if (this.#ended) return left;
    }
    const [failure] = unreadable;
    if (failure !== undefined) return fail(failure);
    if (hasGap || scannedTo < checkpoint) await this.#tellUnseen(state, seen, disk);
    if (this.#ended) return left;
    const footer = encodeSealFooter({ entryCount, tablePosition, tableDigest: hasher.digest() }, mark);
    const table = await write();
    if (!table.ok) return table;
    const written = await disk.write(descriptor, [footer], position);
    const synced = written.ok ? await disk.sync(descriptor) : written;
    if (!synced.ok) return fail(synced.failure);
    return ok(position + SEAL_FOOTER_BYTES);
  }

  /** A record that no scan finds any more is not in the table: what the catalog says of it is not so. */
  async #tellUnseen({ pack, checkpoint }: PackState, seen: ReadonlySet<number>, disk: PoolDisk): Promise<void> {
    const { catalog, onDamaged, pause } = this.#deps;
    const isOver = (): boolean => this.#ended || disk.refusal !== undefined;
    for await (const { digest, entry } of recordsIn(catalog, pause, (other) => other === pack, isOver)) {
      const isUnseen = !seen.has(entry.position) && entry.position < checkpoint;
      if (isUnseen && entry.damage === "none") onDamaged(digest, entry, "differs");
    }
  }

  /**
   * Undefined for dead records: aborted, superseded, or written twice. One that the catalog does not know at all is listed
   * if it holds: it may be dead, and is harmless then; or a key of the catalog has decayed. A commit that holds, and that the
   * catalog does not know or has no place for in the log, has no other reason, where its object was not removed and no other
   * copy has the commit: recovery leaves none that does not count. What belongs to a pool that has ended is forgotten and
   * recovered beside this, and nothing follows from what the catalog says of it.
   */
  async #entryFor(found: FoundRecord, disk: PoolDisk): Promise<Result<SealEntry | undefined, DiskFailure>> {
    if (disk.refusal !== undefined) return fail(disk.refusal);
    const { catalog, check } = this.#deps;
    const { pack, position, header, name } = found;
    const { payloadOffset, payloadBytes, sequence } = header;
    const { digest } = name;
    const where = { ...name, position, payloadOffset, payloadBytes };
    const entry = catalog.beside(digest, { ...where, pack });
    if (entry === undefined) {
      const held = await check.holds(digest, { ...where, pack });
      if (!held.ok || !held.value) return held.ok ? ok(undefined) : held;
      if (sequence > 0) return await this.#deadCommit(found, disk);
      return ok({ ...where, sequence: 0, object: undefined, objectBytes: 0, isTransient: false });
    }
    if (entry.pack !== pack || entry.position !== position) return ok(undefined);
    // Another copy of it may have been written with a newer commit: that is the one that all of them stand for.
    const commit = entry.sequence > 0 ? catalog.commitAt(entry.sequence) : undefined;
    if (commit === undefined && entry.sequence > 0) catalog.giveUp("a commit has no place in its log");
    const { sequence: number = 0, object, sizeBytes: objectBytes = 0, isTransient = false } = commit ?? {};
    return ok({ ...where, sequence: number, object, objectBytes, isTransient });
  }

  /** Repair has let go of this copy, and others have the commit; or its object was removed, and a later commit of it given up. */
  async #deadCommit({ pack, position, header }: FoundRecord, disk: PoolDisk): Promise<Result<undefined, DiskFailure>> {
    const { catalog, check, keeps } = this.#deps;
    const { isTransient, payloadBytes, payloadOffset, sequence } = header;
    const manifest = digestOfRecord(header);
    if ((catalog.commitOf(manifest)?.sequence ?? 0) >= sequence) return ok(undefined);
    const read = await check.payload(manifest, { pack, position, payloadOffset, payloadBytes });
    if (!read.ok) return read;
    if (disk.refusal !== undefined) return fail(disk.refusal);
    const decoded = read.value === undefined ? undefined : decodeManifest(read.value);
    if (decoded?.ok !== true) return ok(undefined);
    const { object } = decoded.value;
    const fate = keeps.fateOf(keepNameOf({ object, manifest }), { sequence, isTransient });
    if (fate !== "buried") catalog.giveUp("the commit of a full pack is not in it");
    return ok(undefined);
  }
}

/** The entries of a sealed pack, as far as its table goes and can be read. */
export async function* readSealTable(
  files: PackFiles,
  pack: number,
  tablePosition: number,
  entryCount: number,
  onUnreadable: OnUnreadable,
): AsyncGenerator<Uint8Array, void> {
  const perRead = Math.floor(TABLE_WRITE_BYTES / SEAL_ENTRY_BYTES);
  for (let done = 0; done < entryCount; done += perRead) {
    const count = Math.min(perRead, entryCount - done);
    const position = tablePosition + done * SEAL_ENTRY_BYTES;
    const read = await readWhole(files, pack, count * SEAL_ENTRY_BYTES, position);
    if (!read.ok) return onUnreadable(read.failure, pack, position);
    if (read.value === undefined) return;
    yield read.value;
  }
}

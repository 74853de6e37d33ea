/**
 * Takes what is live out of a pack, so that the pack can go.
 *
 * - A record is copied byte for byte behind a header of its own pack, and only after it was verified: what is damaged stays
 *   where it is, and with it the pack. So does what the catalog has in the pack and no scan finds any more.
 * - Nothing counts before all copies are synced. Then the catalog turns to them, one after another, and forgets what is dead; a
 *   record that a put has come to rely on meanwhile is copied in another round. What is done by half a crash leaves as it is:
 *   another collection goes on with it.
 * - The file goes when the catalog without it is on the disk: a crash before leaves records twice, which harms nothing.
 */

import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, PackState } from "#actors/storage/catalog/catalog-records.ts";
import { recordsIn } from "#actors/storage/catalog/catalog-walk.ts";
import { isDescribed } from "#actors/storage/chunks/shard-descriptor.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { PackLease } from "#actors/storage/packs/pack-lease.ts";
import type { PackPool } from "#actors/storage/packs/pack-pool.ts";
import { type FoundRecord, readSeal, readWhole, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import {
  encodeHeader,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  recordEnd,
  sizeOfRecord,
  tableBytes,
} from "#actors/storage/packs/record.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { OnDamaged } from "#actors/storage/puts/known-records.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Throttle } from "#runtime/throttle.ts";
import { MiB } from "#runtime/units.ts";

/** Bytes of small records that are written together. */
const WRITE_BYTES: number = 1 * MiB;
/** Rounds for what puts come to rely on while the others are copied. Then the pack waits for the next collection. */
export const COMPACT_ROUNDS_MAX = 4;

export interface CompactorDeps {
  readonly files: PackFiles;
  readonly catalog: Catalog;
  readonly cpu: Pick<Cpu, "digest">;
  readonly pause: Pause;
  readonly throttle: Throttle;
  readonly onDamaged: OnDamaged;
  readonly isOver: () => boolean;
}

/** Whether a record of the pack is live, as far as that is known now. */
export type IsLive = (entry: CatalogEntry, digest: Digest) => boolean;

/** Why a pack stays; `changed`: it is not what it was when it was marked, which the next collection finds. */
export type StaysBecause = { readonly code: "damaged" | "busy" | "changed" | "over" } | DiskFailure;

interface Copied {
  readonly digest: Digest;
  readonly from: CatalogEntry;
  readonly to: CatalogEntry;
}

interface Known {
  readonly digest: Digest;
  readonly entry: CatalogEntry;
}

export class Compactor {
  readonly #deps: CompactorDeps;

  constructor(deps: CompactorDeps) {
    this.#deps = deps;
  }

  /** Afterwards the catalog knows nothing of the pack. Copies go to `pool`, on the same volume. */
  async empty(marked: PackState, isLive: IsLive, pool: PackPool): Promise<Result<void, StaysBecause>> {
    for (let round = 0; round < COMPACT_ROUNDS_MAX; round += 1) {
      const { catalog, isOver } = this.#deps;
      if (isOver()) return fail({ code: "over" });
      const state = catalog.packs.get(marked.pack);
      // One whose file has gone since then has nothing before its checkpoint: it would be taken for empty.
      if (state === undefined || state.checkpoint < marked.checkpoint) return fail({ code: "changed" });
      const emptied = await this.#round(state, isLive, pool);
      if (!emptied.ok || emptied.value) return emptied.ok ? ok() : emptied;
    }
    return fail({ code: "busy" });
  }

  /** Answers true when nothing is left. */
  async #round(state: PackState, isLive: IsLive, pool: PackPool): Promise<Result<boolean, StaysBecause>> {
    const { catalog, pause } = this.#deps;
    const copies = new Copies(pool);
    const dead: Known[] = [];
    const copied = await this.#copyLive(state, isLive, copies, dead);
    const synced = copied.ok ? await copies.sync() : copied;
    if (!synced.ok) {
      await copies.abandon();
      return synced;
    }

    copies.enter(catalog);
    let room: Result<void, DiskFailure> = ok();
    for (const { digest, from, to } of copies.done) {
      room = await catalog.room();
      if (!room.ok) break;
      const now = catalog.at(digest, from);
      if (now !== undefined)
        this.#turnTo(digest, now, { ...to, sequence: now.sequence, isOutdated: now.isOutdated === true });
      await pause.ifDue();
    }
    await copies.release();
    if (!room.ok) return room;
    let isEmpty = true;
    for (const { digest, entry } of dead) {
      // Asked in the turn in which it goes: a put may have come to rely on it.
      if (isLive(entry, digest)) isEmpty = false;
      else catalog.remove(digest, entry);
      const more = await catalog.room();
      if (!more.ok) return more;
      await pause.ifDue();
    }
    // Whoever writes the volume since then may have written to this very pack.
    if (pool.disk.refusal !== undefined) return fail(pool.disk.refusal);
    if (isEmpty) catalog.removePack(state.pack);
    return ok(isEmpty);
  }

  async #copyLive(
    { pack, mark, checkpoint, sealed }: PackState,
    isLive: IsLive,
    copies: Copies,
    dead: Known[],
  ): Promise<Result<void, StaysBecause>> {
    const { catalog, files, isOver, pause } = this.#deps;
    let unreadable: DiskFailure | undefined;
    const onUnreadable = (failure: DiskFailure): void => {
      unreadable = failure;
    };
    const seal = sealed ? await readSeal(files, pack, mark, checkpoint, onUnreadable) : undefined;
    const recordsEnd = seal?.tablePosition ?? checkpoint;
    const seen = new Set<number>();
    let scannedTo = PACK_FRONT_BYTES;
    let hasGap = false;
    let isDamaged = false;
    for await (const found of scanRecords(files, pack, mark, PACK_FRONT_BYTES, recordsEnd, onUnreadable)) {
      if (isOver()) return fail({ code: "over" });
      seen.add(found.position);
      hasGap ||= found.skippedBytes > 0;
      scannedTo = recordEnd(found.position, found.header);
      const { digest } = found.name;
      const entry = catalog.at(digest, { ...found.name, pack, position: found.position });
      if (entry === undefined) continue;
      if (!isLive(entry, digest)) {
        dead.push({ digest, entry });
        continue;
      }
      const copied = await this.#copy(found, entry, digest, copies);
      if (!copied.ok) return copied;
      isDamaged ||= !copied.value;
      await pause.ifDue();
    }
    if (unreadable !== undefined) return fail(unreadable);
    if (hasGap || scannedTo < recordsEnd) isDamaged = (await this.#tellUnseen(pack, seen, isLive, dead)) || isDamaged;
    if (isOver()) return fail({ code: "over" });
    return isDamaged ? fail({ code: "damaged" }) : ok();
  }

  /** Whether any record is live that the catalog alone still knows. Those that are dead would be relied upon when the file is gone. */
  async #tellUnseen(pack: number, seen: ReadonlySet<number>, isLive: IsLive, dead: Known[]): Promise<boolean> {
    const { catalog, isOver, onDamaged, pause } = this.#deps;
    let isDamaged = false;
    for await (const { digest, entry } of recordsIn(catalog, pause, (other) => other === pack, isOver)) {
      if (seen.has(entry.position)) continue;
      if (!isLive(entry, digest)) {
        dead.push({ digest, entry });
        continue;
      }
      isDamaged = true;
      // What is behind the end of a file that was cut is unreadable, and stays that: it is served when it is put back.
      if (entry.damage === "none") onDamaged(digest, entry, "differs");
    }
    return isDamaged;
  }

  /** False where its bytes are not what was stored. */
  async #copy(
    { pack, position, header }: FoundRecord,
    entry: CatalogEntry,
    digest: Digest,
    copies: Copies,
  ): Promise<Result<boolean, DiskFailure>> {
    const { cpu, files, onDamaged, throttle } = this.#deps;
    const { payloadBytes, payloadOffset } = entry;
    await throttle.take(2 * sizeOfRecord(entry));
    const read = await readWhole(
      files,
      pack,
      payloadOffset + payloadBytes - RECORD_HEADER_BYTES,
      position + RECORD_HEADER_BYTES,
    );
    if (!read.ok) return read;
    if (read.value === undefined || !isWhole(header, digest, entry, read.value, cpu.digest)) {
      onDamaged(digest, entry, "differs");
      return ok(false);
    }
    const written = await copies.append(digest, entry, header, read.value);
    return written.ok ? ok(true) : written;
  }

  #turnTo(digest: Digest, from: CatalogEntry, to: CatalogEntry): void {
    const { catalog } = this.#deps;
    const commit = from.sequence > 0 ? catalog.commitAt(from.sequence) : undefined;
    if (commit === undefined) catalog.insert(digest, to);
    else catalog.insertCommit(commit, to);
  }
}

/** What was copied, on its way into another pack, which is leased with the first record. */
class Copies {
  readonly done: Copied[] = [];
  readonly #pool: PackPool;
  #lease: PackLease | undefined;
  #parts: Uint8Array[] = [];
  #partsFrom = 0;

  constructor(pool: PackPool) {
    this.#pool = pool;
  }

  /** `rest`: table and payload, as they lie behind the header. */
  async append(
    digest: Digest,
    from: CatalogEntry,
    header: RecordHeader,
    rest: Uint8Array,
  ): Promise<Result<void, DiskFailure>> {
    const leased = await this.#open();
    if (!leased.ok) return leased;
    const lease = leased.value;
    const { epoch, mark, pack } = lease.pack;
    const position = lease.end;
    const end = position + sizeOfRecord(from);
    const padding = new Uint8Array(end - position - RECORD_HEADER_BYTES - rest.length);
    this.#parts.push(encodeHeader({ ...header, mark, epoch }), rest, padding);
    lease.appended(end);
    this.done.push({ digest, from, to: { ...from, pack, position, damage: "none" } });
    if (end - this.#partsFrom < WRITE_BYTES && !lease.isFull) return ok();
    const written = await this.#write(lease);
    if (!written.ok || !lease.isFull) return written;
    const spilled = await lease.spill();
    this.#partsFrom = lease.end;
    return spilled;
  }

  async sync(): Promise<Result<void, DiskFailure>> {
    if (this.#lease === undefined) return ok();
    const written = await this.#write(this.#lease);
    return written.ok ? await this.#lease.sync() : written;
  }

  enter(catalog: Catalog): void {
    this.#lease?.enter(catalog);
  }

  async release(): Promise<void> {
    await this.#lease?.release();
  }

  async abandon(): Promise<void> {
    await this.#lease?.abandon();
  }

  async #open(): Promise<Result<PackLease, DiskFailure>> {
    if (this.#lease !== undefined) return ok(this.#lease);
    const leased = await this.#pool.leaseShared();
    if (!leased.ok) return leased;
    this.#lease = new PackLease(leased.value, this.#pool);
    this.#partsFrom = this.#lease.end;
    return ok(this.#lease);
  }

  async #write(lease: PackLease): Promise<Result<void, DiskFailure>> {
    const parts = this.#parts;
    if (parts.length === 0) return ok();
    this.#parts = [];
    const written = await lease.write(parts, this.#partsFrom);
    this.#partsFrom = lease.end;
    return written;
  }
}

function isWhole(
  { payloadBytes, payloadOffset, tableDigest }: RecordHeader,
  digest: Digest,
  { shard }: CatalogEntry,
  rest: Uint8Array,
  hash: Cpu["digest"],
): boolean {
  const table = rest.subarray(0, tableBytes(payloadBytes));
  if (table.length > 0 && Buffer.compare(hash(table), tableDigest) !== 0) return false;
  if (shard !== undefined && !isDescribed(rest.subarray(table.length), digest, shard)) return false;
  return digestFromBytes(hash(rest.subarray(payloadOffset - RECORD_HEADER_BYTES))) === (shard?.digest ?? digest);
}

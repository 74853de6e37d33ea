/**
 * The packs that can be written: each leased to one writer at a time, and made when there is none.
 *
 * Invariants:
 * - at most `openPacksMax` uploads lease a pack, spilled ones not counted; further ones wait in order of arrival;
 * - between leases a pack's file ends where its last committed record does;
 * - after a sync that failed nothing is written through the same descriptor any more;
 * - what was cut by somebody else is not made longer, neither by a write nor by being cut back: else nobody would find out;
 * - a pack that could not be cut back is not written before it is. With `UNCUT_PACKS_MAX` of them none is made any more;
 *   an upload that fails then may still add those that it had filled;
 * - one that may not be opened for writing is left alone for this life; while one cannot be opened for a moment, those that
 *   are open are written. So no more packs are made, or open, than are leased at once, and as many again.
 */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { PackState } from "#actors/storage/catalog/catalog-records.ts";
import { LeaseLine } from "#actors/storage/packs/lease-line.ts";
import { type PackFiles, volumeGone } from "#actors/storage/packs/pack-files.ts";
import { encodePackFront, PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { packsBefore, slotOf } from "#actors/storage/packs/pack-number.ts";
import { PoolDisk } from "#actors/storage/packs/pool-disk.ts";
import { align, MARK_BYTES } from "#actors/storage/packs/record.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { errnoOf } from "#runtime/disk/disk-failure.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

/** Records in one pack: what bounds the table that seals it to 12.6 MB. */
export const PACK_RECORDS_MAX = 131_072;

/** Packs that hold what could not be taken back yet. With as many no further one is made: the disk is beyond writing. */
export const UNCUT_PACKS_MAX = 64;

/** The file has another owner, or a mode or an attribute that says so: it stays like that until somebody changes it. */
const MAY_NOT: ReadonlySet<string> = new Set(["EACCES", "EPERM"]);

/** A pack in the hands of one writer. */
export interface OpenPack {
  readonly pack: number;
  readonly mark: Uint8Array;
  readonly descriptor: number;
  /** Whether the lease counts against `openPacksMax`. */
  readonly counted: boolean;
  /** Where the next record goes: all before it is durable and decided. */
  end: number;
  epoch: number;
  recordCount: number;
}

export interface PackPoolOptions {
  /** Of the volume that its packs are on. */
  readonly slot: number;
  readonly openPacksMax: () => number;
  readonly packSealBytes: () => number;
  /** A pack that nobody writes any more has grown to its full size. */
  readonly onFull: (pack: number) => void;
  /** A pack that may not be opened for writing: it is left alone for this life. */
  readonly onUnwritable: (pack: number, errno: string) => void;
}

export class PackPool {
  /** All that is written to its packs is written through it. */
  readonly disk: PoolDisk;
  readonly #files: PackFiles;
  readonly #catalog: Catalog;
  readonly #random: Random;
  readonly #options: PackPoolOptions;
  /** Free to be leased; the state is the catalog's. */
  readonly #idle = new Set<number>();
  /** Wanted by whoever compacts it: nobody else gets it. */
  readonly #reserved = new Set<number>();
  /** Their names are gone, and with them what is written to them. */
  readonly #lost = new Set<number>();
  readonly #unwritable = new Set<number>();
  readonly #descriptors = new Map<number, number>();
  /** Behind their `end` lies what nobody wants; with who hears when it is gone. */
  readonly #uncut = new Map<OpenPack, () => void>();
  readonly #line: LeaseLine;
  #lastPack: number;

  constructor(files: PackFiles, catalog: Catalog, random: Random, options: PackPoolOptions) {
    this.disk = new PoolDisk(files.disk, volumeGone(options.slot));
    this.#files = files;
    this.#catalog = catalog;
    this.#random = random;
    this.#options = options;
    this.#lastPack = packsBefore(options.slot);
    this.#line = new LeaseLine(options.openPacksMax);
  }

  /** Tells which packs are fit for writing, or to be sealed where they are full, and a number up to which all are taken. */
  adopt(unsealed: readonly PackState[], lastPack: number): void {
    for (const { pack, checkpoint: end, recordCount } of unsealed) {
      if (this.isFull({ end, recordCount })) this.#options.onFull(pack);
      else this.#idle.add(pack);
    }
    this.#lastPack = Math.max(this.#lastPack, lastPack);
  }

  /** No writer gets the pack from now on. True once none has it. */
  async reserve(pack: number): Promise<boolean> {
    this.#reserved.add(pack);
    if (!this.#idle.has(pack)) return false;
    await this.#close(pack);
    return true;
  }

  /** It may be written again; undoes `reserve`. */
  unreserve(pack: number): void {
    this.#reserved.delete(pack);
  }

  /** Somebody has removed or cut the file: nobody gets the pack any more. True once nobody has it. */
  async lose(pack: number): Promise<boolean> {
    this.#lost.add(pack);
    if (!this.#idle.delete(pack)) return false;
    await this.#close(pack);
    return true;
  }

  /** Why what is written to the pack will not last. */
  lossOf(pack: OpenPack): DiskFailure | undefined {
    return this.#lost.has(pack.pack) ? this.#lossOf(pack) : undefined;
  }

  #lossOf({ pack }: OpenPack): DiskFailure {
    return { code: "disk.not-found", path: this.#files.pathOf(pack) };
  }

  /** To be asked before the file is written behind `end`, or cut there: one that ends before was cut by somebody, and is lost. */
  async checkEnd(pack: OpenPack, end: number = pack.end): Promise<Result<void, DiskFailure>> {
    const size = await this.disk.sizeBytes(pack.descriptor);
    if (!size.ok) return size;
    if (align(size.value) >= end) return ok();
    this.#lost.add(pack.pack);
    return fail(this.#lossOf(pack));
  }

  /** The pack is no more. */
  drop(pack: number): void {
    this.#reserved.delete(pack);
    this.#unwritable.delete(pack);
    this.#idle.delete(pack);
  }

  /** From this size on a pack is full. */
  get sealBytes(): number {
    return this.#options.packSealBytes();
  }

  isFull({ end, recordCount }: Pick<OpenPack, "end" | "recordCount">): boolean {
    return end >= this.sealBytes || recordCount >= PACK_RECORDS_MAX;
  }

  /** Waits for its turn; undefined when `signal` was aborted first. */
  async lease(signal: AbortSignal): Promise<Result<OpenPack, DiskFailure> | undefined> {
    if (!(await this.#line.enter(signal))) return undefined;
    const opened = await this.#take(true);
    if (!opened.ok) this.#leave(true);
    return opened;
  }

  /** For the group commit alone: it must never wait for slow uploads, so its one lease is not counted. */
  async leaseShared(): Promise<Result<OpenPack, DiskFailure>> {
    return await this.#take(false);
  }

  /** The lease goes on in another pack, or in this one if that fails. The caller keeps `full` until it releases or retires it as spilled. */
  async spill(full: OpenPack): Promise<Result<OpenPack, DiskFailure>> {
    const next = await this.#take(full.counted);
    if (next.ok) await this.#close(full.pack);
    return next;
  }

  /** The writer is done: everything before `end` is decided and in the catalog. */
  async release(pack: OpenPack): Promise<void> {
    this.#leave(pack.counted);
    await this.releaseSpilled(pack);
  }

  async releaseSpilled(pack: OpenPack): Promise<void> {
    if (!this.isFull(pack) || this.#lost.has(pack.pack)) return await this.#putBack(pack);
    await this.#close(pack.pack);
    this.#options.onFull(pack.pack);
  }

  /** Takes back what was written after `end`: nothing of the lease is left. */
  async abandon(pack: OpenPack): Promise<void> {
    const cut = await this.#cut(pack);
    if (!cut.ok) return void (await this.retire(pack));
    this.#leave(pack.counted);
    await this.#putBack(pack);
  }

  /**
   * As `abandon`, durably: runs `onGone` when what was written cannot come back any more, not even after a power cut. False:
   * not yet.
   */
  async withdraw(pack: OpenPack, onGone: () => void): Promise<boolean> {
    const cut = await this.#cut(pack);
    const synced = cut.ok ? await this.disk.sync(pack.descriptor) : cut;
    if (!synced.ok) return await this.retire(pack, onGone);
    this.#leave(pack.counted);
    await this.#putBack(pack);
    onGone();
    return true;
  }

  /** As `abandon`, for a pack that was spilled and closed. */
  async abandonSpilled(pack: OpenPack): Promise<void> {
    await this.#cutBack(pack, () => undefined);
  }

  /**
   * As `withdraw`, for a pack whose descriptor is not to be trusted any more: it is opened afresh to be cut back to what is
   * durable.
   */
  async retire(pack: OpenPack, onGone: () => void = () => undefined): Promise<boolean> {
    this.#leave(pack.counted);
    await this.#close(pack.pack);
    await this.#files.forget(pack.pack);
    return (await this.#cutBack(pack, onGone)).ok;
  }

  /** Durably, through a descriptor of its own. One that cannot be cut now is tried again later. */
  async #cutBack(pack: OpenPack, onGone: () => void): Promise<Result<void, DiskFailure>> {
    const { disk } = this;
    // Nobody else may cut it meanwhile: when it is cut it belongs to a writer.
    this.#uncut.delete(pack);
    if (this.#lost.has(pack.pack)) {
      onGone();
      return ok();
    }
    const opened = await disk.open(this.#files.pathOf(pack.pack), "write");
    const cut = opened.ok ? await this.#cut({ ...pack, descriptor: opened.value }) : opened;
    const synced = opened.ok && cut.ok ? await disk.sync(opened.value) : cut;
    if (opened.ok) await disk.close(opened.value);
    if (!synced.ok && !this.#lost.has(pack.pack)) {
      this.#uncut.set(pack, onGone);
      return synced;
    }
    if (synced.ok) this.#idle.add(pack.pack);
    onGone();
    return ok();
  }

  async #cut(pack: OpenPack): Promise<Result<void, DiskFailure>> {
    const checked = await this.checkEnd(pack);
    return checked.ok ? await this.disk.truncate(pack.descriptor, pack.end) : checked;
  }

  /** Tries to cut back one of those that could not be. To be called now and then. */
  async cutOne(): Promise<Result<void, DiskFailure>> {
    const [uncut] = this.#uncut;
    return uncut === undefined ? ok() : await this.#cutBack(...uncut);
  }

  /** Nothing is written or cut any more when it settles, also not by who has a pack: another pool may write them. */
  async close(): Promise<void> {
    await this.disk.end();
  }

  /** An idle pack; a new one where there is none that can be opened. */
  async #take(counted: boolean): Promise<Result<OpenPack, DiskFailure>> {
    const cut = await this.cutOne();
    if (!cut.ok && this.#uncut.size >= UNCUT_PACKS_MAX) return cut;
    const idle = await this.#takeIdle(counted);
    return idle === undefined ? await this.#create(counted) : ok(idle);
  }

  async #takeIdle(counted: boolean): Promise<OpenPack | undefined> {
    for (let mayOpen = true; ; ) {
      const idle = this.#fullestIdle(mayOpen);
      if (idle === undefined) return undefined;
      const { pack } = idle;
      this.#idle.delete(pack);
      const opened = await this.#openIdle(idle, counted);
      if (opened.ok) return opened.value;
      await this.#close(pack);
      this.#idle.add(pack);
      const errno = errnoOf(opened.failure);
      // What may pass, as a want of descriptors, is not asked of all others too.
      if (!MAY_NOT.has(errno)) {
        mayOpen = false;
        continue;
      }
      this.#unwritable.add(pack);
      this.#options.onUnwritable(pack, errno);
    }
  }

  /** So that few are open. */
  #fullestIdle(mayOpen: boolean): PackState | undefined {
    let fullest: PackState | undefined;
    for (const pack of this.#idle) {
      if (this.#reserved.has(pack) || this.#lost.has(pack) || this.#unwritable.has(pack)) continue;
      if (!mayOpen && !this.#descriptors.has(pack)) continue;
      const state = this.#catalog.packs.get(pack);
      if (state === undefined) continue;
      if (fullest === undefined || state.checkpoint > fullest.checkpoint) fullest = state;
    }
    return fullest;
  }

  async #openIdle(state: PackState, counted: boolean): Promise<Result<OpenPack, DiskFailure>> {
    const { pack, mark, checkpoint: end, epoch, recordCount } = state;
    const known = this.#descriptors.get(pack);
    const opened = known === undefined ? await this.disk.open(this.#files.pathOf(pack), "write") : ok(known);
    if (!opened.ok) return opened;
    this.#descriptors.set(pack, opened.value);
    const open = { pack, mark, descriptor: opened.value, counted, end, epoch, recordCount };
    const checked = await this.checkEnd(open);
    return checked.ok ? ok(open) : checked;
  }

  async #create(counted: boolean): Promise<Result<OpenPack, DiskFailure>> {
    const made = await this.#createFile();
    if (!made.ok) return made;
    const { pack, descriptor } = made.value;
    const mark = this.#random.bytes(MARK_BYTES);
    const { disk } = this;
    const written = await disk.write(descriptor, [encodePackFront(pack, mark)], 0);
    // Before anything of a client is in it: a front that is not there says that nothing else is.
    const synced = written.ok ? await disk.sync(descriptor) : written;
    const named = synced.ok ? await this.#files.syncNames(this.#options.slot, disk) : synced;
    if (!named.ok) {
      await disk.close(descriptor);
      await disk.remove(this.#files.pathOf(pack));
      return fail(named.failure);
    }
    this.#descriptors.set(pack, descriptor);
    this.#catalog.setPack({ pack, mark, checkpoint: PACK_FRONT_BYTES, epoch: 0, recordCount: 0, sealed: false });
    // Before anything of a client is in it: where it is away after a crash nobody else has its number.
    this.#catalog.numbers.use(pack);
    await this.#catalog.flush();
    return ok({ pack, mark, descriptor, counted, end: PACK_FRONT_BYTES, epoch: 0, recordCount: 0 });
  }

  /** With the next number whose name nothing has. A volume is full when it has none left: the next one is another's. */
  async #createFile(): Promise<Result<{ readonly pack: number; readonly descriptor: number }, DiskFailure>> {
    for (;;) {
      const pack = this.#lastPack + 1;
      if (slotOf(pack) !== this.#options.slot) return fail({ code: "disk.full", path: this.#files.pathOf(pack - 1) });
      const opened = await this.disk.open(this.#files.pathOf(pack), "create-new");
      if (!opened.ok && opened.failure.code !== "disk.exists") return opened;
      this.#lastPack = pack;
      if (opened.ok) return ok({ pack, descriptor: opened.value });
    }
  }

  async #putBack({ pack }: OpenPack): Promise<void> {
    if (this.#lost.has(pack)) await this.#close(pack);
    else this.#idle.add(pack);
  }

  async #close(pack: number): Promise<void> {
    const descriptor = this.#descriptors.get(pack);
    if (descriptor === undefined) return;
    this.#descriptors.delete(pack);
    await this.disk.close(descriptor);
  }

  #leave(counted: boolean): void {
    if (counted) this.#line.leave();
  }
}

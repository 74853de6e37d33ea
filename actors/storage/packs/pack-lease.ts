/**
 * The packs that one large upload writes, one after the other, alone.
 *
 * - One write at a time, in order: a position that was rewound is written again only after the first write to it.
 * - Nothing counts before `enter`: until then everything behind where the lease began can be given back.
 * - After an fsync that failed nothing is known of the pack: it is retired, not cut.
 */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { OpenPack, PackPool } from "#actors/storage/packs/pack-pool.ts";
import { EarlySync } from "#actors/storage/puts/early-sync.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";

interface Filled {
  readonly pack: OpenPack;
  readonly end: number;
  readonly recordCount: number;
}

export class PackLease {
  readonly #pool: PackPool;
  readonly #earlySync: EarlySync;
  readonly #spilled: Filled[] = [];
  #pack: OpenPack;
  #end: number;
  /** Up to where the pack was written, rewound or not. */
  #highest: number;
  #recordCount: number;
  #writing: Promise<Result<void, DiskFailure>> = Promise.resolve(ok());
  #distrusted = false;

  constructor(pack: OpenPack, pool: PackPool) {
    this.#pool = pool;
    this.#earlySync = new EarlySync(pool.disk, pool.sealBytes);
    this.#pack = pack;
    this.#end = pack.end;
    this.#highest = pack.end;
    this.#recordCount = pack.recordCount;
  }

  /** The pack that is written now. */
  get pack(): OpenPack {
    return this.#pack;
  }

  /** Where the next record begins. */
  get end(): number {
    return this.#end;
  }

  get isFull(): boolean {
    return this.#pool.isFull({ end: this.#end, recordCount: this.#recordCount });
  }

  /** Settles when the write has begun; what it reads is free after the next `write`, or `settle`. */
  async write(parts: readonly Uint8Array[], position: number): Promise<Result<void, DiskFailure>> {
    const previous = await this.#writing;
    if (!previous.ok) return previous;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    assert(position >= this.#pack.end, "an upload writes behind what is committed");
    const highest = this.#highest;
    this.#highest = Math.max(highest, position + length);
    const pack = this.#pack;
    this.#earlySync.wrote(pack.descriptor, length);
    const isLonger = this.#highest > highest;
    const write = (): Promise<Result<void, DiskFailure>> => this.#pool.disk.write(pack.descriptor, parts, position);
    this.#writing = isLonger ? this.#pool.checkEnd(pack, highest).then((end) => (end.ok ? write() : end)) : write();
    return ok();
  }

  /** A record is complete: the next one begins at `end`. */
  appended(end: number): void {
    this.#end = end;
    this.#recordCount += 1;
  }

  /** No write is under way any more. */
  async settle(): Promise<Result<void, DiskFailure>> {
    return await this.#writing;
  }

  /** Takes away what a dedup left behind the last record. */
  async cut(): Promise<Result<void, DiskFailure>> {
    const settled = await this.settle();
    if (!settled.ok || this.#highest <= this.#end) return settled;
    const cut = await this.#pool.disk.truncate(this.#pack.descriptor, this.#end);
    if (cut.ok) this.#highest = this.#end;
    return cut;
  }

  /** Everything that was appended to the pack is durable, and no pack of the lease is known to be lost. */
  async sync(): Promise<Result<void, DiskFailure>> {
    const settled = await this.settle();
    if (!settled.ok) return settled;
    const early = await this.#earlySync.settle();
    this.#distrusted = !early.ok;
    if (!early.ok) return early;
    const cut = await this.cut();
    if (!cut.ok) return cut;
    const synced = await this.#pool.disk.sync(this.#pack.descriptor);
    this.#distrusted = !synced.ok;
    const loss = this.#loss();
    return synced.ok && loss !== undefined ? fail(loss) : synced;
  }

  /** The pack is full: what is in it is made durable now, and the upload goes on in another. */
  async spill(): Promise<Result<void, DiskFailure>> {
    const synced = await this.sync();
    if (!synced.ok) return synced;
    const next = await this.#pool.spill(this.#pack);
    if (!next.ok) return next;
    this.#spilled.push(this.#filled());
    this.#pack = next.value;
    this.#end = next.value.end;
    this.#highest = next.value.end;
    this.#recordCount = next.value.recordCount;
    return ok();
  }

  /** All of it is durable and counts from now on. */
  enter(catalog: Catalog): void {
    for (const { pack, end, recordCount } of [...this.#spilled, this.#filled()]) {
      pack.end = end;
      pack.recordCount = recordCount;
      pack.epoch += 1;
      const { pack: number, mark, epoch } = pack;
      catalog.setPack({ pack: number, mark, checkpoint: end, epoch, recordCount, sealed: false });
    }
  }

  /** Gives the packs back, after `enter`. */
  async release(): Promise<void> {
    for (const { pack } of this.#spilled) await this.#pool.releaseSpilled(pack);
    await this.#pool.release(this.#pack);
  }

  /** Gives the packs back as they were. */
  async abandon(): Promise<void> {
    if (!(await this.#giveSpilledBack())) await this.#pool.retire(this.#pack);
    else await this.#pool.abandon(this.#pack);
  }

  /** As `abandon`, where a commit was written, which is in the last pack. See `PackPool.withdraw`. */
  async withdraw(onGone: () => void): Promise<boolean> {
    if (!(await this.#giveSpilledBack())) return await this.#pool.retire(this.#pack, onGone);
    return await this.#pool.withdraw(this.#pack, onGone);
  }

  /** False when nothing is known of the pack in hand. */
  async #giveSpilledBack(): Promise<boolean> {
    await this.settle();
    this.#distrusted ||= !(await this.#earlySync.settle()).ok;
    for (const { pack } of this.#spilled) await this.#pool.abandonSpilled(pack);
    return !this.#distrusted;
  }

  /** Of any pack that it has written: one that was filled and synced long ago may be gone by now. */
  #loss(): DiskFailure | undefined {
    for (const { pack } of [...this.#spilled, this.#filled()]) {
      const loss = this.#pool.lossOf(pack);
      if (loss !== undefined) return loss;
    }
    return undefined;
  }

  #filled(): Filled {
    return { pack: this.#pack, end: this.#end, recordCount: this.#recordCount };
  }
}

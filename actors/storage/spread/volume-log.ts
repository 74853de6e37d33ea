/**
 * Records on their way to one volume, committed together: one write and one sync for whatever arrived while the batch before
 * was being synced.
 *
 * Invariant: a record is in the catalog before the checkpoint of its pack passes it, and after it is durable. So nothing
 * has to be taken back: what belongs to a put that fails is garbage that a collection finds.
 */

import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { PackInHand } from "#actors/storage/packs/pack-in-hand.ts";
import type { OpenPack, PackPool } from "#actors/storage/packs/pack-pool.ts";
import { layOutRecord, type RecordContents } from "#actors/storage/packs/pack-write.ts";
import { Batches } from "#actors/storage/puts/batches.ts";
import { BATCH_BYTES_MAX } from "#actors/storage/puts/group-commit.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

export interface VolumeLogDeps {
  readonly pool: PackPool;
  readonly catalog: Catalog;
  readonly cpu: Pick<Cpu, "digest">;
  /** The volume, or the incarnation, is given up: no batch begins any more. */
  readonly isOver: () => boolean;
  /** What a batch with these commits has written may be there, though it failed; see `Doubts.leave`. */
  readonly leave: (commits: readonly number[]) => () => void;
}

interface Waiting {
  readonly contents: RecordContents;
  readonly enter: (entry: CatalogEntry) => void;
  readonly settle: (outcome: Result<CatalogEntry, DiskFailure>) => void;
  readonly crash: (defect: unknown) => void;
}

export class VolumeLog {
  readonly #deps: VolumeLogDeps;
  readonly #batches: Batches<Waiting>;
  readonly #hand: PackInHand;

  constructor(deps: VolumeLogDeps) {
    this.#deps = deps;
    this.#hand = new PackInHand(deps.pool, deps.isOver);
    this.#batches = new Batches({
      bytesMax: BATCH_BYTES_MAX,
      bytesOf: ({ contents }) => contents.digests.lengthBytes,
      run: (taken) => this.#write(taken),
      crash: ({ crash }, defect) => crash(defect),
    });
  }

  /** Durable when answered; `enter` puts it into the catalog, in the turn in which it counts. */
  append(contents: RecordContents, enter: (entry: CatalogEntry) => void): Promise<Result<CatalogEntry, DiskFailure>> {
    return new Promise((settle, crash) => this.#batches.add({ contents, enter, settle, crash }));
  }

  /** Gives the pack in hand back, after the batch under way. */
  async rotate(): Promise<void> {
    await this.#batches.between(() => this.#hand.giveBack());
  }

  async #write(taken: readonly Waiting[]): Promise<void> {
    const { cpu, pool } = this.#deps;
    const leased = await this.#hand.take();
    if (!leased.ok) return failAll(taken, leased.failure);
    const pack = leased.value;
    const parts: Uint8Array[] = [];
    const entries: CatalogEntry[] = [];
    let { end } = pack;
    for (const { contents } of taken) {
      const record = layOutRecord(parts, pack, end, contents, cpu.digest);
      entries.push(record.entry);
      end = record.end;
    }
    const written = await pool.disk.write(pack.descriptor, parts, pack.end);
    const synced = written.ok ? await pool.disk.sync(pack.descriptor) : written;
    if (synced.ok) return this.#settle(taken, entries, pack, end);
    this.#hand.letGo();
    const onGone = this.#deps.leave(taken.flatMap(({ contents }) => contents.commit?.sequence ?? []));
    if (written.ok) await pool.retire(pack, onGone);
    else await pool.withdraw(pack, onGone);
    failAll(taken, synced.failure);
  }

  #settle(taken: readonly Waiting[], entries: readonly CatalogEntry[], pack: OpenPack, end: number): void {
    pack.end = end;
    pack.recordCount += taken.length;
    pack.epoch += 1;
    for (const [index, entry] of entries.entries()) taken[index]?.enter(entry);
    const { pack: number, mark, epoch, recordCount } = pack;
    this.#deps.catalog.setPack({ pack: number, mark, checkpoint: end, epoch, recordCount, sealed: false });
    for (const [index, entry] of entries.entries()) taken[index]?.settle(ok(entry));
  }
}

function failAll(taken: readonly Waiting[], failure: DiskFailure): void {
  for (const { settle } of taken) settle(fail(failure));
}

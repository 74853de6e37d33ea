/**
 * Garbage collection: what nobody holds goes to the trash, what has been there long enough is given up, and packs that are
 * mostly garbage are compacted.
 *
 * It never holds up a put. What a put relies on is in use until its commit can be walked to, and marked from then on; what
 * is written while a collection runs is younger than it, and none of its business. Nothing is given up where something
 * cannot be read, because that may be what holds it.
 */
import type { CollectionFacts, CollectionReport } from "#actors/domain/collection-facts.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { type CatalogEntry, hasLost, isGone, type PackState } from "#actors/storage/catalog/catalog-records.ts";
import type { Sequences } from "#actors/storage/catalog/sequences.ts";
import { Compactor, type IsLive } from "#actors/storage/collection/compactor.ts";
import { GRAVES_KEPT_MAX, GraveSweep } from "#actors/storage/collection/grave-sweep.ts";
import type { InUse } from "#actors/storage/collection/in-use.ts";
import { forgetLost } from "#actors/storage/collection/lost-records.ts";
import { MarkWalk } from "#actors/storage/collection/mark-walk.ts";
import { Marks } from "#actors/storage/collection/marks.ts";
import type { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { KeepFailure } from "#actors/storage/keeps/keeps.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import type { PackPool } from "#actors/storage/packs/pack-pool.ts";
import { sizeOfRecord } from "#actors/storage/packs/record.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { OnDamaged } from "#actors/storage/puts/known-records.ts";
import type { Relief } from "#actors/storage/reserve-file.ts";
import type { Space } from "#actors/storage/space.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { greatest, least } from "#runtime/extremes.ts";
import type { Kv } from "#runtime/kv/kv.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Gauge } from "#runtime/telemetry/metrics.ts";
import { Throttle } from "#runtime/throttle.ts";
import { MiB, minute } from "#runtime/units.ts";

/** Records that are marked at once, eight to sixteen bytes of memory each. Stores that have more are walked again. */
export const MARKED_RECORDS_MAX = 8_388_608;

/** From the end of a collection, or from when there is much that puts have left, to the next one. */
export const ABANDONED_COLLECT_MS: number = 1 * minute;

/** With fewer objects that something is known of, no pack is asked which graves are needed. */
export const GRAVES_SWEPT_MIN = 1024;

/** Why a collection stops that would go on with marks of less than there is. */
const VOLUMES_CHANGED = "a volume has changed";

/** With more free than that it is not for want of room that the catalog's store refuses a batch. */
export const CATALOG_ROOM_BYTES: number = 8 * MiB;

export interface CollectorDeps {
  readonly config: () => StorageConfig;
  readonly catalog: Catalog;
  /** Of the catalog. */
  readonly kv: Pick<Kv, "flush">;
  readonly files: PackFiles;
  /** Undefined while nothing can be written to the volume of that slot. */
  readonly poolOf: (slot: number) => PackPool | undefined;
  /** Who writes small records gives the packs in hand back. */
  readonly rotate: () => Promise<void>;
  readonly keeping: Keeping;
  readonly inUse: InUse;
  readonly readers: PackReaders;
  readonly sequences: Sequences;
  readonly cpu: Pick<Cpu, "digest">;
  readonly pause: Pause;
  readonly space: Space;
  readonly relief: Relief;
  readonly clock: Clock;
  readonly log: Log;
  /** Told after each collection, and at the start. */
  readonly keepCount: Gauge;
  readonly onDamaged: OnDamaged;
  /** Of what goes on beside the calls: it ends the incarnation. */
  readonly onDefect: (defect: unknown) => void;
  /** Why nothing may be given up now, if anything. */
  readonly impaired: () => string | undefined;
  /** Another one when a volume has come, gone, or is looked through anew: then marks may be of a part of what there is. */
  readonly generation: () => number;
  readonly signal: AbortSignal;
}

type Counts = { -readonly [Name in keyof CollectionReport]: CollectionReport[Name] } & {
  liveBytes: number;
  garbageBytes: number;
};

export class Collector {
  readonly #deps: CollectorDeps;
  readonly #throttle: Throttle;
  /** Given up, and not removed yet. */
  readonly #leaving = new Map<number, Promise<void>>();
  /** Since the last collection began. */
  #abandonedBytes = 0;
  #sweepAtCount = GRAVES_SWEPT_MIN;
  #phase: CollectionFacts["phase"] = "idle";
  #last: CollectionReport | undefined;
  #work: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  /** Asked for while one was under way. */
  #next: { readonly emptyTrash: boolean } | undefined;

  constructor(deps: CollectorDeps) {
    this.#deps = deps;
    const { clock, config, keepCount, keeping, signal } = deps;
    keepCount.set(keeping.count);
    this.#throttle = new Throttle(clock, () => config().collectBytesPerSecondMax, signal);
    this.#later();
  }

  get facts(): CollectionFacts {
    return { phase: this.#phase, last: this.#last };
  }

  /** Begins, or begins again after the one under way, which may have passed what is to go. */
  collect(emptyTrash: boolean): void {
    if (this.#deps.signal.aborted) return;
    if (this.#phase !== "idle") {
      this.#next = { emptyTrash: emptyTrash || this.#next?.emptyTrash === true };
      return;
    }
    this.#timer?.cancel();
    this.#phase = "marking";
    this.#work = this.#run(emptyTrash).catch(this.#deps.onDefect);
  }

  /** Of a put that came to nothing: with much of it a collection begins before its time. */
  abandoned(lengthBytes: number): void {
    const wasMuch = this.#isMuchAbandoned;
    this.#abandonedBytes += lengthBytes;
    if (wasMuch || !this.#isMuchAbandoned || this.#phase !== "idle" || this.#deps.signal.aborted) return;
    this.#timer?.cancel();
    this.#later();
  }

  get #isMuchAbandoned(): boolean {
    return this.#abandonedBytes >= this.#deps.config().packSealBytes / 4;
  }

  /** Nothing is given up, copied or removed any more when it settles. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#work;
    await Promise.all(this.#leaving.values());
  }

  async #run(emptyTrash: boolean): Promise<void> {
    const { clock, log, signal } = this.#deps;
    const startedMs = clock.nowMs();
    this.#abandonedBytes = 0;
    const counts: Counts = {
      endedAtMs: 0,
      elapsedMs: 0,
      blocked: undefined,
      liveBytes: 0,
      garbageBytes: 0,
      removedCount: 0,
      buriedCount: 0,
      packsCompacted: 0,
      freedBytes: 0,
    };
    counts.blocked = await this.#collect(emptyTrash, counts);
    this.#deps.keepCount.set(this.#deps.keeping.count);
    this.#phase = "idle";
    if (signal.aborted) return;
    const unknown = counts.blocked === undefined ? {} : { liveBytes: undefined, garbageBytes: undefined };
    this.#last = { ...counts, ...unknown, endedAtMs: clock.wallMs(), elapsedMs: Math.round(clock.nowMs() - startedMs) };
    if (counts.blocked === undefined) log.info("garbage collected", { ...this.#last });
    else log.warn("garbage not collected", { ...this.#last });
    const next = this.#next;
    this.#next = undefined;
    if (next === undefined) this.#later();
    else this.collect(next.emptyTrash);
  }

  #later(): void {
    const { clock, config } = this.#deps;
    const waitMs = this.#isMuchAbandoned ? ABANDONED_COLLECT_MS : config().collectIntervalMs;
    this.#timer = clock.after(waitMs, () => this.collect(false));
  }

  /** Answers with why it stopped. */
  async #collect(emptyTrash: boolean, counts: Counts): Promise<string | undefined> {
    const { catalog, clock, config, files, generation, impaired, inUse, keeping, rotate } = this.#deps;
    const impairment = impaired();
    if (impairment !== undefined) return impairment;
    const begun = generation();
    const hasChanged = (): boolean => generation() !== begun;
    if (catalog.refusal !== undefined) await this.#writeCatalog();
    if (catalog.refusal !== undefined) return `the catalog is not written: ${catalog.refusal}`;
    // A file that the catalog has let go of is found by the next start as long as it is there; one of a volume that is left out
    // of the configuration, when it is named again.
    const listed = await files.list();
    if (!listed.ok) return `the packs cannot be listed: ${listed.failure.code}`;
    if (hasChanged()) return VOLUMES_CHANGED;
    // Asked when it counts: puts open packs meanwhile, and what is in those may be removed by then.
    const numbers = (): readonly number[] => [
      ...listed.value.map(({ pack }) => pack),
      ...catalog.packs.keys(),
      ...catalog.numbers.forgotten,
    ];
    const tidied = await keeping.tidy(least(numbers()));
    if (!tidied.ok) return `the journal of what is kept: ${tidied.failure.code}`;
    const swept = await this.#sweepGraves(hasChanged);
    if (!swept.ok) return `the journal of what is kept: ${swept.failure.code}`;
    if (hasChanged()) return VOLUMES_CHANGED;
    const beforeMs = emptyTrash ? Number.POSITIVE_INFINITY : clock.wallMs() - config().trashMs;
    const buried = await keeping.bury(beforeMs, () => greatest(numbers(), 1));
    if (!buried.ok) return `the journal of what is kept: ${buried.failure.code}`;
    counts.buriedCount = buried.value;

    await rotate();
    for (const slice of slicesOf([...catalog.packs.values()])) {
      const marks = new Marks();
      for (const state of slice) marks.expect(state);
      inUse.listen((kind, digest) => {
        for (const entry of catalog.records(kind, digest)) marks.add(entry.pack, entry.position, sizeOfRecord(entry));
      });
      const blocked = await this.#collectSlice(slice, marks, counts, hasChanged);
      inUse.deafen();
      if (blocked !== undefined) return blocked;
    }
    return undefined;
  }

  /** When there are twice as many as it left the last time: what it costs is the same for one grave and for many. */
  async #sweepGraves(hasChanged: () => boolean): Promise<Result<boolean, KeepFailure>> {
    const { keeping, log, signal } = this.#deps;
    if (keeping.count < this.#sweepAtCount) return ok(false);
    const sweep = new GraveSweep({
      ...this.#deps,
      throttle: this.#throttle,
      isOver: () => signal.aborted || hasChanged(),
    });
    const before = keeping.count;
    const swept = await sweep.run();
    if (!swept.ok || !swept.value) return swept;
    this.#sweepAtCount = Math.max(GRAVES_SWEPT_MIN, Math.min(2 * keeping.count, GRAVES_KEPT_MAX));
    log.info("graves swept", { before, left: keeping.count });
    return ok(true);
  }

  async #collectSlice(
    slice: readonly PackState[],
    marks: Marks,
    counts: Counts,
    hasChanged: () => boolean,
  ): Promise<string | undefined> {
    const { config, inUse, log, poolOf, relief, sequences, signal } = this.#deps;
    this.#phase = "marking";
    const isOver = (): boolean => signal.aborted || hasChanged();
    const walk = new MarkWalk({
      ...this.#deps,
      marks,
      throttle: this.#throttle,
      lastSequence: () => sequences.last,
      isOver,
    });
    const { blocked, removedCount } = await walk.run();
    counts.removedCount += removedCount;
    if (hasChanged()) return VOLUMES_CHANGED;
    if (blocked !== undefined) return blocked;

    this.#phase = "compacting";
    const isNeeded: IsLive = (entry, digest) =>
      !this.#isBuried(entry) && (marks.has(entry.pack, entry.position) || inUse.has(entry.kind, digest));
    await forgetLost(
      slice.filter(hasLost).map(({ pack }) => pack),
      isNeeded,
      { ...this.#deps, isOver },
    );
    const compactor = new Compactor({ ...this.#deps, throttle: this.#throttle, isOver });
    // On a full disk what frees most for the least room makes room for the rest.
    const leastLive = slice.toSorted((one, other) => marks.liveBytes(one.pack) - marks.liveBytes(other.pack));
    for (const state of leastLive) {
      if (hasChanged()) return VOLUMES_CHANGED;
      const pool = poolOf(slotOf(state.pack));
      if (pool === undefined) continue;
      if (isGone(state)) continue;
      const totalBytes = state.checkpoint - PACK_FRONT_BYTES;
      const liveBytes = marks.liveBytes(state.pack);
      counts.liveBytes += liveBytes;
      counts.garbageBytes += totalBytes - liveBytes;
      if (totalBytes === 0 || (100 * liveBytes) / totalBytes >= config().compactBelowPercent) continue;
      if (!state.sealed && !(await this.#takeFromWriters(state.pack, pool))) continue;
      // What was added since it was looked at is live, and not marked.
      const isLive: IsLive = (entry, digest) => entry.position >= state.checkpoint || isNeeded(entry, digest);
      const { checkpoint } = this.#deps.catalog.packs.get(state.pack) ?? state;
      const copiedBytes = liveBytes + Math.max(0, checkpoint - state.checkpoint);
      const emptied = await relief.relieve(() => compactor.empty(state, isLive, pool), copiedBytes);
      if (emptied.ok) {
        await this.#giveUp(state, pool);
        counts.packsCompacted += 1;
        counts.freedBytes += totalBytes - liveBytes;
        counts.garbageBytes -= totalBytes - liveBytes;
        continue;
      }
      pool.unreserve(state.pack);
      if (hasChanged()) return VOLUMES_CHANGED;
      if (isOver()) return "the life is over";
      log.warn("pack not compacted", { pack: state.pack, failure: emptied.failure });
      if (emptied.failure.code === "disk.full") return "no room for a copy of what is live";
    }
    return undefined;
  }

  /** Its commit is gone for good. No put relies on it, and its grave does not speak of the pack that a copy would go to. */
  #isBuried({ sequence }: CatalogEntry): boolean {
    const { catalog, keeping } = this.#deps;
    const commit = sequence > 0 ? catalog.commitAt(sequence) : undefined;
    return commit !== undefined && keeping.fateOf(commit) === "buried";
  }

  /** False where a large upload has it: then it waits for the next collection. */
  async #takeFromWriters(pack: number, pool: PackPool): Promise<boolean> {
    const { rotate } = this.#deps;
    if (await pool.reserve(pack)) return true;
    // Small objects may have gone to it meanwhile; the next ones go elsewhere.
    await rotate();
    if (await pool.reserve(pack)) return true;
    pool.unreserve(pack);
    return false;
  }

  /** The file goes when nobody needs it to find out that it is gone, and nobody reads from it. */
  async #giveUp({ pack }: PackState, pool: PackPool): Promise<void> {
    const { catalog, kv } = this.#deps;
    pool.drop(pack);
    await this.#writeCatalog();
    await kv.flush();
    // A catalog that still names the pack would contradict the packs.
    if (catalog.refusal !== undefined) return;
    this.#leaving.set(pack, this.#remove(pack, pool));
  }

  /** A store that refuses says in words why: whether the disk is full is asked. */
  async #writeCatalog(): Promise<void> {
    const { catalog, relief, space } = this.#deps;
    await relief.relieve(async () => {
      await catalog.flush();
      const isFull = catalog.refusal !== undefined && (await space.full()).freeBytes < CATALOG_ROOM_BYTES;
      return isFull ? fail({ code: "disk.full" }) : ok();
    });
  }

  /** Not where its volume has been away meanwhile: what was found there since may count in it. */
  async #remove(pack: number, { disk }: PackPool): Promise<void> {
    const { files, log, readers } = this.#deps;
    await readers.whenFree(pack);
    await files.forget(pack);
    const removed = await disk.remove(files.pathOf(pack));
    const synced = removed.ok ? await files.syncNames(slotOf(pack), disk) : removed;
    // The next start finds the file, and another collection empties it again.
    if (!synced.ok) log.warn("pack not removed", { pack, failure: synced.failure });
    this.#leaving.delete(pack);
  }
}

/** Packs that are marked together. */
function slicesOf(packs: readonly PackState[]): readonly (readonly PackState[])[] {
  const slices: PackState[][] = [];
  let recordCount = Number.POSITIVE_INFINITY;
  for (const state of packs) {
    recordCount += state.recordCount;
    if (recordCount > MARKED_RECORDS_MAX) {
      slices.push([]);
      recordCount = state.recordCount;
    }
    slices.at(-1)?.push(state);
  }
  return slices;
}

/**
 * One incarnation's hold on the packs: catalog, writers, readers, and the recovery that comes before them.
 *
 * It opens short: what a crash left behind the checkpoints is decided before `open` settles, unless that takes long; a catalog
 * that has to be rebuilt is so beside the traffic: what is not known yet answers `storage.rebuilding`. Over damaged keeps it only
 * reads.
 */
import { type Address, type Digest, digestOf } from "#actors/domain/address.ts";
import type { CollectionFacts } from "#actors/domain/collection-facts.ts";
import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { CatalogUpkeep } from "#actors/storage/catalog/catalog-upkeep.ts";
import { cursorOf, sequenceOf } from "#actors/storage/catalog/cursor.ts";
import { pathOfCatalog } from "#actors/storage/catalog/open-catalog.ts";
import { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import type { Fate } from "#actors/storage/keeps/keep.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";
import { mayBeKnownLater } from "#actors/storage/not-known-yet.ts";
import { openParts, type Progress, type StoreDeps, type StoreParts } from "#actors/storage/open-store.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { withoutFiles } from "#actors/storage/packs/pack-place.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import type { ReadTrouble } from "#actors/storage/packs/record-bytes.ts";
import { RecordCheck } from "#actors/storage/packs/record-check.ts";
import { Sealer } from "#actors/storage/packs/sealer.ts";
import { Pause } from "#actors/storage/pause.ts";
import type {
  ChunkNotFound,
  ChunkSlice,
  Cursor,
  ManifestNotFound,
  ObjectRemoved,
  PutFailure,
  PutObject,
  StorageFacts,
  StorageNotReady,
  StorageProtocol,
  StorageReadFailed,
  StoredObject,
} from "#actors/storage/protocol.ts";
import { putObject } from "#actors/storage/puts/put-object.ts";
import { Reader } from "#actors/storage/reads/reader.ts";
import { isEmpty, recoverAll } from "#actors/storage/recovery/recover-all.ts";
import type { RecoveryReport } from "#actors/storage/recovery/recovery.ts";
import type { Relief, ReserveFile } from "#actors/storage/reserve-file.ts";
import { NO_SCRUB } from "#actors/storage/scrub/scrubber.ts";
import type { Space } from "#actors/storage/space.ts";
import { VolumeDesk } from "#actors/storage/spread/volume-desk.ts";
import { makeWriters, type Writers } from "#actors/storage/writers.ts";
import type { Reservations } from "#runtime/buffers.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { inTime } from "#runtime/in-time.ts";
import type { SpareKv } from "#runtime/kv/spare-kv.ts";
import type { ReplyOf } from "#runtime/protocol.ts";
import type { Within } from "#runtime/ref.ts";
import { Roster } from "#runtime/roster.ts";
import { second } from "#runtime/units.ts";

/** How long a start waits for recovery, ms. A walk over what a large catalog has is longer than a cell may take to start. */
export const RECOVERY_WAIT_MS: number = 15 * second;
/** Entries of one `listManifests`. */
export const LIST_ENTRIES_MAX = 4096;

export class Store {
  readonly #deps: StoreDeps;
  readonly #parts: StoreParts;
  readonly #kv: SpareKv;
  readonly #keeps: Keeps;
  readonly #readers = new PackReaders();
  readonly #catalog: Catalog;
  readonly #files: PackFiles;
  readonly #space: Space;
  readonly #reserve: ReserveFile;
  readonly #upkeep: CatalogUpkeep;
  readonly #pause: Pause;
  readonly #sealer: Sealer;
  readonly #reader: Reader;
  readonly #over = new AbortController();
  readonly #sources = new Set<ByteSource>();
  readonly #puts = new Roster<Promise<unknown>>();
  #writers: Writers | undefined;
  #isRecovered = false;
  #isBeside = false;
  #setAsideCount = 0;
  #rebuild: Progress = { doneBytes: 0, totalBytes: 0 };
  /** Settles when the catalog is whole; rejects with the defect that stopped the rebuild. */
  readonly recovered: Promise<void>;

  private constructor(deps: StoreDeps, parts: StoreParts) {
    const { kv, catalog, files, keeps, space, reserve } = parts;
    const { clock, scheduler } = deps;
    this.#deps = deps;
    this.#parts = parts;
    this.#keeps = keeps;
    this.#space = space;
    this.#reserve = reserve;
    this.#kv = kv;
    this.#catalog = catalog;
    this.#files = files;
    this.#pause = new Pause(clock, scheduler);
    this.#upkeep = new CatalogUpkeep(catalog, kv, this.#space, deps.onCatalogTrouble);
    const check = new RecordCheck({ files, cpu: deps.cpu, pause: this.#pause });
    this.#sealer = new Sealer({
      ...deps,
      files,
      catalog,
      keeps,
      check,
      pause: this.#pause,
      onDamaged: (...damaged) => this.#reader.markDamaged(...damaged),
    });
    this.#reader = new Reader({
      ...deps,
      files,
      catalog,
      keeps,
      readers: this.#readers,
      pause: this.#pause,
      onDamaged: (digest, damage) => {
        deps.onDamaged(digest, damage);
        this.#writers?.spread?.repairer.look();
      },
      isLacking: () => parts.volumes?.isLacking === true,
      isRecovered: () => this.#isRecovered,
      onReadFailed: (pack, errno) => parts.volumes?.suspect(pack, errno),
    });
    if (deps.signal.aborted) this.#over.abort();
    deps.signal.addEventListener("abort", () => this.#over.abort(), { once: true });
    this.recovered = this.#recover();
  }

  /** Opens, or throws where the disk does not even let the packs be listed: the supervisor tries again. */
  static async open(given: StoreDeps): Promise<Store> {
    const deps = given.elsewhere === undefined ? given : { ...given, cpu: withoutFiles(given.cpu) };
    const parts = await openParts(deps);
    const { catalog, files, volumes } = parts;
    const wasWhole = catalog.complete || (await isEmpty(files, volumes));
    const store = new Store(deps, parts);
    deps.scope.add(() => store.close());
    store.#upkeep.tell();
    if (wasWhole) await inTime(store.recovered, RECOVERY_WAIT_MS, deps.clock);
    if (!store.#isRecovered) store.#goOnBeside();
    return store;
  }

  get rebuilding(): Progress | undefined {
    return this.#isRecovered && this.#parts.volumes?.isSettling !== true ? undefined : this.#rebuild;
  }

  async put(put: PutObject, within: Within): Promise<Result<StoredObject, PutFailure | StorageNotReady>> {
    const writers = this.#writers;
    if (writers === undefined) return fail(this.#notReady());
    const { source } = put;
    if (!(source instanceof Uint8Array)) this.#sources.add(source);
    const putting = putObject(put, writers, within);
    const place = this.#puts.enter(putting);
    // A defect passes through to the task, and with it to the supervisor.
    const outcome = await putting;
    this.#puts.leave(place);
    if (!(source instanceof Uint8Array)) this.#sources.delete(source);
    return this.#orNotKnownYet(outcome);
  }

  /** What is done to objects beside putting and reading them. */
  async keep<Value, Refused extends Failure>(
    change: (keeping: Keeping) => Promise<Result<Value, Refused>>,
  ): Promise<Result<Value, Refused | StorageNotReady>> {
    const writers = this.#writers;
    return writers === undefined ? fail(this.#notReady()) : this.#orNotKnownYet(await change(writers.keeping));
  }

  collect(emptyTrash: boolean): Result<CollectionFacts, StorageNotReady> {
    const writers = this.#writers;
    if (writers === undefined) return fail(this.#notReady());
    writers.collector.collect(emptyTrash);
    return ok(writers.collector.facts);
  }

  scrubNow(): Result<ScrubFacts, StorageNotReady> {
    const writers = this.#writers;
    if (writers === undefined) return fail(this.#notReady());
    writers.scrubber.scrubNow();
    return ok(writers.scrubber.facts);
  }

  get volumeDesk(): Result<VolumeDesk, StorageNotReady> {
    const writers = this.#writers;
    if (writers === undefined) return fail(this.#notReady());
    const { catalog, space, volumes } = this.#parts;
    return ok(new VolumeDesk({ volumes, writers: writers.spread, catalog, space }));
  }

  /** A manifest node's bytes. */
  async manifest(
    root: Digest,
    address?: Address,
  ): Promise<Result<Uint8Array, ManifestNotFound | ObjectRemoved | ReadTrouble | StorageNotReady>> {
    return this.#orNotKnownYet(await this.#reader.manifest(root, address && digestOf(address)));
  }

  /** Whether what this manifest describes, of the digest `object`, is there and may be read. */
  mayRead(root: Digest, object: Digest): Result<unknown, ManifestNotFound | ObjectRemoved | StorageNotReady> {
    return this.#orNotKnownYet(this.#reader.manifestEntry(root, object));
  }

  isHeld(root: Digest): boolean {
    return this.#reader.isHeld(root);
  }

  /** False also while packs are looked through, when nobody knows. */
  async isDamaged(root: Digest): Promise<boolean> {
    return (await this.#writers?.damageWalk.hasDamaged(root)) ?? false;
  }

  /** The source lives until it ends, is cancelled, or the store is closed. */
  read(slices: readonly ChunkSlice[]): Result<ByteSource, ChunkNotFound | StorageReadFailed | StorageNotReady> {
    const source = this.#reader.read(slices);
    const { rebuilding } = this;
    return source.ok || rebuilding === undefined ? source : fail({ code: "storage.rebuilding", ...rebuilding });
  }

  /** All of a chunk that was read lately, if it is small. Not to be modified. */
  remembered(chunk: Digest): Uint8Array | undefined {
    return this.#reader.remembered(chunk);
  }

  /** All of a chunk. */
  async chunk(chunk: Digest): Promise<Result<Uint8Array, ChunkNotFound | ReadTrouble | StorageNotReady>> {
    return this.#orNotKnownYet(await this.#reader.chunk(chunk));
  }

  async list(
    after: Cursor | undefined,
    limit: number,
  ): Promise<Result<ReplyOf<StorageProtocol, "listManifests">, StorageNotReady>> {
    const writers = this.#writers;
    if (writers === undefined) return fail(this.#notReady());
    const catalog = this.#catalog;
    const from = sequenceOf(catalog.era, after, (sequence) => catalog.commitAt(sequence)?.manifest);
    const entriesMax = Math.max(1, Math.min(limit, LIST_ENTRIES_MAX));
    const commits = catalog.commits(from, writers.sequences.watermark, entriesMax);
    return ok({
      entries: commits.filter((commit) => isThere(writers.keeping.fateOf(commit))).map(writers.keeping.describeHeld),
      next: cursorOf(catalog.era, commits.at(-1) ?? catalog.commitAt(from)),
      done: commits.length < entriesMax && this.rebuilding === undefined,
      total: catalog.totals.manifestCount,
    });
  }

  async facts(): Promise<StorageFacts> {
    const { chunkCount, manifestCount, storedBytes, damagedCount } = this.#catalog.totals;
    return {
      packCount: this.#catalog.packs.size,
      packBytes: this.#catalog.packBytes,
      chunkCount,
      manifestCount,
      storedBytes,
      freeBytes: await this.#parts.putSpace.freeBytes(),
      damagedChunkCount: damagedCount,
      setAsidePackCount: this.#setAsideCount,
      trash: { objectCount: this.#keeps.totals.trashCount, bytes: this.#keeps.totals.trashBytes },
      scrub: this.#writers?.scrubber.facts ?? NO_SCRUB,
      collection: this.#writers?.collector.facts ?? { phase: "idle", last: undefined },
      rebuilding: this.rebuilding,
    };
  }

  /** What puts hold of the write quota; undefined while there can be none. */
  get writeMemory(): Pick<Reservations, "reservedBytes" | "orphanedBytes"> | undefined {
    return this.#writers?.reservations;
  }

  /** What bounds puts, for bytes that are to be put later. */
  get intake(): Result<Pick<Writers, "limit" | "reservations">, StorageNotReady> {
    return this.#writers === undefined ? fail(this.#notReady()) : ok(this.#writers);
  }

  get space(): Space {
    return this.#space;
  }

  /** What makes room on a full disk. */
  get relief(): Relief {
    return this.#reserve;
  }

  /** Writes what the catalog has pending, and sees to what else needs room. To be called now and then. */
  async flush(): Promise<void> {
    await this.#upkeep.flush();
    await this.#writers?.pool.cutOne();
    for (const { pool } of this.#parts.volumes?.lanes.all ?? []) await pool.cutOne();
    await this.#reserve.upkeep();
  }

  /** Ends every source, waits for what is under way, and lets go of everything. */
  async close(): Promise<void> {
    this.#over.abort();
    const gone = { code: "runtime.actor-crashed", actor: "storage", executed: "maybe" } as const;
    for (const source of [...this.#sources]) source.cancel(gone);
    await Promise.allSettled([this.#reader.close(gone), ...this.#puts.items(), this.recovered]);
    await this.#writers?.close();
    await this.#parts.volumes?.close();
    await this.#sealer.close();
    await this.#writers?.pool.close();
    await this.#files.close();
    await this.#catalog.flush();
    // Asked before it is closed: who still reads then is told nothing about it.
    const { isDamaged } = this.#catalog;
    await this.#kv.close();
    // Also where its store takes nothing any more, to say that it is not whole.
    if (isDamaged) await this.#deps.disk.removeTree(pathOfCatalog(this.#deps));
  }

  /** Recovery, which is told of from now on. */
  #goOnBeside(): void {
    this.#isBeside = true;
    this.#deps.onRebuild(this.#rebuild);
  }

  async #recover(): Promise<void> {
    const { cpu, log, meters, onRebuild, random } = this.#deps;
    const isRebuild = !this.#catalog.complete;
    const deps = {
      files: this.#files,
      catalog: this.#catalog,
      cpu,
      pause: this.#pause,
      random,
      log,
      onProgress: (doneBytes: number, totalBytes: number): void => {
        this.#rebuild = { doneBytes, totalBytes };
        if (this.#isBeside) onRebuild(this.#rebuild);
      },
      keeps: this.#keeps,
      mark: this.#parts.sequenceMark,
      isOver: () => this.#over.signal.aborted,
    };
    const report = await recoverAll(deps, this.#parts.volumes);
    if (this.#over.signal.aborted) return;
    const { cutBytes, skippedBytes, recoveredCommitCount, setAside } = report;
    log.info("packs recovered", { isRebuild, cutBytes, skippedBytes, recoveredCommitCount });
    this.#setAsideCount = setAside.length;
    meters.packsSetAside.set(setAside.length);
    const packs = setAside.map((pack) => this.#files.pathOf(pack));
    if (packs.length > 0) log.error("packs set aside: not all that they need can be read, or is there", { packs });
    this.#catalog.setComplete();
    await this.#catalog.flush();
    this.#upkeep.tell();
    this.#isRecovered = true;
    // What nobody knows to be removed would be relied upon, and collected for.
    if (this.#keeps.damage === undefined) this.#writers = this.#makeWriters(report);
    onRebuild(undefined);
  }

  #makeWriters(report: RecoveryReport): Writers {
    const { log, meters } = this.#deps;
    const deps = {
      ...this.#deps,
      files: this.#files,
      catalog: this.#catalog,
      kv: this.#kv,
      keeps: this.#keeps,
      readers: this.#readers,
      space: this.#parts.putSpace,
      overhead: this.#parts.overhead,
      relief: this.#reserve,
      pause: this.#pause,
      sealer: this.#sealer,
      volumes: this.#parts.volumes,
      erasure: this.#deps.volumes?.erasure ?? "none",
      read: (kind: RecordKind, digest: Digest) => this.#reader.whole(kind, digest),
      signal: this.#over.signal,
      scrubbedBytes: meters.scrubbedBytes,
      keepCount: meters.keeps,
      onDamaged: this.#reader.markDamaged,
      onDoubt: (sequence: number): void => {
        meters.commitsInDoubt.add();
        log.error("commit in doubt: lists end before it until it can be taken back, or the next start", { sequence });
      },
    };
    return makeWriters(deps, report);
  }

  #notReady(): StorageNotReady {
    return this.#keeps.damage ?? { code: "storage.rebuilding", ...this.#rebuild };
  }

  /** What is not found may be, when the catalog is whole. */
  #orNotKnownYet<Value, Any extends Failure>(found: Result<Value, Any>): Result<Value, Any | StorageNotReady> {
    const isUnknown = !found.ok && mayBeKnownLater(found.failure);
    return isUnknown && this.rebuilding !== undefined ? fail({ code: "storage.rebuilding", ...this.#rebuild }) : found;
  }
}

function isThere(fate: Fate): boolean {
  return fate === "kept" || fate === "loose";
}

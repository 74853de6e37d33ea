/**
 * What is read of the packs: manifests whole, chunks as sources, both verified. What turns out to be damaged is marked, and
 * refused from then on.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, Damage } from "#actors/storage/catalog/catalog-records.ts";
import { mayComeBack } from "#actors/storage/catalog/holders.ts";
import type { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import { keepNameOf } from "#actors/storage/keeps/keep-codec.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";
import type { Meters } from "#actors/storage/meters.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import { corrupt, type ReadTrouble, readPayload } from "#actors/storage/packs/record-bytes.ts";
import { RecordCheck } from "#actors/storage/packs/record-check.ts";
import { SecondLook } from "#actors/storage/packs/second-look.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type {
  ChunkNotFound,
  ChunkSlice,
  ManifestNotFound,
  ObjectRemoved,
  StorageReadFailed,
} from "#actors/storage/protocol.ts";
import type { OnDamaged } from "#actors/storage/puts/known-records.ts";
import { asTold, ChunkSource, type LocatedSlice } from "#actors/storage/reads/chunk-source.ts";
import { locate } from "#actors/storage/reads/locate.ts";
import { ReadAheadBuffers } from "#actors/storage/reads/read-ahead.ts";
import { SmallChunkCache } from "#actors/storage/reads/small-chunk-cache.ts";
import type { LostShardDeps } from "#actors/storage/spread/lost-shard.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { ReedSolomon } from "#runtime/erasure/reed-solomon.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Log } from "#runtime/telemetry/log.ts";

/** Slices of one `readChunks`. */
export const SLICES_MAX = 1024;

/** Too many of its volumes are not there. */
const AWAY: StorageReadFailed = { code: "storage.read-failed", errno: "ENODEV" };

export interface ReaderDeps {
  readonly files: PackFiles;
  readonly catalog: Catalog;
  readonly keeps: Pick<Keeps, "count" | "damage" | "fateOf" | "get">;
  readonly readers: PackReaders;
  readonly cpu: Pick<Cpu, "digest" | "hasher" | "run">;
  readonly pause: Pause;
  readonly log: Log;
  readonly meters: Meters;
  /** A volume is not there, and nobody knows all that it holds. */
  readonly isLacking: () => boolean;
  /**
   * The recovery is over with which a life begins. Before, nothing that a read finds is said of a record: a commit counts if
   * what it refers to does.
   */
  readonly isRecovered: () => boolean;
  /** What is wrong may be the volume of the pack. */
  readonly onReadFailed: (pack: number, errno: string) => void;
  /** Called once for each record. */
  readonly onDamaged: (digest: Digest, damage: Damage) => void;
  /** Of what goes on beside the calls. */
  readonly onDefect: (defect: unknown) => void;
}

export class Reader {
  readonly #deps: ReaderDeps;
  readonly #secondLook: SecondLook;
  /** With how each of them leaves its packs. */
  readonly #sources = new Map<ByteSource, () => void>();
  readonly #smallChunks = new SmallChunkCache();
  readonly #aheadBuffers = new ReadAheadBuffers();
  readonly #shardDeps: LostShardDeps;

  constructor(deps: ReaderDeps) {
    const { catalog, log, onDefect } = deps;
    this.#deps = deps;
    this.#shardDeps = {
      files: deps.files,
      digest: (bytes) => deps.cpu.digest(bytes),
      code: new ReedSolomon(),
      onTrouble: (chunk, entry, trouble) => this.#troubled(chunk, entry, trouble),
    };
    this.#secondLook = new SecondLook({
      catalog,
      check: new RecordCheck(deps),
      onDamaged: this.markDamaged,
      onLifted: (digest) => log.info("record readable again", { digest }),
      onDefect,
    });
  }

  /** A manifest node's bytes. `object` is the one that it is asked for on behalf of. */
  async manifest(
    root: Digest,
    object: Digest | undefined,
  ): Promise<Result<Uint8Array, ManifestNotFound | ObjectRemoved | StorageJournalDamaged | ReadTrouble>> {
    const known = this.manifestEntry(root, object);
    return known.ok ? await this.#node(root, known.value) : known;
  }

  async #node(root: Digest, entry: CatalogEntry): Promise<Result<Uint8Array, ReadTrouble>> {
    const { catalog, cpu, files, readers } = this.#deps;
    const copies = [entry, ...catalog.served("manifest", root).filter(({ pack }) => pack !== entry.pack)];
    let read: Result<Uint8Array, ReadTrouble> = corrupt(root);
    for (const copy of copies) {
      if (copy.damage === "differs") continue;
      const leave = readers.enter(new Set([copy.pack]));
      read = await readPayload(files, root, copy, cpu.digest);
      leave();
      if (!read.ok) {
        this.#troubled(root, copy, read.failure);
        continue;
      }
      if (this.#deps.isRecovered()) this.#secondLook.lift(root, copy);
      break;
    }
    if (read.ok) return read;
    const isAwaited = read.failure.code === "storage.corrupt" && this.#isAwaited("manifest", root);
    return fail(isAwaited ? AWAY : asTold(read.failure, entry));
  }

  /**
   * The record of a manifest that may be read. Where nobody remembers any more that it was removed, there is none; what it
   * referred to may be there for others. Where what was removed is not known, only who names the object may read it: index
   * has forgotten the address of what was.
   */
  manifestEntry(
    root: Digest,
    object: Digest | undefined,
  ): Result<CatalogEntry, ManifestNotFound | ObjectRemoved | StorageJournalDamaged> {
    const { catalog, keeps } = this.#deps;
    const entry = catalog.find("manifest", root);
    const isRemoved = this.#isRemoved(root, object, entry);
    const isUnproven = object === undefined ? (entry?.sequence ?? 0) > 0 : entry === undefined || isRemoved;
    if (keeps.damage !== undefined && isUnproven) return fail(keeps.damage);
    if (isRemoved) return fail({ code: "storage.removed", root });
    return entry === undefined ? fail({ code: "storage.manifest-not-found", root }) : ok(entry);
  }

  /** False for what was removed, or may have been. What is not known at all was never told to anybody. */
  isHeld(root: Digest): boolean {
    const { catalog, keeps } = this.#deps;
    if (keeps.damage !== undefined) return false;
    const entry = keeps.count === 0 ? undefined : catalog.find("manifest", root);
    return keeps.count === 0 || (entry !== undefined && !this.#isRemoved(root, undefined, entry));
  }

  /** The source lives until it ends, is cancelled, or the reader is closed. */
  read(slices: readonly ChunkSlice[]): Result<ByteSource, ChunkNotFound | StorageReadFailed> {
    // Not what was asked for: a reader that goes away takes a part of it.
    return this.#open(slices, ({ handedOutBytes }) => this.#deps.meters.bytesOut.add(handedOutBytes));
  }

  #open(
    slices: readonly ChunkSlice[],
    onSettled?: (source: ChunkSource) => void,
  ): Result<ByteSource, ChunkNotFound | StorageReadFailed> {
    assert(slices.length <= SLICES_MAX, "a read has a bounded number of slices");
    const { catalog, cpu, files, readers } = this.#deps;
    const located: LocatedSlice[] = [];
    const packs = new Set<number>();
    for (const slice of slices) {
      const place = locate(slice, catalog, this.#shardDeps);
      if (place === undefined) {
        for (const entry of catalog.records("chunk", slice.chunk)) this.#lookAgain(slice.chunk, entry);
        return fail(
          this.#isAwaited("chunk", slice.chunk) ? AWAY : { code: "storage.chunk-not-found", chunk: slice.chunk },
        );
      }
      for (const pack of place.packs) packs.add(pack);
      located.push(...place.slices);
    }
    const source = new ChunkSource(located, {
      files,
      digest: cpu.digest,
      cache: this.#smallChunks,
      aheadBuffers: this.#aheadBuffers,
      onTrouble: (chunk, entry, trouble) => this.#troubled(chunk, entry, trouble),
      onSettled: (settled) => {
        this.#sources.get(settled)?.();
        this.#sources.delete(settled);
        onSettled?.(settled);
      },
    });
    this.#sources.set(source, readers.enter(packs));
    return ok(source);
  }

  /**
   * All of a payload, from whatever holds it, also of what was removed: until that is collected it can be restored. For chunks
   * and nodes, which are at most 16 MiB.
   */
  async whole(kind: RecordKind, digest: Digest): Promise<Result<Uint8Array, Failure>> {
    if (kind === "chunk") return await this.chunk(digest);
    const entry = this.#deps.catalog.find("manifest", digest);
    return entry === undefined
      ? fail({ code: "storage.manifest-not-found", root: digest })
      : await this.#node(digest, entry);
  }

  /** All of a small chunk that was read lately. Not to be modified. */
  remembered(chunk: Digest): Uint8Array | undefined {
    return this.#smallChunks.get(chunk);
  }

  async chunk(digest: Digest): Promise<Result<Uint8Array, ChunkNotFound | ReadTrouble>> {
    const [any] = this.#deps.catalog.served("chunk", digest);
    const lengthBytes = any === undefined ? 0 : (any.shard?.chunkBytes ?? any.payloadBytes);
    const bytes = new Uint8Array(lengthBytes);
    const source = this.#open([{ chunk: digest, offset: 0, lengthBytes }]);
    if (!source.ok) return source;
    for (let at = 0; at < lengthBytes; ) {
      const count = await source.value.read(bytes.subarray(at));
      if (count <= 0) return fail(troubleIn(source.value.failure));
      at += count;
    }
    source.value.cancel({ code: "runtime.cancelled" });
    return ok(bytes);
  }

  readonly markDamaged: OnDamaged = (digest, where, damage) => {
    const { catalog, onDamaged } = this.#deps;
    this.#smallChunks.forget(digest);
    // It is found again by whoever reads it next, and by each scrub until it is marked.
    if (!catalog.hasRoomToSpare) catalog.leaveUnmarked();
    else if (catalog.markDamaged(digest, where, damage)) onDamaged(digest, damage);
  };

  /** Ends every source. */
  async close(reason: Failure): Promise<void> {
    for (const source of [...this.#sources.keys()]) source.cancel(reason);
    await this.#secondLook.settle();
  }

  /** Also where its records were given up: then it is by what the object's keep says. */
  #isRemoved(root: Digest, object: Digest | undefined, entry: CatalogEntry | undefined): boolean {
    const { catalog, keeps } = this.#deps;
    if (keeps.count === 0) return false;
    if (entry === undefined) return keeps.get(keepNameOf({ object, manifest: root }))?.removal !== undefined;
    const commit = entry.sequence > 0 ? catalog.commitAt(entry.sequence) : undefined;
    if (commit === undefined) return false;
    const fate = keeps.fateOf(keepNameOf(commit), commit);
    return fate === "removed" || fate === "buried";
  }

  #isAwaited(kind: RecordKind, digest: Digest): boolean {
    const { catalog, files, isLacking } = this.#deps;
    return mayComeBack(catalog.records(kind, digest), (pack) => files.isThere(pack), isLacking());
  }

  #troubled(digest: Digest, entry: CatalogEntry, trouble: ReadTrouble): void {
    if (trouble.errno !== undefined) this.#deps.onReadFailed(entry.pack, trouble.errno);
    if (trouble.code === "storage.read-failed") this.#deps.meters.readsFailed.add();
    else if (this.#deps.isRecovered()) {
      this.markDamaged(digest, entry, trouble.errno === undefined ? "differs" : "unreadable");
    }
  }

  #lookAgain(digest: Digest, entry: CatalogEntry): void {
    if (this.#deps.isRecovered()) this.#secondLook.begin(digest, entry);
  }
}

/** A source that was cancelled has said nothing of the bytes. */
function troubleIn(failure: Failure | undefined): ReadTrouble {
  const isTold = failure?.code === "storage.corrupt" || failure?.code === "storage.read-failed";
  return isTold ? (failure as ReadTrouble) : { code: "storage.read-failed", errno: "ECANCELED" };
}

/**
 * What is read of the packs: manifests whole, chunks as sources, both verified. What turns out to be damaged is marked, and
 * refused from then on.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog.ts";
import type { CatalogEntry, Damage } from "#actors/storage/catalog-records.ts";
import { ChunkSource, type LocatedSlice } from "#actors/storage/chunk-source.ts";
import type { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import { keepNameOf } from "#actors/storage/keeps/keep-codec.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";
import type { OnDamaged } from "#actors/storage/known-records.ts";
import type { Meters } from "#actors/storage/meters.ts";
import type { PackFiles } from "#actors/storage/pack-files.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { ChunkNotFound, ChunkSlice, ManifestNotFound, ObjectRemoved } from "#actors/storage/protocol.ts";
import { ReadAheadBuffers } from "#actors/storage/read-ahead.ts";
import { corrupt, type ReadTrouble, readPayload } from "#actors/storage/record-bytes.ts";
import { RecordCheck } from "#actors/storage/record-check.ts";
import { SecondLook } from "#actors/storage/second-look.ts";
import { SmallChunkCache } from "#actors/storage/small-chunk-cache.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Log } from "#runtime/telemetry/log.ts";

/** Slices of one `readChunks`. */
export const SLICES_MAX = 1024;

export interface ReaderDeps {
  readonly files: PackFiles;
  readonly catalog: Catalog;
  readonly keeps: Pick<Keeps, "count" | "fateOf" | "get">;
  readonly readers: PackReaders;
  readonly cpu: Pick<Cpu, "digest" | "hasher" | "run">;
  readonly pause: Pause;
  readonly log: Log;
  readonly meters: Meters;
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

  constructor(deps: ReaderDeps) {
    const { catalog, log, onDefect } = deps;
    this.#deps = deps;
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
  ): Promise<Result<Uint8Array, ManifestNotFound | ObjectRemoved | ReadTrouble>> {
    const { catalog, cpu, files, readers } = this.#deps;
    const entry = catalog.find("manifest", root);
    if (this.#isRemoved(root, object, entry)) return fail({ code: "storage.removed", root });
    if (entry === undefined) return fail({ code: "storage.manifest-not-found", root });
    if (entry.damage === "differs") return corrupt(root);
    const leave = readers.enter(new Set([entry.pack]));
    const read = await readPayload(files, root, entry, cpu.digest);
    leave();
    if (read.ok) this.#secondLook.lift(root, entry);
    else this.#troubled(root, entry, read.failure);
    return read;
  }

  /** False for what was removed. What is not known at all was never told to anybody. */
  isHeld(root: Digest): boolean {
    const { catalog, keeps } = this.#deps;
    const entry = keeps.count === 0 ? undefined : catalog.find("manifest", root);
    return keeps.count === 0 || (entry !== undefined && !this.#isRemoved(root, undefined, entry));
  }

  /** The source lives until it ends, is cancelled, or the reader is closed. */
  read(slices: readonly ChunkSlice[]): Result<ByteSource, ChunkNotFound> {
    assert(slices.length <= SLICES_MAX, "a read has a bounded number of slices");
    const { catalog, cpu, files, readers } = this.#deps;
    const located: LocatedSlice[] = [];
    for (const { chunk, offset, lengthBytes } of slices) {
      const entry = catalog.find("chunk", chunk);
      if (entry?.damage !== "none") {
        if (entry !== undefined) this.#secondLook.begin(chunk, entry);
        return fail({ code: "storage.chunk-not-found", chunk });
      }
      assert(
        offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= entry.payloadBytes,
        "a slice lies in its chunk",
      );
      located.push({ chunk, entry, offset, lengthBytes });
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
      },
    });
    this.#sources.set(source, readers.enter(new Set(located.map(({ entry }) => entry.pack))));
    return ok(source);
  }

  readonly markDamaged: OnDamaged = (digest, where, damage) => {
    this.#smallChunks.forget(digest);
    if (this.#deps.catalog.markDamaged(digest, where, damage)) this.#deps.onDamaged(digest, damage);
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

  #troubled(digest: Digest, entry: CatalogEntry, trouble: ReadTrouble): void {
    if (trouble.code === "storage.read-failed") this.#deps.meters.readsFailed.add();
    else this.markDamaged(digest, entry, trouble.errno === undefined ? "differs" : "unreadable");
  }
}

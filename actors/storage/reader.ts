/**
 * What is read of the packs: manifests whole, chunks as sources, both verified. What turns out to be damaged is marked, and
 * refused from then on.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog.ts";
import type { CatalogEntry, Damage } from "#actors/storage/catalog-records.ts";
import { ChunkSource, type LocatedSlice } from "#actors/storage/chunk-source.ts";
import type { OnDamaged } from "#actors/storage/known-records.ts";
import type { Meters } from "#actors/storage/meters.ts";
import type { PackFiles } from "#actors/storage/pack-files.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { ChunkNotFound, ChunkSlice, ManifestNotFound } from "#actors/storage/protocol.ts";
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
  readonly #sources = new Set<ByteSource>();
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

  /** A manifest node's bytes. */
  async manifest(root: Digest): Promise<Result<Uint8Array, ManifestNotFound | ReadTrouble>> {
    const { catalog, cpu, files } = this.#deps;
    const entry = catalog.find("manifest", root);
    if (entry === undefined) return fail({ code: "storage.manifest-not-found", root });
    if (entry.damage === "differs") return corrupt(root);
    const read = await readPayload(files, root, entry, cpu.digest);
    if (read.ok) this.#secondLook.lift(root, entry);
    else this.#troubled(root, entry, read.failure);
    return read;
  }

  /** The source lives until it ends, is cancelled, or the reader is closed. */
  read(slices: readonly ChunkSlice[]): Result<ByteSource, ChunkNotFound> {
    assert(slices.length <= SLICES_MAX, "a read has a bounded number of slices");
    const { catalog, cpu, files } = this.#deps;
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
      onSettled: (settled) => this.#sources.delete(settled),
    });
    this.#sources.add(source);
    return ok(source);
  }

  readonly markDamaged: OnDamaged = (digest, where, damage) => {
    this.#smallChunks.forget(digest);
    if (this.#deps.catalog.markDamaged(digest, where, damage)) this.#deps.onDamaged(digest, damage);
  };

  /** Ends every source. */
  async close(reason: Failure): Promise<void> {
    for (const source of [...this.#sources]) source.cancel(reason);
    await this.#secondLook.settle();
  }

  #troubled(digest: Digest, entry: CatalogEntry, trouble: ReadTrouble): void {
    if (trouble.code === "storage.read-failed") this.#deps.meters.readsFailed.add();
    else this.markDamaged(digest, entry, trouble.errno === undefined ? "differs" : "unreadable");
  }
}

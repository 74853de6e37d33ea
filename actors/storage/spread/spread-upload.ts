/**
 * A large object on its way to volumes: a chunk is gathered while the one before it is written, because its shards cannot be
 * cut before its end is known.
 */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { ManifestLink } from "#actors/domain/manifest.ts";
import { ChunkDigester, type ChunkDigests } from "#actors/storage/chunks/chunk-digester.ts";
import { ChunkScanner } from "#actors/storage/chunks/chunk-scanner.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { finishedUpload, type ObjectUpload } from "#actors/storage/puts/object-upload.ts";
import type { FinishedUpload, UploadedObject, UploadOptions } from "#actors/storage/puts/upload.ts";
import { SpreadPut, type SpreadPutDeps } from "#actors/storage/spread/spread-put.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import type { Cpu, Hasher } from "#runtime/pool/cpu.ts";

export interface SpreadUploadDeps extends SpreadPutDeps {
  readonly cpu: Pick<Cpu, "digest" | "hasher">;
  readonly gearTable: Int32Array;
  readonly pause: Pause;
  /** So many bytes were taken of a put that came to nothing. */
  readonly onAbandoned: (lengthBytes: number) => void;
}

export class SpreadUpload implements ObjectUpload {
  readonly #deps: SpreadUploadDeps;
  readonly #options: UploadOptions;
  readonly #put: SpreadPut;
  readonly #scanner: ChunkScanner;
  /** Ciphertext has no digest of its own. */
  readonly #object: Hasher | undefined;
  readonly #links: ManifestLink[] = [];
  #chunk: ChunkDigester;
  /** What is gathered, and what is being written. */
  #filling: Uint8Array;
  #writing: Uint8Array;
  #chunkBytes = 0;
  #sizeBytes = 0;
  #enteredBytes = 0;
  #written: Promise<Result<void, DiskFailure>> = Promise.resolve(ok());

  constructor(deps: SpreadUploadDeps, options: UploadOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#put = new SpreadPut(deps, options.keepUntilMs);
    this.#scanner = new ChunkScanner(options.profile, deps.gearTable);
    this.#object = options.enc === undefined ? deps.cpu.hasher() : undefined;
    this.#chunk = new ChunkDigester(deps.cpu);
    this.#filling = new Uint8Array(options.profile.bytesMax);
    this.#writing = new Uint8Array(options.profile.bytesMax);
  }

  get keepUntilMs(): number {
    return this.#options.keepUntilMs;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get chunkCount(): number {
    return this.#links.length;
  }

  get enteredBytes(): number {
    return this.#enteredBytes;
  }

  /** `bytes` are free when answered. */
  async feed(bytes: Uint8Array): Promise<Result<void, DiskFailure>> {
    this.#object?.update(bytes);
    this.#sizeBytes += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const end = this.#scanner.advance(bytes, at);
      const piece = bytes.subarray(at, end);
      this.#chunk.update(piece);
      this.#filling.set(piece, this.#chunkBytes);
      this.#chunkBytes += piece.length;
      at = end;
      const ended = this.#scanner.atCut ? await this.#endChunk() : ok();
      if (!ended.ok) return ended;
      await this.#deps.pause.ifDue();
    }
    return ok();
  }

  async settle(): Promise<Result<void, DiskFailure>> {
    return await this.#written;
  }

  async finish(): Promise<Result<FinishedUpload, DiskFailure>> {
    const { cpu } = this.#deps;
    const ended = this.#chunkBytes > 0 ? await this.#endChunk() : ok();
    const settled = ended.ok ? await this.settle() : ended;
    if (!settled.ok) return settled;
    return ok(finishedUpload(this.#object, this.#sizeBytes, this.#links, this.#options, cpu));
  }

  async commit({ object, tree }: FinishedUpload): Promise<Result<UploadedObject, DiskFailure>> {
    const committed = await this.#put.commit({ object, sizeBytes: this.#sizeBytes, links: this.#links, tree });
    if (!committed.ok) return committed;
    this.#put.close();
    return ok({ object, manifest: tree.root.digest, chunkCount: this.chunkCount, ...committed.value });
  }

  /** What it has written is garbage now. To be called once, unless `commit` succeeded. */
  async abandon(): Promise<void> {
    await this.#written;
    this.#put.close();
    this.#deps.onAbandoned(this.#sizeBytes);
  }

  async #write(digest: Digest, chunk: Uint8Array, digests: ChunkDigests): Promise<Result<void, DiskFailure>> {
    const written = await this.#put.putChunk(digest, [chunk], digests);
    if (written.ok) this.#enteredBytes += chunk.length;
    return written;
  }

  async #endChunk(): Promise<Result<void, DiskFailure>> {
    const digests = this.#chunk.finish();
    const digest = digestFromBytes(digests.digest);
    assert(digests.lengthBytes === this.#chunkBytes, "a chunk is what was gathered of it");
    this.#links.push({ length: digests.lengthBytes, digest });
    this.#chunk = new ChunkDigester(this.#deps.cpu);
    this.#chunkBytes = 0;
    const previous = await this.#written;
    if (!previous.ok) return previous;
    [this.#filling, this.#writing] = [this.#writing, this.#filling];
    this.#written = this.#write(digest, this.#writing.subarray(0, digests.lengthBytes), digests);
    return ok();
  }
}

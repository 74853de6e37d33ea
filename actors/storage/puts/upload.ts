/**
 * A large object on its way to the disk: cut, hashed and written as it arrives, in a pack of its own.
 *
 * A chunk is written before its digest is known, behind a gap for header and segment table. If the chunk turns out to be
 * known, the write position goes back to where it began. The manifest is written last and is the commit record. Until the
 * sync after it nothing counts; whatever fails before cuts every pack back to where the lease began.
 */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { ChunkProfile } from "#actors/domain/chunk-profiles.ts";
import type { Manifest, ManifestLink } from "#actors/domain/manifest.ts";
import type { EncodedNode, ManifestTree } from "#actors/domain/manifest-tree.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, Commit } from "#actors/storage/catalog/catalog-records.ts";
import type { Sequences } from "#actors/storage/catalog/sequences.ts";
import { ChunkDigester, digestsOfNode } from "#actors/storage/chunks/chunk-digester.ts";
import { ChunkScanner } from "#actors/storage/chunks/chunk-scanner.ts";
import type { InUse } from "#actors/storage/collection/in-use.ts";
import type { KeptCommit } from "#actors/storage/keeps/keep.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import { PackLease } from "#actors/storage/packs/pack-lease.ts";
import type { OpenPack, PackPool } from "#actors/storage/packs/pack-pool.ts";
import { headerFor, LINK_LOST, layOutRecord } from "#actors/storage/packs/pack-write.ts";
import {
  encodeHeader,
  RECORD_HEADER_BYTES,
  type RecordKind,
  recordEnd,
  tableBytes,
} from "#actors/storage/packs/record.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { KnownRecords } from "#actors/storage/puts/known-records.ts";
import { finishedUpload, type ObjectUpload } from "#actors/storage/puts/object-upload.ts";
import { Proofs } from "#actors/storage/puts/proofs.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu, Hasher } from "#runtime/pool/cpu.ts";
import type { Turns } from "#runtime/turns.ts";

export interface UploadDeps {
  readonly pool: PackPool;
  readonly catalog: Catalog;
  readonly sequences: Sequences;
  readonly known: KnownRecords;
  readonly inUse: InUse;
  readonly keeping: Keeping;
  /** By manifest. */
  readonly commits: Turns<Digest>;
  readonly cpu: Pick<Cpu, "digest" | "hasher">;
  readonly gearTable: Int32Array;
  readonly pause: Pause;
}

export interface UploadOptions {
  readonly profile: ChunkProfile;
  /** What the commit is to hold its object for; see `holdsUntil`. */
  readonly keepUntilMs: number;
  /** Set for ciphertext. */
  readonly enc?: Manifest["enc"];
}

/** All of it is written but the manifest. */
export interface FinishedUpload {
  /** Undefined for ciphertext. */
  readonly object: Digest | undefined;
  readonly tree: ManifestTree;
}

export interface UploadedObject {
  /** Undefined for ciphertext. */
  readonly object: Digest | undefined;
  readonly manifest: Digest;
  readonly chunkCount: number;
  readonly sequence: number;
  readonly known: boolean;
}

export class Upload implements ObjectUpload {
  readonly #deps: UploadDeps;
  readonly #profile: ChunkProfile;
  readonly #keepUntilMs: number;
  /** From a chunk's header to its payload: room for the longest segment table. */
  readonly #payloadOffset: number;
  readonly #scanner: ChunkScanner;
  readonly #enc: Manifest["enc"];
  /** Ciphertext has no digest of its own. */
  readonly #object: Hasher | undefined;
  readonly #links: ManifestLink[] = [];
  readonly #written = new Map<Digest, CatalogEntry>();
  readonly #proofs: Proofs;
  readonly #damageCountBefore: number;
  readonly #lease: PackLease;
  #chunk: ChunkDigester;
  #chunkBytes = 0;
  #sizeBytes = 0;
  /** Of the commit that was begun and did not succeed. */
  #failedSequence: number | undefined;

  constructor(pack: OpenPack, deps: UploadDeps, { profile, keepUntilMs, enc }: UploadOptions) {
    this.#deps = deps;
    this.#profile = profile;
    this.#keepUntilMs = keepUntilMs;
    this.#payloadOffset = RECORD_HEADER_BYTES + tableBytes(profile.bytesMax);
    this.#proofs = new Proofs(deps.catalog, deps.known, deps.inUse);
    this.#lease = new PackLease(pack, deps.pool);
    this.#scanner = new ChunkScanner(profile, deps.gearTable);
    this.#enc = enc;
    this.#object = enc === undefined ? deps.cpu.hasher() : undefined;
    this.#chunk = new ChunkDigester(deps.cpu);
    this.#damageCountBefore = deps.catalog.damageFoundCount;
  }

  get keepUntilMs(): number {
    return this.#keepUntilMs;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** So far. */
  get chunkCount(): number {
    return this.#links.length;
  }

  /** Its pack is entered up to its end with the commit. */
  get enteredBytes(): number {
    return 0;
  }

  /** The last write may still read `bytes` when this settles: they are free after the next `feed`, or `settle`. */
  async feed(bytes: Uint8Array): Promise<Result<void, DiskFailure>> {
    this.#object?.update(bytes);
    this.#sizeBytes += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const end = this.#scanner.advance(bytes, at);
      const piece = bytes.subarray(at, end);
      this.#chunk.update(piece);
      const position = this.#lease.end + this.#payloadOffset + this.#chunkBytes;
      this.#chunkBytes += piece.length;
      const written = await this.#lease.write([piece], position);
      if (!written.ok) return written;
      at = end;
      const ended = this.#scanner.atCut ? await this.#endChunk() : ok();
      if (!ended.ok) return ended;
      await this.#deps.pause.ifDue();
    }
    return ok();
  }

  /** No write is under way any more. */
  async settle(): Promise<Result<void, DiskFailure>> {
    return await this.#lease.settle();
  }

  /** All bytes were fed: answers with what would be committed. */
  async finish(): Promise<Result<FinishedUpload, DiskFailure>> {
    const { cpu } = this.#deps;
    const ended = this.#chunkBytes > 0 ? await this.#endChunk() : ok();
    if (!ended.ok) return ended;
    const settled = await this.settle();
    if (!settled.ok) return settled;
    const cut = { enc: this.#enc, profile: this.#profile };
    return ok(finishedUpload(this.#object, this.#sizeBytes, this.#links, cut, cpu));
  }

  /**
   * Writes the manifest, makes everything durable and enters it in the catalog; or gives everything back, if the same
   * object was committed while this one was under way.
   */
  async commit(finished: FinishedUpload): Promise<Result<UploadedObject, DiskFailure>> {
    return await this.#deps.commits.inTurn(finished.tree.root.digest, () => this.#commitTree(finished));
  }

  async #commitTree({ object, tree }: FinishedUpload): Promise<Result<UploadedObject, DiskFailure>> {
    const { catalog, keeping, sequences } = this.#deps;
    const chunkCount = this.#links.length;
    const manifest = tree.root.digest;
    await this.#seekProofs(tree);
    const known = catalog.commitOf(manifest);
    if (known !== undefined && keeping.holdsUntil(known, this.#keepUntilMs) && this.#isProven(tree)) {
      await this.abandon();
      return ok({ object, manifest, chunkCount, sequence: known.sequence, known: true });
    }
    if (!this.#links.every(({ digest }) => this.#written.has(digest) || this.#proofs.has("chunk", digest))) {
      return linkLost();
    }

    const room = await catalog.room();
    if (!room.ok) return room;
    const sequence = sequences.begin();
    const isTransient = keeping.isTransient(manifest, this.#keepUntilMs);
    const written = await this.#writeCommit(tree.inner, tree.root, { sequence, isTransient });
    // What it refers to may have been found damaged during the sync.
    const committed = written.ok && !this.#linksHold(nodesNotIn(written.value, tree.inner)) ? linkLost() : written;
    if (!committed.ok) {
      this.#failedSequence = sequence;
      return committed;
    }
    this.#enter({ sequence, manifest, object, sizeBytes: this.#sizeBytes, isTransient }, committed.value);
    this.#proofs.close();
    await this.#lease.release();
    sequences.settle(sequence);
    return ok({ object, manifest, chunkCount, sequence, known: false });
  }

  /** Nothing of it stays. To be called exactly once, unless `commit` succeeded. */
  async abandon(): Promise<void> {
    const { sequences } = this.#deps;
    this.#proofs.close();
    const sequence = this.#failedSequence;
    if (sequence === undefined) return await this.#lease.abandon();
    if (!(await this.#lease.withdraw(() => sequences.settle(sequence)))) sequences.doubt(sequence);
  }

  async #endChunk(): Promise<Result<void, DiskFailure>> {
    const { cpu } = this.#deps;
    const digests = this.#chunk.finish();
    const digest = digestFromBytes(digests.digest);
    this.#links.push({ length: digests.lengthBytes, digest });
    this.#chunk = new ChunkDigester(cpu);
    this.#chunkBytes = 0;
    if (this.#written.has(digest) || (await this.#proofs.seek("chunk", digest))) return ok();

    const { end: position, pack } = this.#lease;
    const header = headerFor(pack, "chunk", this.#payloadOffset, digests, cpu.digest);
    const { payloadOffset, payloadBytes } = header;
    const written = await this.#lease.write([encodeHeader(header), digests.table], position);
    if (!written.ok) return written;
    const place = { pack: pack.pack, position, payloadOffset, payloadBytes };
    this.#written.set(digest, { kind: "chunk", ...place, sequence: 0, damage: "none" });
    this.#lease.appended(recordEnd(position, header));
    return this.#lease.isFull ? await this.#lease.spill() : ok();
  }

  /** Answers with the entries of the nodes, the root's last. */
  async #writeCommit(
    inner: readonly EncodedNode[],
    root: EncodedNode,
    commit: KeptCommit,
  ): Promise<Result<readonly (readonly [Digest, CatalogEntry])[], DiskFailure>> {
    const { cpu } = this.#deps;
    // What a dedup left would stand behind the commit record.
    const cut = await this.#lease.cut();
    if (!cut.ok) return cut;
    const parts: Uint8Array[] = [];
    const entries: (readonly [Digest, CatalogEntry])[] = [];
    const from = this.#lease.end;
    for (const node of [...inner, root]) {
      const { digest, bytes } = node;
      const isRoot = digest === root.digest;
      if (!isRoot && this.#proofs.has("manifest", digest)) continue;
      const digests = digestsOfNode(node, cpu);
      const contents = { kind: "manifest", payload: [bytes], digests, commit: isRoot ? commit : undefined } as const;
      const { entry, end } = layOutRecord(parts, this.#lease.pack, this.#lease.end, contents, cpu.digest);
      entries.push([digest, entry]);
      this.#lease.appended(end);
    }
    const written = await this.#lease.write(parts, from);
    const synced = written.ok ? await this.#lease.sync() : written;
    return synced.ok ? ok(entries) : synced;
  }

  /** All of it is durable. */
  #enter(commit: Commit, nodes: readonly (readonly [Digest, CatalogEntry])[]): void {
    const { catalog } = this.#deps;
    for (const [digest, entry] of this.#written) {
      // Another upload may have committed the same chunk meanwhile: one of the two records is dead.
      if (!this.#proofs.has("chunk", digest)) catalog.insert(digest, entry);
    }
    for (const [digest, entry] of nodes) {
      if (digest === commit.manifest) catalog.insertCommit(commit, entry);
      else catalog.insert(digest, entry);
    }
    this.#lease.enter(catalog);
  }

  /** Damage may have come to light since the chunks were cut, and the manifest was not looked at yet. */
  async #seekProofs({ inner, root }: ManifestTree): Promise<void> {
    if (this.#deps.known.isTrusted) return;
    for (const { digest } of this.#links) await this.#proofs.seek("chunk", digest);
    for (const { digest } of [...inner, root]) await this.#proofs.seek("manifest", digest);
  }

  /** All of the object is there, without what this upload has written. */
  #isProven({ inner, root }: ManifestTree): boolean {
    return (
      this.#links.every(({ digest }) => this.#proofs.has("chunk", digest)) &&
      [...inner, root].every(({ digest }) => this.#proofs.has("manifest", digest))
    );
  }

  #isIntact(kind: RecordKind, parts: readonly { readonly digest: Digest }[]): boolean {
    return parts.every(({ digest }) => this.#deps.catalog.holds(kind, digest));
  }

  /** What was known when it was referred to, chunks and `knownNodes`, may have been found damaged since. */
  #linksHold(knownNodes: readonly EncodedNode[]): boolean {
    if (this.#deps.catalog.damageFoundCount === this.#damageCountBefore) return true;
    const knownLinks = this.#links.filter(({ digest }) => !this.#written.has(digest));
    return this.#isIntact("chunk", knownLinks) && this.#isIntact("manifest", knownNodes);
  }
}

function nodesNotIn(
  written: readonly (readonly [Digest, CatalogEntry])[],
  inner: readonly EncodedNode[],
): readonly EncodedNode[] {
  const digests = new Set(written.map(([digest]) => digest));
  return inner.filter(({ digest }) => !digests.has(digest));
}

function linkLost(): Result<never, DiskFailure> {
  return fail({ code: "disk.broken", path: "", errno: LINK_LOST });
}

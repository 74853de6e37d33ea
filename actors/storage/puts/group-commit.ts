/**
 * Small objects, committed together: a batch is whatever arrived while the previous one was being synced. One write and
 * one sync a batch, and no timer: an object that arrives alone waits for nobody.
 *
 * Invariant: an object is answered after the sync of its batch and after the catalog knows it, or it failed and nothing
 * of its batch is kept.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { EncodedNode } from "#actors/domain/manifest-tree.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import type { Sequences } from "#actors/storage/catalog/sequences.ts";
import { digestsOfNode } from "#actors/storage/chunks/chunk-digester.ts";
import type { SmallChunk } from "#actors/storage/chunks/cut-small.ts";
import type { InUse } from "#actors/storage/collection/in-use.ts";
import type { KeptCommit } from "#actors/storage/keeps/keep.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import { PackInHand } from "#actors/storage/packs/pack-in-hand.ts";
import type { OpenPack, PackPool } from "#actors/storage/packs/pack-pool.ts";
import { LINK_LOST, layOutRecord, writeFailure } from "#actors/storage/packs/pack-write.ts";
import type { StorageFull, WriteFailed } from "#actors/storage/protocol.ts";
import { Batches } from "#actors/storage/puts/batches.ts";
import type { KnownRecords } from "#actors/storage/puts/known-records.ts";
import { Proofs } from "#actors/storage/puts/proofs.ts";
import type { Space } from "#actors/storage/space.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import { MiB } from "#runtime/units.ts";

/** Payload bytes of one batch. */
export const BATCH_BYTES_MAX: number = 8 * MiB;

/** Its commit counts, and a chunk of it is damaged: put again, that is written. */
const CHUNK_LOST: WriteFailed = { code: "storage.write-failed", errno: LINK_LOST };

/** An object that is whole in memory, with its manifest. */
export interface SmallObject {
  /** Undefined for ciphertext. */
  readonly object: Digest | undefined;
  readonly chunks: readonly SmallChunk[];
  readonly sizeBytes: number;
  readonly manifest: EncodedNode;
  /** What the commit is to hold the object for; see `holdsUntil`. */
  readonly keepUntilMs: number;
}

export interface SmallCommit {
  readonly sequence: number;
  readonly known: boolean;
}

type Outcome = Result<SmallCommit, StorageFull | WriteFailed>;

export interface GroupCommitDeps {
  readonly pool: PackPool;
  readonly catalog: Catalog;
  readonly sequences: Sequences;
  readonly space: Space;
  readonly known: KnownRecords;
  readonly inUse: InUse;
  readonly keeping: Keeping;
  readonly cpu: Pick<Cpu, "digest" | "hasher">;
  /** Aborted when the incarnation ends: no batch begins any more. */
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly small: SmallObject;
  readonly settle: (outcome: Outcome) => void;
  readonly crash: (defect: unknown) => void;
}

/** A batch on its way to the disk. */
interface Batch {
  readonly parts: Uint8Array[];
  readonly inserts: { readonly digest: Digest; readonly entry: CatalogEntry }[];
  readonly commits: Map<Digest, KeptCommit & { readonly waiting: Waiting; readonly entry: CatalogEntry }>;
  /** The same object again, in one batch. */
  readonly followers: Waiting[];
  end: number;
  recordCount: number;
}

export class GroupCommit {
  readonly #deps: GroupCommitDeps;
  readonly #batches: Batches<Waiting>;
  readonly #hand: PackInHand;

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps;
    this.#hand = new PackInHand(deps.pool, () => deps.signal.aborted);
    this.#batches = new Batches({
      bytesMax: BATCH_BYTES_MAX,
      bytesOf: ({ small }) => small.sizeBytes,
      run: (taken) => this.#commit(taken),
      crash: ({ crash }, defect) => crash(defect),
    });
  }

  put(small: SmallObject): Promise<Outcome> {
    return new Promise((settle, crash) => this.#batches.add({ small, settle, crash }));
  }

  /** Gives the pack in hand back, after the batch under way. The next one goes to whatever pack the pool chooses. */
  async rotate(): Promise<void> {
    await this.#batches.between(() => this.#hand.giveBack());
  }

  async #commit(taken: readonly Waiting[]): Promise<void> {
    const { catalog } = this.#deps;
    const room = await catalog.room();
    if (!room.ok) return await this.#failAll(taken, room.failure);
    const proofs = new Proofs(catalog, this.#deps.known, this.#deps.inUse);
    try {
      await this.#seek(proofs, taken);
      await this.#commitWith(proofs, taken);
    } finally {
      proofs.close();
    }
  }

  async #commitWith(proofs: Proofs, taken: readonly Waiting[]): Promise<void> {
    const { pool, sequences, space } = this.#deps;
    const leased = await this.#hand.take();
    if (!leased.ok) return await this.#failAll(taken, leased.failure);
    const pack = leased.value;
    const batch = this.#layOut(taken, pack, proofs);
    if (batch.parts.length === 0) return;

    const written = await pool.disk.write(pack.descriptor, batch.parts, pack.end);
    const synced = written.ok ? await pool.disk.sync(pack.descriptor) : written;
    if (synced.ok) return this.#settle(batch, pack);

    this.#hand.letGo();
    const numbers = [...batch.commits.values()].map(({ sequence }) => sequence);
    const onGone = (): void => {
      for (const sequence of numbers) sequences.settle(sequence);
    };
    const isGone = written.ok ? await pool.retire(pack, onGone) : await pool.withdraw(pack, onGone);
    if (!isGone) for (const sequence of numbers) sequences.doubt(sequence);
    const failure = await writeFailure(synced.failure, space);
    for (const { waiting } of batch.commits.values()) waiting.settle(fail(failure));
    for (const waiting of batch.followers) waiting.settle(fail(failure));
  }

  /** For what is known of these objects, which is referred to instead of written again. */
  async #seek(proofs: Proofs, taken: readonly Waiting[]): Promise<void> {
    for (const { small } of taken) {
      if (this.#deps.known.isTrusted) return;
      const { chunks, manifest } = small;
      for (const chunk of chunks) await proofs.seek("chunk", chunk.digest);
      await proofs.seek("manifest", manifest.digest);
    }
  }

  #layOut(taken: readonly Waiting[], pack: OpenPack, proofs: Proofs): Batch {
    const { end, recordCount } = pack;
    const batch: Batch = { parts: [], inserts: [], commits: new Map(), followers: [], end, recordCount };
    const chunks = new Set<Digest>();
    for (const waiting of taken) this.#layOutOne(waiting, pack, batch, chunks, proofs);
    return batch;
  }

  #layOutOne(waiting: Waiting, pack: OpenPack, batch: Batch, chunks: Set<Digest>, proofs: Proofs): void {
    const { catalog, cpu, keeping, sequences } = this.#deps;
    const { manifest, keepUntilMs } = waiting.small;
    const missing = waiting.small.chunks.filter((chunk) => !proofs.has("chunk", chunk.digest));
    const committed = proofs.has("manifest", manifest.digest) ? catalog.commitOf(manifest.digest) : undefined;
    if (committed !== undefined && keeping.holdsUntil(committed, keepUntilMs) && missing.length === 0) {
      waiting.settle(ok({ sequence: committed.sequence, known: true }));
      return;
    }
    const leader = batch.commits.get(manifest.digest);
    if (leader !== undefined) {
      // One that is to be held for longer than the first commits for itself.
      if (keepUntilMs <= leader.waiting.small.keepUntilMs) batch.followers.push(waiting);
      else this.#batches.putOff(waiting);
      return;
    }

    for (const chunk of missing) {
      const { digest, payload, digests } = chunk;
      if (chunks.has(digest)) continue;
      chunks.add(digest);
      const contents = { kind: "chunk", payload, digests } as const;
      const { entry, end } = layOutRecord(batch.parts, pack, batch.end, contents, cpu.digest);
      batch.inserts.push({ digest, entry });
      batch.end = end;
      batch.recordCount += 1;
    }
    const sequence = sequences.begin();
    const payload = [manifest.bytes];
    const commit = { sequence, isTransient: keeping.isTransient(manifest.digest, keepUntilMs) };
    const contents = { kind: "manifest", payload, digests: digestsOfNode(manifest, cpu), commit } as const;
    const { entry, end } = layOutRecord(batch.parts, pack, batch.end, contents, cpu.digest);
    batch.commits.set(manifest.digest, { ...commit, waiting, entry });
    batch.end = end;
    batch.recordCount += 1;
  }

  /** All of it is durable. */
  #settle({ inserts, commits, followers, end, recordCount }: Batch, pack: OpenPack): void {
    const { catalog, sequences } = this.#deps;
    pack.end = end;
    pack.recordCount = recordCount;
    pack.epoch += 1;
    for (const { digest, entry } of inserts) catalog.insert(digest, entry);
    for (const [manifest, { waiting, sequence, isTransient, entry }] of commits) {
      const { object, sizeBytes } = waiting.small;
      catalog.insertCommit({ sequence, manifest, object, sizeBytes, isTransient }, entry);
    }
    const { pack: number, mark, epoch } = pack;
    catalog.setPack({ pack: number, mark, checkpoint: end, epoch, recordCount, sealed: false });
    for (const { waiting, sequence } of commits.values()) {
      sequences.settle(sequence);
      waiting.settle(this.#chunksHold(waiting.small) ? ok({ sequence, known: false }) : fail(CHUNK_LOST));
    }
    for (const follower of followers) {
      const sequence = commits.get(follower.small.manifest.digest)?.sequence ?? 0;
      follower.settle(this.#chunksHold(follower.small) ? ok({ sequence, known: true }) : fail(CHUNK_LOST));
    }
  }

  /** What was known when the batch was laid out may have been found damaged during its sync. */
  #chunksHold({ chunks }: SmallObject): boolean {
    return chunks.every((chunk) => this.#deps.catalog.holds("chunk", chunk.digest));
  }

  async #failAll(taken: readonly Waiting[], failure: DiskFailure): Promise<void> {
    const answer = await writeFailure(failure, this.#deps.space);
    for (const { settle } of taken) settle(fail(answer));
  }
}

/**
 * One put to volumes, from its first chunk to its commit: every chunk is durable before the manifest is begun, and every node
 * before the root. So a commit that is found counts, whatever can be read of what it refers to.
 */
import type { Digest } from "#actors/domain/address.ts";
import { ackMargin } from "#actors/domain/erasure-profile.ts";
import type { ManifestLink } from "#actors/domain/manifest.ts";
import type { ManifestTree } from "#actors/domain/manifest-tree.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { marginOf } from "#actors/storage/catalog/holders.ts";
import type { Sequences } from "#actors/storage/catalog/sequences.ts";
import type { ChunkDigests } from "#actors/storage/chunks/chunk-digester.ts";
import type { InUse } from "#actors/storage/collection/in-use.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import { HOME_SLOT, slotOf } from "#actors/storage/packs/pack-number.ts";
import { LINK_LOST } from "#actors/storage/packs/pack-write.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import type { KnownRecords } from "#actors/storage/puts/known-records.ts";
import { Proofs } from "#actors/storage/puts/proofs.ts";
import type { Doubts } from "#actors/storage/spread/doubts.ts";
import type { Spread } from "#actors/storage/spread/spread.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Turns } from "#runtime/turns.ts";

export interface SpreadPutDeps {
  readonly spread: Spread;
  readonly catalog: Catalog;
  readonly sequences: Sequences;
  readonly doubts: Pick<Doubts, "failed">;
  readonly known: KnownRecords;
  readonly inUse: InUse;
  readonly keeping: Keeping;
  /** By manifest. */
  readonly commits: Turns<Digest>;
  /** Whether the volume has all that the catalog says, as far as anybody knows. */
  readonly isRecovered: (slot: number) => boolean;
}

/** What is committed. */
export interface SpreadObject {
  /** Undefined for ciphertext. */
  readonly object: Digest | undefined;
  readonly sizeBytes: number;
  readonly links: readonly ManifestLink[];
  readonly tree: ManifestTree;
}

export class SpreadPut {
  readonly #deps: SpreadPutDeps;
  readonly #keepUntilMs: number;
  readonly #proofs: Proofs;

  /** `keepUntilMs`: what the commit is to hold its object for; see `holdsUntil`. */
  constructor(deps: SpreadPutDeps, keepUntilMs: number) {
    this.#deps = deps;
    this.#keepUntilMs = keepUntilMs;
    this.#proofs = new Proofs(deps.catalog, deps.known, deps.inUse);
  }

  /** Writes the chunk unless it is known. Nothing reads `payload` any more when answered. */
  async putChunk(
    digest: Digest,
    payload: readonly Uint8Array[],
    digests: ChunkDigests,
  ): Promise<Result<void, DiskFailure>> {
    if (await this.#isKnown("chunk", digest)) return ok();
    const room = await this.#deps.catalog.room();
    if (!room.ok) return room;
    // From before it is in the catalog until its commit is: nothing refers to it meanwhile.
    this.#proofs.hold("chunk", digest);
    const written = await this.#deps.spread.putChunk(payload, digests, digest);
    if (written.ok) this.#proofs.prove("chunk", digest);
    return written.ok ? ok() : written;
  }

  async commit(
    object: SpreadObject,
  ): Promise<Result<{ readonly sequence: number; readonly known: boolean }, DiskFailure>> {
    return await this.#deps.commits.inTurn(object.tree.root.digest, () => this.#commit(object));
  }

  /** The put is over. To be called once. */
  close(): void {
    this.#proofs.close();
  }

  async #commit({
    object,
    sizeBytes,
    links,
    tree,
  }: SpreadObject): Promise<Result<{ readonly sequence: number; readonly known: boolean }, DiskFailure>> {
    const { catalog, doubts, keeping, sequences, spread } = this.#deps;
    const { inner, root } = tree;
    for (const { digest } of links) if (!(await this.#proofs.seek("chunk", digest))) return linkLost();
    const known = catalog.commitOf(root.digest);
    if (
      known !== undefined &&
      keeping.holdsUntil(known, this.#keepUntilMs) &&
      (await this.#areKnown([...inner, root]))
    ) {
      return ok({ sequence: known.sequence, known: true });
    }
    for (const node of inner) {
      if (await this.#isKnown("manifest", node.digest)) continue;
      this.#proofs.hold("manifest", node.digest);
      const written = await spread.putManifest(node);
      if (!written.ok) return written;
      this.#proofs.prove("manifest", node.digest);
    }
    const room = await catalog.room();
    if (!room.ok) return room;
    const sequence = sequences.begin();
    const isTransient = keeping.isTransient(root.digest, this.#keepUntilMs);
    const commit = { sequence, manifest: root.digest, object, sizeBytes, isTransient };
    const written = await spread.putManifest(root, commit);
    if (written.ok) sequences.settle(sequence);
    else doubts.failed(sequence);
    if (!written.ok) return written;
    // What it refers to may have been found damaged meanwhile.
    return links.every(({ digest }) => catalog.holds("chunk", digest)) ? ok({ sequence, known: false }) : linkLost();
  }

  async #areKnown(nodes: readonly { readonly digest: Digest }[]): Promise<boolean> {
    for (const { digest } of nodes) if (!(await this.#isKnown("manifest", digest))) return false;
    return true;
  }

  /**
   * Whether it is there with what it is acknowledged with. It may be left over of a removed object that is half collected, or
   * volumes may be away, or back and not recovered yet, who knows with how much less: then it is written again, as anything
   * new is.
   */
  async #isKnown(kind: RecordKind, digest: Digest): Promise<boolean> {
    const { catalog, isRecovered, spread } = this.#deps;
    if (!(await this.#proofs.seek(kind, digest))) return false;
    const current = catalog
      .served(kind, digest)
      .filter(
        ({ isOutdated, pack }) => isOutdated !== true && (slotOf(pack) === HOME_SLOT || isRecovered(slotOf(pack))),
      );
    const margin = marginOf(current);
    const [first] = current;
    if (first === undefined || margin < ackMargin(spread.profile)) return false;
    spread.reliedOn(first.shard?.chunkBytes ?? first.payloadBytes, margin);
    return true;
  }
}

function linkLost(): Result<never, DiskFailure> {
  return fail({ code: "disk.broken", path: "", errno: LINK_LOST });
}

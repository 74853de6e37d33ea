/**
 * Marks every record that a live commit needs: its manifest, the nodes below it, and their chunks.
 *
 * A removed object is live as long as it can be restored. One that nobody holds is removed here, and so is live until its
 * time in the trash is over. What cannot be read makes the whole walk worthless: there may be anything below it. Also where it
 * is damaged: its chunks are what makes it whole again when the object is put again, or its pack is put back.
 */
import type { Digest } from "#actors/domain/address.ts";
import { decodeManifest, decodeNode, type ManifestNode } from "#actors/domain/manifest.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry, Commit } from "#actors/storage/catalog/catalog-records.ts";
import { type CommitWalk, eachCommit } from "#actors/storage/catalog/commit-walk.ts";
import type { Marks } from "#actors/storage/collection/marks.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { type RecordKind, sizeOfRecord } from "#actors/storage/packs/record.ts";
import { readPayload } from "#actors/storage/packs/record-bytes.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Throttle } from "#runtime/throttle.ts";

export interface MarkWalkDeps extends CommitWalk {
  readonly catalog: Catalog;
  readonly files: PackFiles;
  readonly cpu: Pick<Cpu, "digest">;
  readonly keeping: Keeping;
  readonly marks: Marks;
  readonly throttle: Throttle;
}

export interface WalkReport {
  /** Objects that nobody held: they are removed now. */
  readonly removedCount: number;
  /** Why the marks are of no use; undefined if they are complete. */
  readonly blocked: string | undefined;
}

export class MarkWalk {
  readonly #deps: MarkWalkDeps;
  #removedCount = 0;
  #blocked: string | undefined;

  constructor(deps: MarkWalkDeps) {
    this.#deps = deps;
  }

  /**
   * To be called once. Every commit that is in the catalog by now is walked to; what is entered later, also behind where it is,
   * is younger than the walk.
   */
  async run(): Promise<WalkReport> {
    for await (const commit of eachCommit(this.#deps)) {
      await this.#markCommit(commit);
      if (this.#blocked !== undefined) break;
    }
    const blocked = this.#deps.isOver() ? "the life is over" : this.#blocked;
    return { removedCount: this.#removedCount, blocked };
  }

  async #markCommit(commit: Commit): Promise<void> {
    const { keeping } = this.#deps;
    if (keeping.fateOf(commit) === "loose") {
      const removed = await keeping.removeLoose(commit);
      if (!removed.ok) this.#blocked = `what nobody holds cannot be removed: ${removed.failure.code}`;
      else if (removed.value) this.#removedCount += 1;
    }
    if (keeping.fateOf(commit) === "buried") return;
    const bytes = await this.#read(commit.manifest);
    const root = bytes === undefined ? undefined : decodeManifest(bytes);
    if (root?.ok === true) await this.#markBelow(root.value);
  }

  async #markBelow({ linkKind, links }: Pick<ManifestNode, "linkKind" | "links">): Promise<void> {
    for (const { digest } of links) {
      if (linkKind === "chunk") this.#mark("chunk", digest);
      else {
        const bytes = await this.#read(digest);
        const node = bytes === undefined ? undefined : decodeNode(bytes);
        if (node?.ok === true) await this.#markBelow(node.value);
      }
      if (this.#blocked !== undefined) return;
    }
  }

  /** The bytes of a node, which is marked. Undefined where nothing can be said of what is below it. */
  async #read(digest: Digest): Promise<Uint8Array | undefined> {
    const { cpu, files, throttle } = this.#deps;
    // Of several copies one that cannot be read now may be whole.
    let mayBeWhole = false;
    for (const entry of this.#mark("manifest", digest)) {
      if (entry.damage === "differs") continue;
      await throttle.take(entry.payloadBytes);
      const read = await readPayload(files, digest, entry, cpu.digest);
      if (read.ok) return read.value;
      mayBeWhole ||= read.failure.code !== "storage.corrupt" || read.failure.errno !== undefined;
    }
    this.#blocked = `a manifest ${mayBeWhole ? "cannot be read" : "is damaged"}: ${digest}`;
    return undefined;
  }

  #mark(kind: RecordKind, digest: Digest): readonly CatalogEntry[] {
    const { catalog, marks } = this.#deps;
    const records = catalog.records(kind, digest);
    for (const entry of records) marks.add(entry.pack, entry.position, sizeOfRecord(entry));
    return records;
  }
}

/**
 * Which objects are damaged, once it is known which records are: walks from every commit to its records. Nothing of a
 * payload is read but manifests.
 */
import { addressOf, type Digest } from "#actors/domain/address.ts";
import { decodeManifest, decodeNode, type ManifestNode } from "#actors/domain/manifest.ts";
import type { DamagedObject } from "#actors/domain/scrub-facts.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { Commit } from "#actors/storage/catalog/catalog-records.ts";
import { type CommitWalk, eachCommit } from "#actors/storage/catalog/commit-walk.ts";
import { mayComeBack } from "#actors/storage/catalog/holders.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import { readPayload } from "#actors/storage/packs/record-bytes.ts";
import type { OnDamaged } from "#actors/storage/puts/known-records.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

/** Objects that are named; further ones are counted with the damaged records alone. */
export const DAMAGED_OBJECTS_MAX = 1000;

export interface DamageWalkDeps extends CommitWalk {
  readonly catalog: Catalog;
  readonly files: PackFiles;
  readonly cpu: Pick<Cpu, "digest">;
  readonly keeping: Keeping;
  readonly onDamaged: OnDamaged;
  /** A volume is not there, and nobody knows all that it holds. */
  readonly isLacking: () => boolean;
}

export class DamageWalk {
  readonly #deps: DamageWalkDeps;
  /** By the last walk of all: also of what there is no record that could be marked. */
  #isAnyDamaged = false;

  constructor(deps: DamageWalkDeps) {
    this.#deps = deps;
  }

  /** Oldest first. What is in the trash can be restored, and counts; what was given up for good does not. */
  async run(): Promise<readonly DamagedObject[]> {
    const damaged: DamagedObject[] = [];
    for await (const commit of eachCommit(this.#deps)) {
      const fate = this.#deps.keeping.fateOf(commit);
      if (fate !== "buried" && (await this.#isDamaged(commit.manifest)))
        damaged.push(named(commit, fate === "removed"));
      if (damaged.length === DAMAGED_OBJECTS_MAX) break;
    }
    this.#isAnyDamaged = damaged.length > 0;
    return damaged;
  }

  /** Of one object. Nothing is walked while no damage is known of any. */
  async hasDamaged(manifest: Digest): Promise<boolean> {
    const { catalog } = this.#deps;
    const mayBe = catalog.hasDamage || catalog.lacksRecords || this.#isAnyDamaged;
    return mayBe && (await this.#isDamaged(manifest));
  }

  async #isDamaged(manifest: Digest): Promise<boolean> {
    const bytes = await this.#read(manifest);
    if (bytes === undefined) return this.#isLost("manifest", manifest);
    const root = decodeManifest(bytes);
    return !root.ok || (await this.#isDamagedBelow(root.value));
  }

  async #isDamagedBelow({ linkKind, links }: Pick<ManifestNode, "linkKind" | "links">): Promise<boolean> {
    const { isOver, pause } = this.#deps;
    for (const { digest } of links) {
      await pause.ifDue();
      if (isOver()) return false;
      const bytes = linkKind === "chunk" ? undefined : await this.#read(digest);
      const node = bytes === undefined ? undefined : decodeNode(bytes);
      if (node === undefined) {
        if (this.#isLost(linkKind === "chunk" ? "chunk" : "manifest", digest)) return true;
      } else if (!node.ok || (await this.#isDamagedBelow(node.value))) return true;
    }
    return false;
  }

  /** There is no record that could give it back; what nobody has a record of may be on a volume that is not there. */
  #isLost(kind: RecordKind, digest: Digest): boolean {
    const { catalog, files, isLacking, isOver } = this.#deps;
    if (isOver()) return false;
    return !mayComeBack(catalog.records(kind, digest), (pack) => files.isThere(pack), isLacking());
  }

  /** Undefined where it cannot be had as it was stored. What is found damaged is marked. */
  async #read(digest: Digest): Promise<Uint8Array | undefined> {
    const { catalog, cpu, files, onDamaged } = this.#deps;
    for (const entry of catalog.served("manifest", digest)) {
      const read = await readPayload(files, digest, entry, cpu.digest);
      if (read.ok) return read.value;
      const { code, errno } = read.failure;
      if (code === "storage.corrupt") onDamaged(digest, entry, errno === undefined ? "differs" : "unreadable");
    }
    return undefined;
  }
}

function named({ manifest, object, sizeBytes }: Commit, isRemoved: boolean): DamagedObject {
  return { address: object && addressOf(object), manifest, sizeBytes, isRemoved };
}

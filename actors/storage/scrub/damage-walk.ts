/**
 * Which objects are damaged, once it is known which records are: walks from every commit to its records. Nothing of a
 * payload is read but manifests.
 */
import { addressOf, type Digest } from "#actors/domain/address.ts";
import { decodeManifest, decodeNode, type ManifestNode } from "#actors/domain/manifest.ts";
import type { Catalog } from "#actors/storage/catalog.ts";
import type { Commit } from "#actors/storage/catalog-records.ts";
import { type CommitWalk, eachCommit } from "#actors/storage/commit-walk.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { PackFiles } from "#actors/storage/pack-files.ts";
import type { DamagedObject } from "#actors/storage/protocol.ts";
import { readPayload } from "#actors/storage/record-bytes.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

/** Objects that are named; further ones are counted with the damaged records alone. */
export const DAMAGED_OBJECTS_MAX = 1000;

export interface DamageWalkDeps extends CommitWalk {
  readonly catalog: Catalog;
  readonly files: PackFiles;
  readonly cpu: Pick<Cpu, "digest">;
  readonly keeping: Keeping;
}

export class DamageWalk {
  readonly #deps: DamageWalkDeps;

  constructor(deps: DamageWalkDeps) {
    this.#deps = deps;
  }

  /** Oldest first. What was removed is left out: nobody can read it anyway. */
  async run(): Promise<readonly DamagedObject[]> {
    const damaged: DamagedObject[] = [];
    for await (const commit of eachCommit(this.#deps)) {
      const fate = this.#deps.keeping.fateOf(commit);
      const isDamaged = (fate === "kept" || fate === "loose") && (await this.#isDamaged(commit));
      if (isDamaged) damaged.push(named(commit));
      if (damaged.length === DAMAGED_OBJECTS_MAX) break;
    }
    return damaged;
  }

  async #isDamaged({ manifest }: Commit): Promise<boolean> {
    const bytes = await this.#read(manifest);
    const root = bytes === undefined ? undefined : decodeManifest(bytes);
    return root?.ok !== true || (await this.#isDamagedBelow(root.value));
  }

  async #isDamagedBelow({ linkKind, links }: Pick<ManifestNode, "linkKind" | "links">): Promise<boolean> {
    for (const { digest } of links) {
      if (linkKind === "chunk") {
        if (!this.#deps.catalog.holds("chunk", digest)) return true;
        continue;
      }
      const bytes = await this.#read(digest);
      const node = bytes === undefined ? undefined : decodeNode(bytes);
      if (node?.ok !== true || (await this.#isDamagedBelow(node.value))) return true;
    }
    return false;
  }

  /** Undefined where it cannot be had as it was stored. */
  async #read(digest: Digest): Promise<Uint8Array | undefined> {
    const { catalog, cpu, files } = this.#deps;
    for (const entry of catalog.served("manifest", digest)) {
      const read = await readPayload(files, digest, entry, cpu.digest);
      if (read.ok) return read.value;
    }
    return undefined;
  }
}

function named({ manifest, object, sizeBytes }: Commit): DamagedObject {
  return { address: object && addressOf(object), manifest, sizeBytes };
}

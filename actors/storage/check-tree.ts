/**
 * A tree is looked at before it is kept: it must be one, and all that it names must be stored here. So whatever follows
 * a tree from the top finds everything, as it was put.
 */
import { decodeTree, type TreeReference } from "#actors/domain/tree.ts";
import type { Catalog } from "#actors/storage/catalog.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { TreeRefused } from "#actors/storage/protocol.ts";

export interface CheckTreeDeps {
  readonly catalog: Catalog;
  readonly keeping: Keeping;
  readonly pause: Pause;
}

/** Undefined if it may be kept. */
export async function checkTree(parts: readonly Uint8Array[], deps: CheckTreeDeps): Promise<TreeRefused | undefined> {
  const references = decodeTree(Buffer.concat(parts));
  if (!references.ok) return { code: "storage.tree-refused", problem: references.failure.problem };
  for (const reference of references.value) {
    if (!isStored(reference, deps)) {
      return { code: "storage.tree-refused", problem: "not-stored", name: reference.name };
    }
    await deps.pause.ifDue();
  }
  return undefined;
}

/** Under this root, with this digest and size, intact and not removed. */
function isStored({ manifest, object, sizeBytes }: TreeReference, { catalog, keeping }: CheckTreeDeps): boolean {
  // A node inside a manifest has no sequence, and no commit has the sequence 0.
  const commit = catalog.commitAt(catalog.findIntact("manifest", manifest)?.sequence ?? 0);
  if (commit?.object !== object || commit.sizeBytes !== sizeBytes) return false;
  const fate = keeping.fateOf(commit);
  return fate === "kept" || fate === "loose";
}

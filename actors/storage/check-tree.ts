/**
 * A tree is looked at before it is kept: it must be one, and all that it names must be stored here. So whatever follows
 * a tree from the top finds everything, as it was put.
 */

import { decodeTree, type TreeReference } from "#actors/domain/tree.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { FOR_EVER } from "#actors/storage/keeps/keep.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import type { KeepFailure } from "#actors/storage/keeps/keeps.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { TreeRefused } from "#actors/storage/protocol.ts";

export interface CheckTreeDeps {
  readonly catalog: Catalog;
  readonly keeping: Keeping;
  readonly pause: Pause;
}

/** Undefined if it may be kept. What it names is held from then on, also what was put for a time, or let go. */
export async function checkTree(
  parts: readonly Uint8Array[],
  deps: CheckTreeDeps,
): Promise<TreeRefused | KeepFailure | undefined> {
  const references = decodeTree(Buffer.concat(parts));
  if (!references.ok) return { code: "storage.tree-refused", problem: references.failure.problem };
  for (const reference of references.value) {
    const held = await holdOn(reference, deps);
    if (held !== undefined) return held;
    await deps.pause.ifDue();
  }
  return undefined;
}

/** Under this root, with this digest and size, intact and not removed: pins it, where its own put does not hold it for good. */
async function holdOn(
  { manifest, name, object, sizeBytes }: TreeReference,
  { catalog, keeping }: CheckTreeDeps,
): Promise<TreeRefused | KeepFailure | undefined> {
  const notStored = { code: "storage.tree-refused", problem: "not-stored", name } as const;
  // A node inside a manifest has no sequence, and no commit has the sequence 0.
  const commit = catalog.commitAt(catalog.findIntact("manifest", manifest)?.sequence ?? 0);
  if (commit?.object !== object || commit.sizeBytes !== sizeBytes) return notStored;
  if (keeping.holdsUntil(commit, FOR_EVER)) return undefined;
  const pinned = await keeping.pin({ manifest });
  if (pinned.ok) return undefined;
  const { failure } = pinned;
  return failure.code === "storage.removed" || failure.code === "storage.manifest-not-found" ? notStored : failure;
}

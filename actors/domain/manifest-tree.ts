/**
 * From a flat list of chunks to the nodes of a manifest: leaves first, root last.
 *
 * Every node is filled before the next one is begun, so the tree is a function of the list alone and two writers of the
 * same object get the same root.
 */
import type { Digest } from "#actors/domain/address.ts";
import {
  DEPTH_MAX,
  encodeManifest,
  encodeNode,
  LINKS_MAX,
  type Manifest,
  type ManifestLink,
} from "#actors/domain/manifest.ts";
import { assert } from "#runtime/errors.ts";

/** Chunks that the deepest tree can hold. */
export const CHUNKS_MAX: number = LINKS_MAX ** DEPTH_MAX;

/** One encoded node: its bytes and their digest. */
export interface EncodedNode {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface ManifestTree {
  /** Every node below the root, children before parents. */
  readonly inner: readonly EncodedNode[];
  readonly root: EncodedNode;
}

/** What a manifest says beside its links. */
export type ManifestFacts = Omit<Manifest, "links" | "linkKind">;

export function buildManifestTree(
  facts: ManifestFacts,
  chunks: readonly ManifestLink[],
  digest: (bytes: Uint8Array) => Digest,
): ManifestTree {
  assert(chunks.length <= CHUNKS_MAX, "an object has no more chunks than a manifest can name");
  const inner: EncodedNode[] = [];
  let links = chunks;
  let linkKind: "chunk" | "node" = "chunk";
  while (links.length > LINKS_MAX) {
    const parents: ManifestLink[] = [];
    for (let from = 0; from < links.length; from += LINKS_MAX) {
      const children = links.slice(from, from + LINKS_MAX);
      const length = children.reduce((sum, child) => sum + child.length, 0);
      const bytes = encodeNode({ size: length, linkKind, links: children });
      const node = { digest: digest(bytes), bytes };
      inner.push(node);
      parents.push({ length, digest: node.digest });
    }
    links = parents;
    linkKind = "node";
  }
  const bytes = encodeManifest({ ...facts, linkKind, links });
  return { inner, root: { digest: digest(bytes), bytes } };
}

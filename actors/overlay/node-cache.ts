/**
 * Decoded manifest nodes by their digest, bounded by an estimate of their memory.
 *
 * What is in it was verified when it was read; a node never changes, so nothing in it can be stale.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { ManifestNode } from "#actors/domain/manifest.ts";
import { LruCache } from "#runtime/lru-cache.ts";

/** A node without links, with its place in the map. */
const NODE_BYTES = 256;
/** A link: an object of two fields and a string of 64 characters. */
const LINK_BYTES = 160;

export function nodeCache<Node extends ManifestNode>(bytesMax: () => number): LruCache<Digest, Node> {
  return new LruCache(bytesMax, ({ links }) => NODE_BYTES + LINK_BYTES * links.length);
}

/**
 * Decoded manifest nodes by their digest, the least recently used out first, bounded by an estimate of their memory.
 *
 * What is in it was verified when it was read; a node never changes, so nothing in it can be stale.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { ManifestNode } from "#actors/domain/manifest.ts";

/** A node without links, with its place in the map. */
const NODE_BYTES = 256;
/** A link: an object of two fields and a string of 64 characters. */
const LINK_BYTES = 160;

export class NodeCache<Node extends ManifestNode> {
  readonly #nodes = new Map<Digest, Node>();
  readonly #bytesMax: () => number;
  #bytes = 0;

  /** `bytesMax` is asked at every insertion, because the configuration may change. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(digest: Digest): Node | undefined {
    const node = this.#nodes.get(digest);
    if (node === undefined) return undefined;
    this.#nodes.delete(digest);
    this.#nodes.set(digest, node);
    return node;
  }

  delete(digest: Digest): void {
    const node = this.#nodes.get(digest);
    if (node === undefined) return;
    this.#nodes.delete(digest);
    this.#bytes -= estimate(node);
  }

  set(digest: Digest, node: Node): void {
    if (this.#nodes.has(digest)) return;
    this.#nodes.set(digest, node);
    this.#bytes += estimate(node);
    for (const [oldest, { links }] of this.#nodes) {
      if (this.#bytes <= this.#bytesMax()) return;
      this.#nodes.delete(oldest);
      this.#bytes -= estimate({ links });
    }
  }
}

function estimate({ links }: Pick<ManifestNode, "links">): number {
  return NODE_BYTES + LINK_BYTES * links.length;
}

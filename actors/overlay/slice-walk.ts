/**
 * The chunk slices that make a part of an object, in order, found by walking its manifest from the root.
 *
 * Lazy: a node is asked for when the walk reaches it, never one that lies outside the part. At most `DEPTH_MAX` nodes
 * are held at a time.
 */

import type { Extent } from "#actors/domain/byte-range.ts";
import { DEPTH_MAX, type ManifestLink, type ManifestNode } from "#actors/domain/manifest.ts";
import { corrupt, type ManifestReader, type ReadFailure } from "#actors/overlay/manifest-reader.ts";
import type { ChunkSlice } from "#actors/storage/protocol.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

/** A node under way: `next` is the link to be visited next, `at` the byte of the object where it begins. */
interface Step {
  readonly node: ManifestNode;
  next: number;
  at: number;
}

export class SliceWalk {
  readonly #nodes: Pick<ManifestReader, "node">;
  readonly #firstByte: number;
  readonly #endByte: number;
  readonly #path: Step[];

  constructor(root: ManifestNode, { firstByte, lengthBytes }: Extent, nodes: Pick<ManifestReader, "node">) {
    this.#nodes = nodes;
    this.#firstByte = firstByte;
    this.#endByte = firstByte + lengthBytes;
    this.#path = [{ node: root, next: 0, at: 0 }];
  }

  /** The next slices, 1 … `slicesMax` of them; none when the part is complete. */
  async next(slicesMax: number, within: Within): Promise<Result<readonly ChunkSlice[], ReadFailure>> {
    const slices: ChunkSlice[] = [];
    for (let step = this.#path.at(-1); step !== undefined; step = this.#path.at(-1)) {
      const link = step.at < this.#endByte ? step.node.links[step.next] : undefined;
      if (link === undefined) {
        this.#path.pop();
        continue;
      }
      if (step.at + link.length > this.#firstByte) {
        if (step.node.linkKind === "chunk") {
          slices.push(this.#slice(link, step.at));
        } else if (slices.length > 0) {
          // What was found is read first: the next node may never be wanted.
          return ok(slices);
        } else {
          if (this.#path.length >= DEPTH_MAX) return corrupt(link.digest);
          const node = await this.#nodes.node(link.digest, link.length, within);
          if (!node.ok) return node;
          this.#path.push({ node: node.value, next: 0, at: step.at });
        }
      }
      step.next += 1;
      step.at += link.length;
      if (slices.length >= slicesMax) break;
    }
    return ok(slices);
  }

  #slice({ digest, length }: ManifestLink, at: number): ChunkSlice {
    const offset = Math.max(0, this.#firstByte - at);
    return { chunk: digest, offset, lengthBytes: Math.min(length, this.#endByte - at) - offset };
  }
}

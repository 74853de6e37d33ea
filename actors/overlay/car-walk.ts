/**
 * The blocks of a manifest in the order of a CAR: every node before what it links to, links in their order, each as often
 * as it is linked to.
 *
 * At most `DEPTH_MAX` nodes are held at a time. Chunks are only named: their bytes are the source's business.
 */
import type { Digest } from "#actors/domain/address.ts";
import { DEPTH_MAX, decodeNode, type ManifestNode } from "#actors/domain/manifest.ts";
import { corrupt, type ManifestReader, type ReadFailure } from "#actors/overlay/manifest-reader.ts";
import type { ManifestNotFound } from "#actors/storage/protocol.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

/** The root is not held; whatever it links to is damage where it is not. */
export type WalkFailure = ReadFailure | ManifestNotFound;

export type CarBlock =
  | { readonly kind: "node"; readonly digest: Digest; readonly bytes: Uint8Array }
  | { readonly kind: "chunk"; readonly digest: Digest; readonly lengthBytes: number };

/** A node under way: `next` is the link to be visited next. */
interface Step {
  readonly node: ManifestNode;
  next: number;
}

export class CarWalk {
  readonly #root: Digest;
  readonly #nodes: Pick<ManifestReader, "bytes">;
  #path: Step[] | undefined;

  constructor(root: Digest, nodes: Pick<ManifestReader, "bytes">) {
    this.#root = root;
    this.#nodes = nodes;
  }

  /** The next block; undefined after the last one. */
  async next(within: Within): Promise<Result<CarBlock | undefined, WalkFailure>> {
    if (this.#path === undefined) return await this.#enter([], this.#root, undefined, within);
    const path = this.#path;
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const link = step.node.links[step.next];
      if (link === undefined) {
        path.pop();
        continue;
      }
      step.next += 1;
      const { digest, length } = link;
      if (step.node.linkKind === "chunk") return ok({ kind: "chunk", digest, lengthBytes: length });
      return path.length >= DEPTH_MAX ? corrupt(digest) : await this.#enter(path, digest, length, within);
    }
    return ok(undefined);
  }

  async #enter(
    path: Step[],
    digest: Digest,
    sizeBytes: number | undefined,
    within: Within,
  ): Promise<Result<CarBlock, WalkFailure>> {
    const bytes = await this.#nodes.bytes(digest, within);
    if (!bytes.ok) {
      const isBelow = path.length > 0 && bytes.failure.code === "storage.manifest-not-found";
      return isBelow ? corrupt(digest) : bytes;
    }
    const node = decodeNode(bytes.value);
    if (!node.ok || (sizeBytes !== undefined && node.value.size !== sizeBytes)) return corrupt(digest);
    this.#path = path;
    path.push({ node: node.value, next: 0 });
    return ok({ kind: "node", digest, bytes: bytes.value });
  }
}

/**
 * The chunks that the root of a private object names, read from its manifest as they are needed: at most one node of
 * every level is in memory. A node of the manifest is believed when it hashes to the digest that it was asked for by.
 */
import type { Blake3 } from "#client/blake3.ts";
import { type ManifestLink, type ManifestNode, NODE_BYTES_MAX, readNode } from "#client/manifest.ts";
import { bytesDiffer, notPrivate } from "#client/private-errors.ts";
import { CHUNK_BYTES, PRIVATE_FORMAT } from "#client/private-format.ts";

/** Levels of nodes in a manifest. */
export const LEVELS_MAX = 4;

/** The bytes of the manifest node `digest`, as they come: `GET /m/<digest>`. */
export type NodeReader = (digest: string) => AsyncIterable<Uint8Array>;

export class ChunkList {
  readonly #root: ManifestNode;
  readonly #read: (digest: string) => Promise<ManifestNode>;

  private constructor(root: ManifestNode, read: (digest: string) => Promise<ManifestNode>) {
    this.#root = root;
    this.#read = read;
  }

  /** Reads the root. Throws `client.bytes-differ` and `client.not-private`. */
  static async open(root: string, readBytes: NodeReader, blake3: Blake3): Promise<ChunkList> {
    const read = async (digest: string): Promise<ManifestNode> => {
      const bytes = await collect(readBytes(digest));
      if (bytes === undefined || blake3(bytes) !== digest) throw bytesDiffer("the manifest");
      const node = readNode(bytes);
      if (node === undefined || !node.links.every((link) => isLinkOf(node, link))) throw notPrivate(root);
      return node;
    };
    const node = await read(root);
    if (node.format !== PRIVATE_FORMAT || node.size === 0) throw notPrivate(root);
    return new ChunkList(node, read);
  }

  /** Chunks in all, at least one. */
  get count(): number {
    return this.#root.size / CHUNK_BYTES;
  }

  /** The digests of the chunks from `first` to the end, in order. */
  digestsFrom(first: number): AsyncGenerator<string> {
    return this.#below(this.#root, first, 1);
  }

  async *#below(node: ManifestNode, first: number, level: number): AsyncGenerator<string> {
    let skip = first;
    for (const { length, digest } of node.links) {
      const count = length / CHUNK_BYTES;
      if (skip >= count) {
        skip -= count;
        continue;
      }
      if (node.kind === "chunk") yield digest;
      else {
        const child = await this.#read(digest);
        if (child.size !== length || level === LEVELS_MAX) throw notPrivate(digest);
        yield* this.#below(child, skip, level + 1);
      }
      skip = 0;
    }
  }
}

/** Undefined when it is too long for a node, whatever its digest. */
async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(NODE_BYTES_MAX);
  let length = 0;
  for await (const piece of source) {
    if (length + piece.length > bytes.length) return undefined;
    bytes.set(piece, length);
    length += piece.length;
  }
  return bytes.subarray(0, length);
}

/** Every chunk has the same length, so a link to nodes says how many chunks are below. */
function isLinkOf({ kind }: ManifestNode, { length }: ManifestLink): boolean {
  return kind === "chunk" ? length === CHUNK_BYTES : length % CHUNK_BYTES === 0;
}

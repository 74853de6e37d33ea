/** Walking the manifest of ciphertext, through nodes that the store's own code has made. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { encodeManifest, encodeNode, type ManifestLink } from "#actors/domain/manifest.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { digestOf as hash } from "#cli/digest.ts";
import { ChunkList, LEVELS_MAX } from "#client/chunk-list.ts";
import { NODE_BYTES_MAX } from "#client/manifest.ts";
import { CHUNK_BYTES } from "#client/private-format.ts";
import { CepaError } from "#client/wire.ts";
import { digestOf } from "#runtime/pool/blake3.ts";

const facts = { chunker: "fixed/1", object: undefined, enc: { format: "cepa-private/1" } };

class Nodes {
  readonly bytes: Map<string, Uint8Array> = new Map();
  readonly asked: string[] = [];

  add(bytes: Uint8Array): Digest {
    const digest = digestFromBytes(digestOf(bytes));
    this.bytes.set(digest, bytes);
    return digest;
  }

  open(root: string): Promise<ChunkList> {
    const read = (digest: string): AsyncIterable<Uint8Array> => this.#read(digest);
    return ChunkList.open(root, read, hash);
  }

  async *#read(digest: string): AsyncGenerator<Uint8Array> {
    this.asked.push(digest);
    yield this.bytes.get(digest) ?? new Uint8Array();
  }
}

function chunks(count: number): readonly ManifestLink[] {
  return Array.from({ length: count }, (_, index) => ({
    length: CHUNK_BYTES,
    digest: hash(Buffer.from(String(index))) as Digest,
  }));
}

function plant(count: number): {
  readonly nodes: Nodes;
  readonly root: Digest;
  readonly links: readonly ManifestLink[];
} {
  const nodes = new Nodes();
  const links = chunks(count);
  const tree = buildManifestTree({ ...facts, size: count * CHUNK_BYTES }, links, (bytes) => nodes.add(bytes));
  return { nodes, root: tree.root.digest, links };
}

async function digestsFrom(list: ChunkList, first: number): Promise<readonly string[]> {
  const digests: string[] = [];
  for await (const digest of list.digestsFrom(first)) digests.push(digest);
  return digests;
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    assert(error instanceof CepaError, String(error));
    return error.code;
  }
  return "none";
}

describe("chunk list: digestsFrom", () => {
  const planted = [1, 1024, 1025, 2500].map(plant);

  it("names the chunks from any one on, in one level and in two", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...planted), fc.nat(), async ({ nodes, root, links }, seed) => {
        const first = seed % (links.length + 1);
        const list = await nodes.open(root);

        assert.equal(list.count, links.length);
        assert.deepEqual(
          await digestsFrom(list, first),
          links.slice(first).map(({ digest }) => digest),
        );
      }),
    );
  });

  it("reads no node that it does not need", async () => {
    const { nodes, root } = plant(5000);

    const list = await nodes.open(root);
    await digestsFrom(list, 4999);

    assert.equal(nodes.asked.length, 2);
  });

  it("fails where a node below the root is another", async () => {
    const { nodes, root } = plant(2500);
    const list = await nodes.open(root);
    const [inner = ""] = [...nodes.bytes.keys()];
    nodes.bytes.set(inner, encodeNode({ size: CHUNK_BYTES, linkKind: "chunk", links: chunks(1) }));

    assert.equal(await codeOf(digestsFrom(list, 0)), "client.bytes-differ");
    assert.equal((await digestsFrom(list, 1024)).length, 2500 - 1024);
  });

  it(`reads ${LEVELS_MAX} levels of nodes, and refuses one more`, async () => {
    for (const levels of [LEVELS_MAX, LEVELS_MAX + 1]) {
      const nodes = new Nodes();
      let link = chunks(1)[0];
      assert(link !== undefined);
      for (let level = 1; level < levels; level += 1) {
        const linkKind = level === 1 ? "chunk" : "node";
        link = { length: CHUNK_BYTES, digest: nodes.add(encodeNode({ size: CHUNK_BYTES, linkKind, links: [link] })) };
      }
      const root = nodes.add(encodeManifest({ ...facts, size: CHUNK_BYTES, linkKind: "node", links: [link] }));
      const list = await nodes.open(root);

      const code = await codeOf(digestsFrom(list, 0));

      assert.equal(code, levels > LEVELS_MAX ? "client.not-private" : "none");
    }
  });

  it("refuses a node of another length than its link says", async () => {
    const nodes = new Nodes();
    const inner = nodes.add(encodeNode({ size: CHUNK_BYTES, linkKind: "chunk", links: chunks(1) }));
    const links = [{ length: 2 * CHUNK_BYTES, digest: inner }];
    const root = nodes.add(encodeManifest({ ...facts, size: 2 * CHUNK_BYTES, linkKind: "node", links }));

    assert.equal(await codeOf(digestsFrom(await nodes.open(root), 0)), "client.not-private");
  });
});

describe("chunk list: open", () => {
  it("refuses the manifest of another root, and one that is an object's", async () => {
    const { nodes, root } = plant(3);
    const other = plant(4);
    const object = encodeManifest({ ...facts, object: root, size: CHUNK_BYTES, linkKind: "chunk", links: chunks(1) });
    nodes.bytes.set(other.root, nodes.bytes.get(root) ?? new Uint8Array());

    assert.equal(await codeOf(nodes.open(other.root)), "client.bytes-differ");
    assert.equal(await codeOf(nodes.open("0".repeat(64))), "client.bytes-differ");
    assert.equal(await codeOf(nodes.open(nodes.add(object))), "client.not-private");
  });

  it(`reads no more than ${NODE_BYTES_MAX} bytes of a node, whatever their digest is`, async () => {
    const nodes = new Nodes();

    const codes = [];
    for (const length of [NODE_BYTES_MAX, NODE_BYTES_MAX + 1]) {
      codes.push(await codeOf(nodes.open(nodes.add(new Uint8Array(length)))));
    }

    assert.deepEqual(codes, ["client.not-private", "client.bytes-differ"]);
  });
});

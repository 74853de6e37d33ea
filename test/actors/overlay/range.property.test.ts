/** Every part of every object, however it is cut and read, against `Buffer.subarray`. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { type ByteRange, extentOf } from "#actors/domain/byte-range.ts";
import { encodeNode, type ManifestLink, type ManifestNode } from "#actors/domain/manifest.ts";
import { SliceWalk } from "#actors/overlay/slice-walk.ts";
import type { ChunkSlice } from "#actors/storage/protocol.ts";
import { assert as must, ok } from "#runtime/errors.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import { bytesOf, pass, readAll, startOverlay, within } from "#test/actors/overlay/start-overlay.ts";

const ranges: fc.Arbitrary<ByteRange> = fc.oneof(
  fc.record({ first: fc.nat(400), last: fc.option(fc.nat(400), { nil: undefined }) }, { noNullPrototype: true }),
  fc.record({ suffix: fc.nat(400) }, { noNullPrototype: true }),
);

/** What the range means, said another way: as the list of positions that it contains. */
function model(bytes: Buffer, range: ByteRange): Buffer {
  const positions = [...bytes.keys()].filter((at) =>
    "suffix" in range ? at >= bytes.length - range.suffix : at >= range.first && at <= (range.last ?? bytes.length),
  );
  return Buffer.from(positions.map((at) => bytes.readUInt8(at)));
}

describe("overlay: ranges", () => {
  it("are the same bytes as those of a buffer, or unsatisfiable where a buffer has none (OVL-4)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 6 }),
        fc.nat(30),
        fc.array(ranges, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        async (cuts, rest, asked, bufferBytes, readBytesMax) => {
          const bytes = bytesOf(cuts.reduce((sum, cut) => sum + cut, rest));
          const overlay = await startOverlay();
          overlay.fake.readBytesMax = readBytesMax;
          const { address } = overlay.fake.store(bytes, cuts);
          await pass(overlay, 10_000);

          for (const range of [undefined, ...asked]) {
            const expected = range === undefined ? bytes : model(bytes, range);
            const got = await overlay.ref.call("get", { address, range }, within);
            if (range !== undefined && expected.length === 0) {
              const failure = { code: "overlay.range-unsatisfiable", sizeBytes: bytes.length };
              assert.deepEqual(got, { ok: false, failure });
              continue;
            }
            assert(got.ok);
            assert.equal(got.value.lengthBytes, expected.length);
            assert.deepEqual(await readAll(got.value.body, bufferBytes), {
              bytes: expected,
              failure: undefined,
            });
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are resolved for sizes that no test could store", () => {
    const sizeBytes = Number.MAX_SAFE_INTEGER;

    const last = extentOf({ first: sizeBytes - 1 }, sizeBytes);
    const past = extentOf({ first: sizeBytes }, sizeBytes);

    assert.deepEqual(last, { firstByte: sizeBytes - 1, lengthBytes: 1 });
    assert.equal(past, undefined);
  });
});

/** Chunk lengths, or subtrees: unbalanced on purpose, as a manifest from elsewhere may be. */
interface Tree {
  readonly children: readonly (number | Tree)[];
}

const leaves = fc.record({ children: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }) });
const nodesOver = (below: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> =>
  fc.record({ children: fc.array(below, { minLength: 1, maxLength: 4 }) });
const trees: fc.Arbitrary<Tree> = fc.oneof(leaves, nodesOver(leaves), nodesOver(nodesOver(leaves)));

interface Grown {
  readonly root: ManifestNode;
  readonly nodes: Map<Digest, ManifestNode>;
  /** Every chunk as often as it has bytes: `chunk:offset` for every byte of the object. */
  readonly bytes: string[];
}

function grow(tree: Tree): Grown {
  const nodes = new Map<Digest, ManifestNode>();
  const bytes: string[] = [];
  const build = ({ children }: Tree): ManifestNode => {
    const links: ManifestLink[] = children.map((child) => {
      if (typeof child !== "number") {
        const node = build(child);
        // Equal subtrees would share a digest, and with it everything below: what a walk must survive too.
        const name = digest(encodeNode(node));
        nodes.set(name, node);
        return { length: node.size, digest: name };
      }
      const name = digestFromBytes(bytesOf(32, bytes.length + 1));
      for (let offset = 0; offset < child; offset += 1) bytes.push(`${name}:${offset}`);
      return { length: child, digest: name };
    });
    const size = links.reduce((sum, { length }) => sum + length, 0);
    return { size, linkKind: typeof children[0] === "number" ? "chunk" : "node", links };
  };
  return { root: build(tree), nodes, bytes };
}

describe("overlay: walking a manifest", () => {
  it("names every byte of the part once, in order, in non-empty slices, and loads no node outside it", async () => {
    await fc.assert(
      fc.asyncProperty(
        trees,
        fc.nat(200),
        fc.nat(200),
        fc.integer({ min: 1, max: 5 }),
        async (tree, from, span, max) => {
          const { root, nodes, bytes } = grow(tree);
          const firstByte = from % root.size;
          const lengthBytes = 1 + (span % (root.size - firstByte));
          let loads = 0;
          const node = async (name: Digest) => {
            loads += 1;
            const found = nodes.get(name);
            must(found !== undefined, "a walk asks for nodes of its tree only");
            return ok(found);
          };
          const walk = new SliceWalk(root, { firstByte, lengthBytes }, { node });
          const never = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

          const walked: ChunkSlice[] = [];
          for (;;) {
            const slices = await walk.next(max, never);
            assert(slices.ok);
            assert(slices.value.length <= max);
            if (slices.value.length === 0) break;
            walked.push(...slices.value);
          }

          const named = walked.flatMap(({ chunk, offset, lengthBytes: length }) => {
            assert(length > 0);
            return Array.from({ length }, (_, at) => `${chunk}:${offset + at}`);
          });
          assert.deepEqual(named, bytes.slice(firstByte, firstByte + lengthBytes));
          assert(loads <= countOverlapping(root, nodes, 0, firstByte, firstByte + lengthBytes));
        },
      ),
      { numRuns: 300 },
    );
  });
});

function countOverlapping(
  node: ManifestNode,
  nodes: Map<Digest, ManifestNode>,
  at: number,
  from: number,
  to: number,
): number {
  if (node.linkKind === "chunk") return 0;
  let count = 0;
  let begin = at;
  for (const link of node.links) {
    const child = nodes.get(link.digest);
    if (child !== undefined && begin < to && begin + link.length > from) {
      count += 1 + countOverlapping(child, nodes, begin, from, to);
    }
    begin += link.length;
  }
  return count;
}

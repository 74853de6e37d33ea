/** Trees: the published vectors, and the node's reader against the client's, which share no code. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { decodeTree as decodeInNode, NAME_BYTES_MAX, TREE_BYTES_MAX } from "#actors/domain/tree.ts";
import { compareNames, cutEntries, decodeTree, encodeTree, type Tree, type TreeEntry } from "#client/tree.ts";
import { makeVectors, publishedVectors } from "#test/actors/domain/tree-vectors.ts";
import { verdicts } from "#test/actors/domain/tree-verdicts.ts";

const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const names = fc
  .oneof(fc.string({ unit: "grapheme", maxLength: 40 }), fc.string({ unit: "binary", maxLength: 60 }))
  .filter((name) => name.isWellFormed() && Buffer.byteLength(name) <= NAME_BYTES_MAX)
  .filter((name) => name !== "" && name !== "." && name !== ".." && !/[/\0]|^\ufeff/.test(name));
const stored = { address: hex.map((digits) => `b3:${digits}`), manifest: hex };
const entry: fc.Arbitrary<TreeEntry> = fc.oneof(
  fc.record(
    {
      kind: fc.constantFrom("file", "dir"),
      name: names,
      mode: fc.nat(0o7777),
      ...stored,
      size: fc.nat(TREE_BYTES_MAX),
    },
    { noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant("symlink"), name: names, target: names }, { noNullPrototype: true }),
);
const directories = fc
  .uniqueArray(entry, { selector: ({ name }) => name, maxLength: 12 })
  .map((entries) => entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))));

describe("trees: the published vectors", () => {
  it("are those that their generator writes", () => {
    assert.deepEqual(publishedVectors(), JSON.parse(JSON.stringify(makeVectors())));
  });

  for (const { what, hex: digits, tree, problem } of publishedVectors()) {
    it(`${problem === undefined ? "are taken" : "are refused"}: ${what}`, () => {
      const bytes = Buffer.from(digits, "hex");

      const { node, client } = verdicts(bytes);

      assert.deepEqual(decodeTree(bytes), tree ?? problem);
      assert.deepEqual(node, client);
      if (tree !== undefined) assert.deepEqual(Buffer.from(encodeTree(tree as Tree)), bytes);
    });
  }
});

describe("trees: encodeTree and decodeTree", () => {
  it("are each other's inverse, and the node finds in it what it refers to", () => {
    fc.assert(
      fc.property(directories, (entries) => {
        const bytes = encodeTree({ entries });

        assert.deepEqual(decodeTree(bytes), { entries });
        assert.deepEqual(Buffer.from(dagCbor.encode(dagCbor.decode(bytes))), Buffer.from(bytes), "it is DAG-CBOR");
        const { node, client } = verdicts(bytes);
        assert.deepEqual(node, client);
        assert.notEqual(typeof node, "string");
      }),
      { numRuns: 300 },
    );
  });

  it("judge whatever becomes of a tree as the node does, and never take it for the same", () => {
    fc.assert(
      fc.property(directories, fc.nat(), fc.integer({ min: 1, max: 255 }), (entries, place, change) => {
        const bytes = encodeTree({ entries });
        const at = place % bytes.length;
        const damaged = bytes.map((byte, index) => (index === at ? byte ^ change : byte));

        const { node, client } = verdicts(damaged);

        // Where more than one thing is wrong each says what it has come upon.
        if (typeof node !== "string" || typeof client !== "string") assert.deepEqual(node, client);
        const decoded = decodeTree(damaged);
        if (typeof decoded !== "string") assert.notDeepEqual(decoded, { entries });
        assert.equal(typeof decodeTree(bytes.subarray(0, at)), "string");
      }),
      { numRuns: 2000 },
    );
  });

  it("take a tree of the longest length, and none of one byte more", () => {
    const longest = treeOf(TREE_BYTES_MAX);

    assert.equal(longest.length, TREE_BYTES_MAX);
    assert.notEqual(typeof decodeTree(longest), "string");
    assert.deepEqual(verdicts(treeOf(TREE_BYTES_MAX + 1)), { node: "too-large", client: "too-large" });
    assert.equal(decodeInNode(longest).ok, true);
  });
});

describe("trees: cutEntries", () => {
  it("cuts into runs that fit, in order, with nothing lost, and no more than it must", () => {
    fc.assert(
      fc.property(directories, fc.integer({ min: 700, max: 3000 }), (entries, bytesMax) => {
        const runs = cutEntries(entries, bytesMax);

        assert.deepEqual(runs.flat(), entries);
        for (const run of runs) assert(encodeTree({ entries: run }).length <= bytesMax);
        if (encodeTree({ entries }).length <= bytesMax - 64) assert.equal(runs.length, 1);
      }),
    );
  });

  it("agrees with Buffer on the order of names", () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        assert.equal(Math.sign(compareNames(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});

/** Of exactly so many bytes: symbolic links, the last of which fills up. */
function treeOf(sizeBytes: number): Uint8Array {
  const links = (count: number, rest: number): TreeEntry[] =>
    Array.from({ length: count }, (_, index) => {
      const target = "t".repeat(index === count - 1 ? rest : 4095);
      return { kind: "symlink", name: String(index).padStart(4, "0"), target };
    });
  for (let count = 200; count < 256; count += 1) {
    const rest = 300 + sizeBytes - encodeTree({ entries: links(count, 300) }).length;
    if (rest >= 256 && rest <= 4095) return encodeTree({ entries: links(count, rest) });
  }
  return assert.fail(`no tree of ${sizeBytes} bytes`);
}

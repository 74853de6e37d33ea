/** Manifests, in canonical DAG-CBOR: what was read is written back as it was, and the client reads the same. */
import assert from "node:assert/strict";
import { digestFromBytes } from "#actors/domain/address.ts";
import { decodeDag } from "#actors/domain/dag.ts";
import { decodeManifest, decodeNode, encodeManifest, encodeNode, type Manifest } from "#actors/domain/manifest.ts";
import { readDag } from "#client/dag.ts";
import { readNode } from "#client/manifest.ts";
import { filled } from "#test/fuzz/bytes.ts";
import { readCanonicalDag } from "#test/fuzz/readers/dag-model.ts";
import type { Target } from "#test/fuzz/target.ts";

const digest = (seed: number) => digestFromBytes(filled(seed));
const link = (seed: number) => ({ length: seed + 1, digest: digest(seed) });
const plain: Manifest = { size: 3, linkKind: "chunk", links: [link(2)], chunker: "gear-nc2/1", object: digest(1) };
const inner: Manifest = { ...plain, size: 15, linkKind: "node", links: [link(4), link(9)] };
const seeds = [
  ...[
    plain,
    inner,
    { ...plain, size: 0, links: [], mediaType: "text/plain", meta: { a: 1, b: "c", d: true } },
    { ...plain, object: undefined, enc: { format: "cepa-private/1" } },
  ].map(encodeManifest),
  encodeNode(inner),
];

const manifest: Target = {
  name: "manifest",
  seeds,
  words: ["links", "object", "chunker", "size", "mediaType", "meta", "enc", "\xd8\x2a\x58\x25\x00\x01\x55\x1e\x20"],
  check(input) {
    const root = decodeManifest(input);
    if (root.ok) assert.deepEqual(decodeManifest(encodeManifest(root.value)), root);
    const node = decodeNode(input);
    if (node.ok) assert.deepEqual(decodeNode(encodeNode(node.value)), node);
    const inClient = readNode(input);
    const isOurs =
      root.ok &&
      root.value.meta === undefined &&
      root.value.enc === undefined &&
      Buffer.compare(encodeManifest(root.value), input) === 0;
    // Of fields that nobody knows it takes fewer: no links but ours, no number past 2^53, and none so deep.
    if (isOurs) assert(inClient !== undefined, "what the node writes the client reads");
    if (inClient === undefined || !node.ok) return;
    const { size, linkKind, links } = node.value;
    const { size: sizeThere, kind, links: linksThere } = inClient;
    assert.deepEqual({ size: sizeThere, linkKind: kind, links: linksThere }, { size, linkKind, links });
  },
};

/** Of the same values in other spellings: a longer head, keys out of order, a whole number as a float, a list without an end. */
const OTHERS = ["1801", "a2616201616102", "fb3ff0000000000000", "9f01ff", "f90000", "a2616101616102"];
/** Of the values that both can have. */
const dag: Target = {
  name: "canonical DAG-CBOR",
  seeds: [
    ...seeds,
    "80",
    "a0",
    "f6",
    "fb3ff8000000000000",
    "1bffffffffffffffff",
    "826161f5",
    "a26161016162820304",
    ...OTHERS,
  ].map((seed) => (typeof seed === "string" ? new Uint8Array(Buffer.from(seed, "hex")) : seed)),
  check(input) {
    const inNode = decodeDag(input);
    const second = readCanonicalDag(input);
    assert.equal(inNode !== undefined, second, "one reader takes what the other does not");
    // The client takes other spellings as well, but nothing of ours that the node does not.
    if (inNode !== undefined && second) readDag(input);
  },
};

export const TARGETS: readonly Target[] = [manifest, dag];

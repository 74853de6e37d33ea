/** The cache of manifest nodes: bounded, and the least recently used out first. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import type { ManifestNode } from "#actors/domain/manifest.ts";
import { nodeCache } from "#actors/overlay/node-cache.ts";

const name = (number: number) => digestFromBytes(new Uint8Array(32).fill(number));
const node: ManifestNode = { size: 0, linkKind: "chunk", links: [] };
const nodeWith = (links: number): ManifestNode => ({
  ...node,
  links: Array.from({ length: links }, () => ({ length: 1, digest: name(0) })),
});

describe("overlay: the cache of manifest nodes", () => {
  it("holds what fits, at the limit and not one past it", () => {
    const cache = nodeCache(() => 512);

    cache.set(name(1), node);
    cache.set(name(2), node);
    assert.equal(cache.bytes, 512);
    cache.set(name(3), node);

    assert.equal(cache.bytes, 512);
    assert.deepEqual(
      [1, 2, 3].map((number) => cache.get(name(number)) !== undefined),
      [false, true, true],
    );
  });

  it("drops the node that was not used for longest", () => {
    const cache = nodeCache(() => 512);
    cache.set(name(1), node);
    cache.set(name(2), node);
    cache.get(name(1));

    cache.set(name(3), node);

    assert.deepEqual(
      [1, 2, 3].map((number) => cache.get(name(number)) !== undefined),
      [true, false, true],
    );
  });

  it("counts links, and does not keep a node larger than itself", () => {
    const cache = nodeCache(() => 512);
    cache.set(name(1), node);

    cache.set(name(2), nodeWith(2));

    assert.equal(cache.bytes, 0);
    cache.set(name(3), nodeWith(1));
    assert.equal(cache.bytes, 416);
  });
});

/** The cache of small chunks: bounded, the least recently used out first, and nothing in it that was found damaged. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { SMALL_CHUNK_BYTES_MAX, SmallChunkCache } from "#actors/storage/reads/small-chunk-cache.ts";

const name = (number: number) => digestFromBytes(new Uint8Array(32).fill(number));

describe("storage: the cache of small chunks", () => {
  it("holds what fits, at the limit and not one past it, and drops what was not used for longest", () => {
    const cache = new SmallChunkCache(20);
    cache.add(name(1), new Uint8Array(10).fill(1));
    cache.add(name(2), new Uint8Array(10).fill(2));
    assert.equal(cache.bytes, 20);
    assert.deepEqual(cache.get(name(1)), new Uint8Array(10).fill(1));

    cache.add(name(3), Uint8Array.of(3));

    assert.equal(cache.bytes, 11);
    assert.deepEqual(
      [1, 2, 3].map((number) => cache.get(name(number))?.length),
      [10, undefined, 1],
    );
  });

  it("keeps a copy, and only of what is small", () => {
    const cache = new SmallChunkCache();
    const bytes = new Uint8Array(SMALL_CHUNK_BYTES_MAX).fill(7);
    cache.add(name(1), bytes);
    cache.add(name(2), new Uint8Array(SMALL_CHUNK_BYTES_MAX + 1));

    bytes.fill(0);

    assert.equal(cache.get(name(1))?.[0], 7);
    assert.equal(cache.get(name(2)), undefined);
  });

  it("forgets what was found damaged, once and with its bytes", () => {
    const cache = new SmallChunkCache(20);
    cache.add(name(1), new Uint8Array(10));

    cache.forget(name(1));
    cache.forget(name(1));

    assert.equal(cache.get(name(1)), undefined);
    assert.equal(cache.bytes, 0);
  });
});

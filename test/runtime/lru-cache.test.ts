/** The cache against the plainest thing that could be right: an array of pairs, the last used at its end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LruCache } from "#runtime/lru-cache.ts";

type Step = { readonly kind: "get" | "set" | "delete"; readonly key: number; readonly bytes: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Step["kind"]>("get", "set", "set", "delete"),
    key: fc.integer({ min: 0, max: 5 }),
    bytes: fc.integer({ min: 1, max: 12 }),
  }),
  { maxLength: 60, size: "max" },
);

describe("lru cache", () => {
  it("has what a plain model has, and never more bytes than it may", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 30 }), (script, bytesMax) => {
        const cache = new LruCache<number, number>(
          () => bytesMax,
          (bytes) => bytes,
        );
        let model: (readonly [key: number, bytes: number])[] = [];
        const sum = (): number => model.reduce((total, [, bytes]) => total + bytes, 0);
        for (const { kind, key, bytes } of script) {
          const known = model.find(([one]) => one === key);
          model = model.filter(([one]) => one !== key);
          if (kind === "get") {
            assert.equal(cache.get(key), known?.[1]);
            if (known !== undefined) model.push(known);
          } else if (kind === "set") {
            cache.set(key, bytes);
            model.push([key, bytes]);
            while (sum() > bytesMax) model.shift();
          } else cache.delete(key);
          assert.equal(cache.bytes, sum());
          assert(cache.bytes <= bytesMax);
        }
        for (const [key, bytes] of model) assert.equal(cache.get(key), bytes);
      }),
    );
  });

  it("reads its bound anew at every insertion", () => {
    let bytesMax = 3;
    const cache = new LruCache<string, string>(
      () => bytesMax,
      ({ length }) => length,
    );
    cache.set("one", "abc");
    bytesMax = 2;
    assert.equal(cache.get("one"), "abc");

    cache.set("two", "de");

    assert.deepEqual([cache.get("one"), cache.get("two"), cache.bytes], [undefined, "de", 2]);
  });
});

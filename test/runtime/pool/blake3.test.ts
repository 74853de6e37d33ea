/** BLAKE3 against the official vectors (computed with the reference command-line tool). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createHasher, digestOf } from "#runtime/pool/blake3.ts";
import { provide } from "#test/kit/provide.ts";
import { patternOf } from "#test/runtime/seams/pattern.ts";

/** Around the borders of blocks (64), chunks (1024) and of the widest vector paths. */
const vectors: readonly (readonly [sizeBytes: number, digest: string])[] = [
  [0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  [1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"],
  [2, "7b7015bb92cf0b318037702a6cdd81dee41224f734684c2c122cd6359cb1ee63"],
  [63, "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b"],
  [64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"],
  [65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"],
  [1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"],
  [1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
  [1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"],
  [2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"],
  [2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"],
  [3072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"],
  [4096, "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"],
  [8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"],
  [31_744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"],
  [65_536, "68d647e619a930e7b1082f74f334b0c65a315725569bdc123f0ee11881717bfe"],
  [65_537, "7c99f9840a73dfcb6e5bfe4ff6d1558acab7e015640790c26411818bdbe17eca"],
  [102_400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"],
  [262_145, "531c319935cf78f34869faebd865e5748266b1799039103bfb851a680d9ed30c"],
];

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("blake3", () => {
  for (const [sizeBytes, digest] of vectors) {
    test(`agrees with the vector of ${sizeBytes} bytes, at once and in pieces`, () => {
      const bytes = patternOf(sizeBytes);
      const hasher = createHasher();
      for (let at = 0; at < sizeBytes; at += 1000) hasher.update(bytes.subarray(at, at + 1000));

      assert.deepEqual([hexOf(digestOf(bytes)), hexOf(hasher.digest())], [digest, digest]);
    });
  }

  test("a digest has memory of its own", () => {
    const digest = digestOf(patternOf(10));

    assert.deepEqual([digest.constructor, digest.byteOffset, digest.buffer.byteLength], [Uint8Array, 0, 32]);
  });

  test("pieces of any size digest as the whole, in plain and in shared memory (property)", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }), (pieces) => {
        const hasher = createHasher();
        for (const piece of pieces) {
          const shared = new Uint8Array(new SharedArrayBuffer(piece.length));
          shared.set(piece);
          hasher.update(shared);
        }

        assert.deepEqual(hasher.digest(), digestOf(new Uint8Array(Buffer.concat(pieces))));
      }),
    );
  });

  test("agrees with b3sum", async (context) => {
    const missing = await provide({ b3sum: "b3sum" });
    if (missing !== undefined) return context.skip(missing);
    const input = patternOf(1_234_567);

    const { stdout } = spawnSync("b3sum", ["--no-names"], { input, encoding: "utf8" });

    assert.equal(hexOf(digestOf(input)), stdout.trim());
  });
});

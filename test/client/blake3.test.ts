/** The client's BLAKE3 against the native one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestOf } from "#cli/digest.ts";
import { blake3 } from "#client/blake3.ts";

const pattern = Uint8Array.from({ length: 1_048_576 }, (_, index) => index % 251);

describe("blake3: agrees with the native one", () => {
  for (const length of [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 3072, 4097, 102_400, 262_144, 1_048_576]) {
    it(`for ${length} bytes`, () => {
      const bytes = pattern.subarray(0, length);

      assert.equal(blake3(bytes), digestOf(bytes));
    });
  }

  it("for any bytes, wherever they begin in their buffer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(7), (bytes, from) => {
        const view = bytes.subarray(Math.min(from, bytes.length));

        assert.equal(blake3(view), digestOf(view));
      }),
    );
  });
});

/** A put of bytes that are whole in memory makes the same object as one of a source. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf, digestFromBytes } from "#actors/domain/address.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { put, randomBytes, sourceOf, startStorage } from "#test/actors/storage/storage-kit.ts";

describe("storage: a put of bytes that are whole in memory", () => {
  for (const sizeBytes of [0, 1, 4 * KiB, 64 * KiB + 1, 1 * MiB, 1 * MiB + 1, 3 * MiB]) {
    it(`is the object of ${sizeBytes} bytes that a source makes`, async () => {
      const kit = await startStorage();
      const bytes = randomBytes(sizeBytes, 1);
      const expect = addressOf(digestFromBytes(digestOf(bytes)));

      const first = await put(kit, bytes, { source: bytes, sizeBytes, expect });
      const again = await put(kit, bytes, { source: sourceOf(bytes) });

      assert(first.ok && again.ok);
      assert.deepEqual(first.value.address, expect);
      assert.deepEqual(again.value, { ...first.value, known: true });
    });
  }
});

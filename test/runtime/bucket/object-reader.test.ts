/** Reading ahead of whoever reads an object from front to back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ObjectReader, READ_WINDOW_BYTES_MAX, READ_WINDOWS_MAX } from "#runtime/bucket/object-reader.ts";
import { must } from "#runtime/errors.ts";
import { MemoryBucket } from "#runtime/simulated/bucket.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";

async function bucketWith(bytes: Uint8Array, keys: readonly string[] = ["key"]): Promise<MemoryBucket> {
  const bucket = new MemoryBucket();
  for (const key of keys) must(await bucket.put(key, [bytes]), "putting");
  return bucket;
}

describe("bucket: reading ahead", () => {
  it("gives the bytes of the object, in whatever order they are asked for (property)", async () => {
    const bytes = seededRandom(1).bytes(3 * MiB);
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ isNext: fc.constant(true), length: fc.integer({ min: 1, max: 600 * KiB }) }),
      },
      fc.record({
        isNext: fc.constant(false),
        at: fc.nat({ max: bytes.length - 1 }),
        length: fc.integer({ min: 1, max: 2500 * KiB }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const reader = new ObjectReader(await bucketWith(bytes));
        let position = 0;
        for (const one of steps) {
          if ("at" in one) position = one.at;
          const into = new Uint8Array(Math.min(one.length, bytes.length - position));
          if (into.length === 0) continue;
          must(await reader.read("key", bytes.length, into, position), "reading");
          assert.equal(Buffer.compare(into, bytes.subarray(position, position + into.length)), 0);
          position += into.length;
        }
      }),
      { numRuns: 50 },
    );
  });

  it("asks a few times for an object that is read in small pieces, and once for each piece that stands alone", async () => {
    const bytes = new Uint8Array(8 * MiB);
    const bucket = await bucketWith(bytes);
    const reader = new ObjectReader(bucket);
    const piece = new Uint8Array(64 * KiB);

    for (let at = 0; at < bytes.length; at += piece.length)
      must(await reader.read("key", bytes.length, piece, at), "reading");
    assert(bucket.counts.read <= 2 + bytes.length / READ_WINDOW_BYTES_MAX, `${bucket.counts.read} reads`);

    const before = bucket.counts.read;
    const fresh = new ObjectReader(bucket);
    for (const at of [5, 3, 1]) must(await fresh.read("key", bytes.length, piece, at * MiB), "reading alone");
    assert.equal(bucket.counts.read, before + 3);
  });

  it("keeps so many windows and no more", async () => {
    const keys = Array.from({ length: READ_WINDOWS_MAX + 1 }, (_, index) => `k${index}`);
    const bucket = await bucketWith(new Uint8Array(1 * MiB), keys);
    const reader = new ObjectReader(bucket);
    const readsOf = async (key: string, at: number): Promise<number> => {
      const before = bucket.counts.read;
      must(await reader.read(key, 1 * MiB, new Uint8Array(10), at), "reading");
      return bucket.counts.read - before;
    };
    for (const key of keys) for (const at of [0, 10, 20]) await readsOf(key, at);

    assert.equal(await readsOf("k1", 900 * KiB), 0, "at the most it is held");
    assert.equal(await readsOf("k0", 900 * KiB), 1, "one past, the oldest is not");
  });

  it("of something that fails fails, and is tried anew by the next read", async () => {
    const bucket = await bucketWith(new Uint8Array(1000));
    const reader = new ObjectReader(bucket);
    const into = new Uint8Array(10);
    for (const at of [0, 10]) must(await reader.read("key", 1000, into, at), "reading");
    await bucket.remove(["key"]);
    assert.deepEqual(await reader.read("key", 1000, into, 20), {
      ok: false,
      failure: { code: "bucket.missing", key: "key" },
    });
    must(await bucket.put("key", [new Uint8Array(1000)]), "putting");

    must(await reader.read("key", 1000, into, 30), "reading again");
  });
});

/** Shards against their published vectors, which a naive implementation wrote that follows the page. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestFromBytes, parseDigest } from "#actors/domain/address.ts";
import { placeShards, type Volume } from "#actors/domain/shard-placement.ts";
import { waitOf } from "#actors/domain/volume-draw.ts";
import { shardLength, shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { decodeDescriptor, encodeDescriptor } from "#actors/storage/chunks/shard-descriptor.ts";
import { ReedSolomon } from "#runtime/erasure/reed-solomon.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { createRangeDigest } from "#runtime/pool/range-digest.ts";
import { makeVectors, naivePlaces, naiveWait, noiseOf, publishedVectors } from "#test/actors/storage/shard-vectors.ts";

const published = publishedVectors();
const coder = new ReedSolomon();
const fromHex = (hex: string): Uint8Array => Buffer.from(hex, "hex");

describe("shards: the published vectors", () => {
  it("are those that their generator writes", () => {
    assert.deepEqual(published, makeVectors());
  });

  it("have the parity that we compute", () => {
    for (const { dataShards, shards } of published.codes) {
      const data = fromHex(shards.slice(0, dataShards).join(""));
      const parity = new Uint8Array((shards.length - dataShards) * 8);

      coder.encode({ dataShards, data, shardBytes: 8, parity });

      assert.equal(Buffer.from(parity).toString("hex"), shards.slice(dataShards).join(""));
    }
  });

  it("are cut where we cut", () => {
    for (const { chunkBytes, dataShards, parityShards, lengths } of published.cuts) {
      const shards = shardsOf(chunkBytes, { dataShards, parityShards });
      const ours = shards === undefined ? [] : lengths.map((_, shard) => shardLength(shards, shard));

      assert.deepEqual(ours, lengths, `${chunkBytes} in ${dataShards}+${parityShards}`);
      assert.equal(shards === undefined ? 0 : shards.dataShards + shards.parityShards, lengths.length);
    }
  });

  it("have the descriptors that we write for the chunk, and read", () => {
    for (const { chunkBytes, shard, bytes, ...profile } of published.descriptors) {
      const chunk = noiseOf(chunkBytes);
      const shards = shardsOf(chunkBytes, profile);
      assert(shards !== undefined);
      const { dataShards, parityShards, shardBytes } = shards;
      const parity = new Uint8Array(parityShards * shardBytes);
      coder.encode({ dataShards, data: chunk, shardBytes, parity });
      const whole = [chunk, parity].flatMap((all) =>
        Array.from({ length: Math.ceil(all.length / shardBytes) }, (_, at) =>
          digestOf(all.subarray(at * shardBytes, (at + 1) * shardBytes)),
        ),
      );
      const segments = createRangeDigest(chunkBytes);
      segments.update(chunk);
      const descriptor = {
        chunk: digestFromBytes(digestOf(chunk)),
        shards,
        shard,
        shardDigests: new Uint8Array(Buffer.concat(whole)),
        segmentDigests: segments.finish().segments,
      };

      assert.equal(Buffer.from(encodeDescriptor(descriptor)).toString("hex"), bytes);
      assert.deepEqual(decodeDescriptor(fromHex(bytes)), descriptor);
    }
  });

  it("are placed where we place them", () => {
    for (const { chunk, shardCount, volumes } of published.places) {
      const digest = parseDigest(chunk);
      assert(digest !== undefined);
      const places = placeShards(digest, shardCount, published.volumes);

      assert.deepEqual(
        places.map(({ id }) => id),
        volumes,
      );
    }
  });
});

describe("shards: places", () => {
  it("are drawn to the last bit as a model draws that counts without bounds", () => {
    const chunks = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(chunks, fc.stringMatching(/^[0-9a-f]{16}$/), (chunk, id) => {
        const bytes = Buffer.from(chunk);

        const wait = waitOf([bytes.readUInt32LE(0), bytes.readUInt32LE(4)], id);

        assert.equal(BigInt(wait), naiveWait(chunk, id));
        assert(wait >= 1 && wait <= 2 ** 25);
      }),
      { numRuns: 5000 },
    );
  });

  const layouts: fc.Arbitrary<readonly Volume[]> = fc.uniqueArray(
    fc.record({
      id: fc.stringMatching(/^[0-9a-f]{16}$/),
      weight: fc.integer({ min: 1, max: 2 ** 20 }),
      domain: fc.constantFrom("a", "b", "c", "d", "e"),
    }),
    { selector: ({ id }) => id, minLength: 1, maxLength: 10 },
  );

  it("are those of a model that gives shards out one by one", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 0, max: 14 }),
        layouts,
        (chunk, shardCount, volumes) => {
          const places = placeShards(digestFromBytes(chunk), shardCount, volumes);

          assert.deepEqual(
            places.map(({ id }) => id),
            naivePlaces(chunk, shardCount, volumes),
          );
        },
      ),
      { numRuns: 500 },
    );
  });
});

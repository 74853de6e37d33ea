/** Where the bytes of a chunk are in its shards, against a model that looks at every segment. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ERASURE_BYTES_MIN } from "#actors/domain/erasure-profile.ts";
import {
  type ByteRange,
  type ChunkShards,
  partOf,
  placesOf,
  shardLength,
  shardsOf,
} from "#actors/storage/chunks/chunk-shards.ts";
import { SEGMENT_BYTES } from "#actors/storage/packs/record.ts";
import { ReedSolomon } from "#runtime/erasure/reed-solomon.ts";
import { Defect } from "#runtime/errors.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";

const profiles = fc.record({
  dataShards: fc.integer({ min: 2, max: 16 }),
  parityShards: fc.integer({ min: 1, max: 4 }),
});
const lengths = fc.oneof(
  fc.integer({ min: ERASURE_BYTES_MIN, max: 4 * MiB }),
  fc
    .tuple(fc.integer({ min: 5, max: 64 }), fc.integer({ min: -1, max: 1 }))
    .map(([segments, more]) => segments * SEGMENT_BYTES + more),
);
const cuts: fc.Arbitrary<ChunkShards> = fc.tuple(lengths, profiles).map(([chunkBytes, profile]) => {
  const shards = shardsOf(chunkBytes, profile);
  assert(shards !== undefined);
  return shards;
});

function rangeIn(chunkBytes: number): fc.Arbitrary<ByteRange> {
  return fc
    .tuple(fc.nat(chunkBytes), fc.nat(chunkBytes))
    .map(([one, other]) => ({ from: Math.min(one, other), to: Math.max(one, other) }));
}

const indexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe("chunk shards: shardsOf", () => {
  it("cuts into at most k slices of whole segments, none of them empty, and as short as that allows", () => {
    fc.assert(
      fc.property(lengths, profiles, (chunkBytes, profile) => {
        const shards = shardsOf(chunkBytes, profile);
        assert(shards !== undefined);

        const { dataShards, shardBytes } = shards;
        assert(dataShards <= profile.dataShards && dataShards >= 2);
        assert.equal(shardBytes % SEGMENT_BYTES, 0);
        assert((shardBytes - SEGMENT_BYTES) * profile.dataShards < chunkBytes, "no shorter ones would do");
        const sliced = indexes(dataShards).map((shard) => shardLength(shards, shard));
        assert(sliced.every((length) => length > 0 && length <= shardBytes));
        assert.equal(
          sliced.reduce((sum, length) => sum + length, 0),
          chunkBytes,
        );
        assert.equal(shardLength(shards, dataShards), shardBytes);
        assert.deepEqual(shardsOf(chunkBytes, shards), shards, "and again the same, which descriptors rely on");
      }),
      { numRuns: 1000 },
    );
  });

  it("replicates one byte below 256 KiB, and wherever there is one data shard", () => {
    const profile = { dataShards: 4, parityShards: 2 };

    assert.equal(shardsOf(256 * KiB - 1, profile), undefined);
    assert.deepEqual(shardsOf(256 * KiB, profile), { ...profile, chunkBytes: 256 * KiB, shardBytes: 64 * KiB });
    assert.equal(shardsOf(4 * MiB, { dataShards: 1, parityShards: 2 }), undefined);
  });
});

describe("chunk shards: placesOf", () => {
  it("covers a range once and in order, in one shard for a segment and in two at most for 64 KiB", () => {
    fc.assert(
      fc.property(
        cuts.chain((shards) => fc.tuple(fc.constant(shards), rangeIn(shards.chunkBytes))),
        ([shards, range]) => {
          const places = placesOf(shards, range);

          let at = range.from;
          for (const { shard, from, to } of places) {
            assert(from < to && to <= shardLength(shards, shard));
            assert.equal(shard * shards.shardBytes + from, at);
            at += to - from;
          }
          assert.equal(at, range.from === range.to ? range.from : range.to);
          if (range.to - range.from <= SEGMENT_BYTES) assert(places.length <= 2);
          const segment = Math.floor(range.from / SEGMENT_BYTES) * SEGMENT_BYTES;
          const aligned = { from: segment, to: Math.min(segment + SEGMENT_BYTES, shards.chunkBytes) };
          assert(placesOf(shards, aligned).length <= 1);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("takes a range up to the end of the chunk, and none past it", () => {
    const shards = shardsOf(300 * KiB, { dataShards: 4, parityShards: 2 });
    assert(shards !== undefined);

    assert.deepEqual(placesOf(shards, { from: 300 * KiB, to: 300 * KiB }), []);
    assert.deepEqual(placesOf(shards, { from: 300 * KiB - 1, to: 300 * KiB }), [
      { shard: 2, from: 44 * KiB - 1, to: 44 * KiB },
    ]);
    assert.throws(() => placesOf(shards, { from: 0, to: 300 * KiB + 1 }), Defect);
    assert.throws(() => placesOf(shards, { from: -1, to: 1 }), Defect);
  });
});

describe("chunk shards: partOf", () => {
  it("is the column, up to where the shard ends", () => {
    const shards = shardsOf(300 * KiB, { dataShards: 4, parityShards: 2 });
    assert(shards !== undefined);
    const column = { from: 64 * KiB, to: 128 * KiB };

    // 128, 128 and 44 KiB of data.
    assert.deepEqual(partOf(shards, 0, column), { shard: 0, ...column });
    assert.deepEqual(partOf(shards, 2, { from: 0, to: 64 * KiB }), { shard: 2, from: 0, to: 44 * KiB });
    assert.deepEqual(partOf(shards, 2, column), { shard: 2, from: 44 * KiB, to: 44 * KiB });
    assert.deepEqual(partOf(shards, 4, column), { shard: 4, ...column });
  });
});

describe("chunk shards: a degraded read", () => {
  it("gets any range from the columns of any k shards that are left", () => {
    const coder = new ReedSolomon();
    const cases = cuts.chain((shards) => {
      const shardCount = shards.dataShards + shards.parityShards;
      return fc.record({
        shards: fc.constant(shards),
        range: rangeIn(shards.chunkBytes),
        alive: fc.shuffledSubarray(indexes(shardCount), { minLength: shards.dataShards }),
        seed: fc.nat(),
      });
    });
    fc.assert(
      fc.property(cases, ({ shards, range, alive, seed }) => {
        const { chunkBytes, dataShards, parityShards, shardBytes } = shards;
        const chunk = seededRandom(seed).bytes(chunkBytes);
        const parity = new Uint8Array(parityShards * shardBytes);
        coder.encode({ dataShards, data: chunk, shardBytes, parity });
        const payloadOf = (shard: number): Uint8Array =>
          shard < dataShards
            ? chunk.subarray(shard * shardBytes, (shard + 1) * shardBytes)
            : parity.subarray((shard - dataShards) * shardBytes, (shard - dataShards + 1) * shardBytes);

        const read = new Uint8Array(range.to - range.from);
        const places = placesOf(shards, range);
        for (const { shard, from, to } of places) {
          // Whole segments, which are what can be verified.
          const first = Math.floor(from / SEGMENT_BYTES) * SEGMENT_BYTES;
          const column = { from: first, to: Math.ceil(to / SEGMENT_BYTES) * SEGMENT_BYTES };
          const bytesOf = (index: number): Uint8Array => {
            const part = partOf(shards, index, column);
            return payloadOf(index).subarray(part.from, part.to);
          };
          const rebuilt = new Uint8Array(bytesOf(shard).length);
          const sources = alive.slice(0, dataShards).map((index) => ({ index, bytes: bytesOf(index) }));
          if (!alive.includes(shard)) coder.reconstruct({ sources, targets: [{ index: shard, bytes: rebuilt }] });
          const held = alive.includes(shard) ? bytesOf(shard) : rebuilt;
          read.set(held.subarray(from - first, to - first), shard * shardBytes + from - range.from);
        }

        assert(Buffer.compare(read, chunk.subarray(range.from, range.to)) === 0);
      }),
      { numRuns: 60 },
    );
  });
});

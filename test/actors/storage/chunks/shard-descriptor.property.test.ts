/** What is encoded can be read, and nothing else can. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { digestFromBytes } from "#actors/domain/address.ts";
import { shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import {
  decodeDescriptor,
  descriptorLength,
  encodeDescriptor,
  type ShardDescriptor,
} from "#actors/storage/chunks/shard-descriptor.ts";
import { PAYLOAD_BYTES_MAX, RECORD_HEADER_BYTES, segmentCount, tableBytes } from "#actors/storage/packs/record.ts";
import { SHARDS_MAX } from "#runtime/erasure/kernel.ts";
import { Defect } from "#runtime/errors.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";

function descriptorFor(
  chunkBytes: number,
  dataShards: number,
  parityShards: number,
  pick: number,
  seed: number,
): ShardDescriptor {
  const shards = shardsOf(chunkBytes, { dataShards, parityShards });
  assert(shards !== undefined);
  const random = seededRandom(seed);
  const shardCount = shards.dataShards + shards.parityShards;
  return {
    chunk: digestFromBytes(random.bytes(32)),
    shards,
    shard: pick % shardCount,
    shardDigests: random.bytes(32 * shardCount),
    segmentDigests: random.bytes(32 * segmentCount(chunkBytes)),
  };
}

const descriptors: fc.Arbitrary<ShardDescriptor> = fc
  .tuple(
    fc.oneof(fc.integer({ min: 256 * KiB, max: 4 * MiB }), fc.integer({ min: 256 * KiB, max: PAYLOAD_BYTES_MAX })),
    fc.integer({ min: 2, max: 20 }),
    fc.integer({ min: 1, max: SHARDS_MAX - 20 }),
    fc.nat(),
    fc.nat(),
  )
  .map((parts) => descriptorFor(...parts));

/** With a CRC that holds. */
function resealed(bytes: Uint8Array): Uint8Array {
  const view = Buffer.from(bytes);
  view.writeUInt32LE(crc32(view.subarray(0, -4)), view.length - 4);
  return view;
}

describe("shard descriptor", () => {
  it("comes back as it was, from the bytes that its length says, whatever lies behind them", () => {
    fc.assert(
      fc.property(descriptors, fc.uint8Array({ maxLength: 40 }), (descriptor, behind) => {
        const bytes = encodeDescriptor(descriptor);

        assert.equal(bytes.length, descriptorLength(descriptor.shards));
        assert.deepEqual(decodeDescriptor(bytes), descriptor);
        assert.deepEqual(decodeDescriptor(Buffer.concat([behind, bytes, behind]).subarray(behind.length)), descriptor);
      }),
    );
  });

  it("fits into a record before its payload, also the longest one", () => {
    const longest = descriptorFor(PAYLOAD_BYTES_MAX, 2, SHARDS_MAX - 2, 0, 1);

    const before = RECORD_HEADER_BYTES + tableBytes(longest.shards.shardBytes) + descriptorLength(longest.shards);
    assert(before < 64 * KiB);
    assert.deepEqual(decodeDescriptor(encodeDescriptor(longest)), longest);
  });

  it("is refused with any bit flipped", () => {
    const bytes = encodeDescriptor(descriptorFor(300 * KiB, 4, 2, 3, 7));

    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const damaged = Uint8Array.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (decodeDescriptor(damaged) !== undefined) assert.fail(`bit ${bit}`);
    }
  });

  it("is refused cut short, by one byte too", () => {
    const bytes = encodeDescriptor(descriptorFor(256 * KiB, 4, 2, 3, 7));

    for (let length = 0; length < bytes.length; length += 1) {
      assert.equal(decodeDescriptor(bytes.subarray(0, length)), undefined);
    }
  });

  it("is refused where its numbers are no cut, though its CRC holds", () => {
    const valid = encodeDescriptor(descriptorFor(2 * MiB, 4, 2, 3, 7));
    const changed = (change: (bytes: Buffer) => void): ShardDescriptor | undefined => {
      const bytes = Buffer.concat([valid, Buffer.alloc(16 * KiB)]);
      change(bytes);
      // The CRC is where a decoder that believed the numbers would look for it.
      const length = 44 + 32 * ((bytes[5] ?? 0) + (bytes[6] ?? 0) + segmentCount(bytes.readUInt32LE(8))) + 4;
      return decodeDescriptor(length > bytes.length ? bytes : resealed(bytes.subarray(0, length)));
    };
    const set = (at: number, value: number): ShardDescriptor | undefined =>
      changed((bytes) => bytes.writeUInt8(value, at));

    assert.notEqual(set(7, 5), undefined, "another shard of the chunk");
    assert.equal(set(7, 6), undefined, "a shard past the last");
    assert.equal(set(4, 2), undefined, "another version");
    assert.deepEqual(
      [0, 1].map((dataShards) => set(5, dataShards)),
      [undefined, undefined],
    );
    // 32 segments make 11 slices of three, where 15 were asked for.
    const eleven = Buffer.from(encodeDescriptor(descriptorFor(2 * MiB, 15, 2, 3, 7)));
    assert.equal(eleven[5], 11);
    eleven[5] = 15;
    assert.equal(decodeDescriptor(resealed(eleven)), undefined, "data shards of another cut");
    assert.notEqual(set(5, 16), undefined);
    assert.equal(set(6, 0), undefined, "no parity");
    assert.notEqual(set(6, SHARDS_MAX - 4), undefined);
    assert.equal(set(6, SHARDS_MAX - 3), undefined, "too many shards");
    const length = (value: number): unknown => changed((bytes) => bytes.writeUInt32LE(value, 8));
    assert.notEqual(length(256 * KiB), undefined);
    assert.equal(length(256 * KiB - 1), undefined, "too short to be cut");
    assert.notEqual(length(PAYLOAD_BYTES_MAX), undefined);
    assert.equal(length(PAYLOAD_BYTES_MAX + 1), undefined, "longer than a chunk");
    assert.equal(length(0xffffffff), undefined);
    assert.equal(length(0), undefined);
  });

  it("is read from any bytes without a defect", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600, size: "max" }), (tail) => {
        decodeDescriptor(tail);
        decodeDescriptor(Buffer.concat([Buffer.from("CpaS\x01", "latin1"), tail]));
      }),
    );
  });

  it("is written of a shard that exists, with all digests", () => {
    const descriptor = descriptorFor(2 * MiB, 4, 2, 5, 7);
    const encode = (change: Partial<ShardDescriptor>): unknown => encodeDescriptor({ ...descriptor, ...change });

    assert.doesNotThrow(() => encode({}));
    assert.throws(() => encode({ shard: 6 }), Defect);
    assert.throws(() => encode({ shardDigests: new Uint8Array(32 * 5) }), Defect);
    assert.throws(() => encode({ segmentDigests: new Uint8Array(32 * 31) }), Defect);
    assert.throws(() => encode({ shards: { ...descriptor.shards, parityShards: 0 } }), Defect);
  });
});

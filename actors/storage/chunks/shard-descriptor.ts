/**
 * What a shard's record says of its chunk and of all its shards, so that the map of who holds what is rebuilt from packs
 * alone (`specs/formats/shards.md`).
 *
 * Two shards of one chunk differ in their `shard` only. The digests of the chunk's segments let a part of a lost data
 * shard be verified by itself; a whole shard is compared with its own digest, and the chunk with its name.
 */
import { isDeepStrictEqual } from "node:util";
import { crc32 } from "node:zlib";
import { bytesFromDigest, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { shardCountOf } from "#actors/domain/erasure-profile.ts";
import type { RecordName, ShardName } from "#actors/storage/catalog/catalog-records.ts";
import { type ChunkShards, shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { DIGEST_BYTES, PAYLOAD_BYTES_MAX, segmentCount } from "#actors/storage/packs/record.ts";
import { SHARDS_MAX } from "#runtime/erasure/kernel.ts";
import { assert } from "#runtime/errors.ts";

export interface ShardDescriptor {
  readonly chunk: Digest;
  readonly shards: ChunkShards;
  /** Which of them this one is. */
  readonly shard: number;
  /** BLAKE3 of every shard, one behind the other, data first. */
  readonly shardDigests: Uint8Array;
  /** BLAKE3 of every segment of the chunk: what its own record would have as its segment table. */
  readonly segmentDigests: Uint8Array;
}

const MAGIC = Buffer.from("CpaS", "latin1");
const VERSION = 1;
/** All before the digests. */
const PREFIX_BYTES = 44;
const CRC_SIZE_BYTES = 4;

/** Length of the descriptor of any shard of `shards`. */
export function descriptorLength(shards: ChunkShards): number {
  return PREFIX_BYTES + (shardCountOf(shards) + segmentCount(shards.chunkBytes)) * DIGEST_BYTES + CRC_SIZE_BYTES;
}

export function encodeDescriptor({ chunk, shards, shard, shardDigests, segmentDigests }: ShardDescriptor): Uint8Array {
  assert(isCut(shards, shard), "a descriptor is that of a shard");
  assert(shardDigests.length === shardCountOf(shards) * DIGEST_BYTES, "every shard has its digest");
  assert(segmentDigests.length === segmentCount(shards.chunkBytes) * DIGEST_BYTES, "every segment has its digest");
  const bytes = Buffer.alloc(descriptorLength(shards));
  bytes.set(MAGIC, 0);
  bytes.writeUInt8(VERSION, 4);
  bytes.writeUInt8(shards.dataShards, 5);
  bytes.writeUInt8(shards.parityShards, 6);
  bytes.writeUInt8(shard, 7);
  bytes.writeUInt32LE(shards.chunkBytes, 8);
  bytes.set(bytesFromDigest(chunk), 12);
  bytes.set(shardDigests, PREFIX_BYTES);
  bytes.set(segmentDigests, PREFIX_BYTES + shardDigests.length);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -CRC_SIZE_BYTES)), bytes.length - CRC_SIZE_BYTES);
  return bytes;
}

/** The descriptor that `bytes` begin with; undefined for anything else, whatever it is. */
export function decodeDescriptor(bytes: Uint8Array): ShardDescriptor | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < PREFIX_BYTES || view.compare(MAGIC, 0, 4, 0, 4) !== 0 || view.readUInt8(4) !== VERSION) {
    return undefined;
  }
  const shard = view.readUInt8(7);
  const profile = { dataShards: view.readUInt8(5), parityShards: view.readUInt8(6) };
  const shards = profile.dataShards === 0 ? undefined : shardsOf(view.readUInt32LE(8), profile);
  // The number of data shards is that of this length, not the one that the profile had for any length.
  if (shards === undefined || shards.dataShards !== profile.dataShards || !isCut(shards, shard)) return undefined;
  const crcAt = descriptorLength(shards) - CRC_SIZE_BYTES;
  if (view.length < crcAt + CRC_SIZE_BYTES || crc32(view.subarray(0, crcAt)) !== view.readUInt32LE(crcAt))
    return undefined;
  const segmentsAt = PREFIX_BYTES + shardCountOf(shards) * DIGEST_BYTES;
  return {
    chunk: digestFromBytes(view.subarray(12, PREFIX_BYTES)),
    shards,
    shard,
    shardDigests: new Uint8Array(view.subarray(PREFIX_BYTES, segmentsAt)),
    segmentDigests: new Uint8Array(view.subarray(segmentsAt, crcAt)),
  };
}

/** The name of the record that holds it; undefined where the shard is not the one that it should be. */
export function nameOfShard(
  { chunk, shards, shard, shardDigests }: ShardDescriptor,
  digest: Digest,
): RecordName | undefined {
  if (digestFromBytes(shardDigests.subarray(shard * DIGEST_BYTES, (shard + 1) * DIGEST_BYTES)) !== digest)
    return undefined;
  const { chunkBytes, dataShards, parityShards } = shards;
  return { kind: "chunk", digest: chunk, shard: { dataShards, parityShards, shard, chunkBytes, digest } };
}

/** Whether `bytes` begin with what such a shard of that chunk says of itself. */
export function isDescribed(bytes: Uint8Array, chunk: Digest, name: ShardName): boolean {
  const descriptor = decodeDescriptor(bytes);
  const found = descriptor && nameOfShard(descriptor, name.digest);
  return found?.digest === chunk && isDeepStrictEqual(found.shard, name);
}

function isCut(shards: ChunkShards, shard: number): boolean {
  const shardCount = shardCountOf(shards);
  if (shards.chunkBytes > PAYLOAD_BYTES_MAX || shards.parityShards === 0) return false;
  return shardCount <= SHARDS_MAX && shard < shardCount;
}

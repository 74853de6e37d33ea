/** A chunk as the records of its shards, parity computed. */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { type ErasureProfile, shardCountOf } from "#actors/domain/erasure-profile.ts";
import type { ShardName } from "#actors/storage/catalog/catalog-records.ts";
import { type ChunkDigests, digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { type ChunkShards, shardLength, shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { encodeDescriptor } from "#actors/storage/chunks/shard-descriptor.ts";
import type { RecordContents } from "#actors/storage/packs/pack-write.ts";
import { DIGEST_BYTES, SEGMENT_BYTES } from "#actors/storage/packs/record.ts";
import type { ReedSolomon } from "#runtime/erasure/reed-solomon.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

/** Undefined where the profile replicates a chunk of that length. */
export function cutShards(
  payload: Uint8Array,
  digests: ChunkDigests,
  profile: ErasureProfile,
  code: ReedSolomon,
  cpu: Pick<Cpu, "digest" | "hasher">,
): readonly RecordContents[] | undefined {
  const shards = shardsOf(payload.length, profile);
  if (shards === undefined) return undefined;
  const { dataShards, parityShards, shardBytes } = shards;
  const parity = new Uint8Array(parityShards * shardBytes);
  code.encode({ dataShards, data: payload, shardBytes, parity });
  const pieces = Array.from({ length: shardCountOf(shards) }, (_, shard) =>
    shard < dataShards
      ? payload.subarray(shard * shardBytes, shard * shardBytes + shardLength(shards, shard))
      : parity.subarray((shard - dataShards) * shardBytes, (shard - dataShards + 1) * shardBytes),
  );
  const tableBytesOfShard = (shardBytes / SEGMENT_BYTES) * DIGEST_BYTES;
  const own = pieces.map((piece, shard): ChunkDigests => {
    if (shard >= dataShards) return digestChunk([piece], cpu);
    // Segments of a data shard are segments of the chunk.
    const table = digests.table.subarray(shard * tableBytesOfShard, (shard + 1) * tableBytesOfShard);
    const isOne = table.length <= DIGEST_BYTES;
    return {
      lengthBytes: piece.length,
      digest: isOne ? table : cpu.digest(piece),
      table: isOne ? new Uint8Array(0) : table,
    };
  });
  const shardDigests = Buffer.concat(own.map(({ digest }) => digest));
  const chunk = digestFromBytes(digests.digest);
  return pieces.map((piece, shard) => {
    const ownDigests = own[shard] ?? digests;
    const descriptor = encodeDescriptor({ chunk, shards, shard, shardDigests, segmentDigests: digests.table });
    const name = nameOf(shards, shard, digestFromBytes(ownDigests.digest));
    return { kind: "chunk", shard: { name, descriptor }, payload: [piece], digests: ownDigests };
  });
}

function nameOf({ chunkBytes, dataShards, parityShards }: ChunkShards, shard: number, digest: Digest): ShardName {
  return { dataShards, parityShards, shard, chunkBytes, digest };
}

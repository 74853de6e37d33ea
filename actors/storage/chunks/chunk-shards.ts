/**
 * A chunk as shards: where its bytes are in them, and what is needed for those of a shard that is lost
 * (`specs/formats/shards.md`).
 *
 * Data shards are slices of the chunk, one behind the other, each a whole number of segments long but for the last. So a
 * segment of a chunk is a segment of one shard, under the same digest: a read of 64 KiB touches one shard, or two where it
 * begins inside a segment. Byte `j` of any shard follows from byte `j` of `k` others: a lost segment costs one of each.
 *
 * A length that does not fill `k` such slices has fewer data shards, never an empty one.
 */
import { ERASURE_BYTES_MIN, type ErasureProfile } from "#actors/domain/erasure-profile.ts";
import { SEGMENT_BYTES } from "#actors/storage/packs/record.ts";
import { assert } from "#runtime/errors.ts";

/** How one chunk is cut. */
export interface ChunkShards extends ErasureProfile {
  readonly chunkBytes: number;
  /** Of every shard but the last data shard, which may be shorter. */
  readonly shardBytes: number;
}

/** Bytes `from` … `to` − 1: of a chunk, or of every shard. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** Bytes of one shard. */
export interface ShardRange extends ByteRange {
  readonly shard: number;
}

/** Undefined where the chunk is replicated instead: it is short, or the profile says so. */
export function shardsOf(chunkBytes: number, { dataShards, parityShards }: ErasureProfile): ChunkShards | undefined {
  if (dataShards === 1 || chunkBytes < ERASURE_BYTES_MIN) return undefined;
  const segmentCount = Math.ceil(chunkBytes / SEGMENT_BYTES);
  const shardSegments = Math.ceil(segmentCount / dataShards);
  return {
    chunkBytes,
    dataShards: Math.ceil(segmentCount / shardSegments),
    parityShards,
    shardBytes: shardSegments * SEGMENT_BYTES,
  };
}

/** Bytes of a shard's payload. */
export function shardLength({ chunkBytes, dataShards, shardBytes }: ChunkShards, shard: number): number {
  return shard < dataShards ? Math.min(shardBytes, chunkBytes - shard * shardBytes) : shardBytes;
}

/** Where `range` of the chunk is, in order: what a read asks for while nothing is lost. */
export function placesOf({ chunkBytes, shardBytes }: ChunkShards, { from, to }: ByteRange): readonly ShardRange[] {
  assert(from >= 0 && from <= to && to <= chunkBytes, "a range lies in its chunk");
  const places: ShardRange[] = [];
  for (let at = from; at < to; ) {
    const shard = Math.floor(at / shardBytes);
    const end = Math.min(to, (shard + 1) * shardBytes);
    places.push({ shard, from: at - shard * shardBytes, to: end - shard * shardBytes });
    at = end;
  }
  return places;
}

/** What `shard` has of a column, the same bytes of every shard. The last data shard may have fewer, or none: the rest of it counts as zeros. */
export function partOf(shards: ChunkShards, shard: number, { from, to }: ByteRange): ShardRange {
  const length = shardLength(shards, shard);
  return { shard, from: Math.min(from, length), to: Math.min(to, length) };
}

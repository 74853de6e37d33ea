/** What it takes to read a payload from whatever holds it: what `chunk-source.ts` and `lost-shard.ts` read of which record. */
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { type ChunkShards, partOf, shardLength, shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { SEGMENT_BYTES } from "#actors/storage/packs/record.ts";
import { sufficientLayout } from "#actors/storage/reads/locate.ts";

export interface ReadCost {
  /** Of payloads. */
  readonly bytes: number;
  /** That are read, one as often as it is read anew. */
  readonly records: number;
}

const NOTHING: ReadCost = { bytes: 0, records: 0 };

/** One copy, or the data shards; for one of those that is lost, as many others again. Nothing where they do not suffice. */
export function readCostOf(records: readonly CatalogEntry[]): ReadCost {
  const copy = records.find(({ shard }) => shard === undefined);
  if (copy !== undefined) return { bytes: copy.payloadBytes, records: 1 };
  const layout = sufficientLayout(records);
  const name = layout?.values().next().value?.[0]?.shard;
  const shards = name && shardsOf(name.chunkBytes, name);
  if (layout === undefined || shards === undefined) return NOTHING;
  return Array.from({ length: shards.dataShards }, (_, shard) =>
    layout.has(shard)
      ? { bytes: shardLength(shards, shard), records: 1 }
      : costOfLost(shards, shard, [...layout.keys()].slice(0, shards.dataShards)),
  ).reduce((sum, one) => ({ bytes: sum.bytes + one.bytes, records: sum.records + one.records }), NOTHING);
}

function costOfLost(shards: ChunkShards, lost: number, others: readonly number[]): ReadCost {
  // Whole segments, which are what can be verified.
  const column = { from: 0, to: Math.ceil(shardLength(shards, lost) / SEGMENT_BYTES) * SEGMENT_BYTES };
  const parts = others.map((other) => partOf(shards, other, column));
  return { bytes: parts.reduce((sum, { from, to }) => sum + to - from, 0), records: others.length };
}

/**
 * Where the bytes of a slice are: in one record, or in those of the shards that it touches. A record that cannot be read has
 * a *spare*: another copy, or what others of its layout give.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { layoutsOf } from "#actors/storage/catalog/holders.ts";
import { placesOf, shardLength, shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { corrupt, type ReadTrouble, worth } from "#actors/storage/packs/record-bytes.ts";
import type { ChunkSlice } from "#actors/storage/protocol.ts";
import type { LocatedSlice, Spare } from "#actors/storage/reads/chunk-source.ts";
import { PayloadReader } from "#actors/storage/reads/payload-reader.ts";
import { LostShard, type LostShardDeps, type ShardEntry } from "#actors/storage/spread/lost-shard.ts";
import { assert, fail, type Result } from "#runtime/errors.ts";

/** With every pack that may be read. */
export interface Located {
  readonly slices: readonly LocatedSlice[];
  readonly packs: readonly number[];
}

/** Undefined where no copy, and too few shards, can be read. */
export function locate(slice: ChunkSlice, catalog: Catalog, deps: LostShardDeps): Located | undefined {
  const records = catalog.served("chunk", slice.chunk);
  const packs = records.map(({ pack }) => pack);
  const whole = records.filter(({ shard }) => shard === undefined);
  const [entry, ...copies] = whole;
  if (entry !== undefined) {
    const { offset, lengthBytes } = slice;
    assert(offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= entry.payloadBytes, "a slice lies in its chunk");
    const located = { ...slice, entry, payloadBytes: entry.payloadBytes };
    if (copies.length === 0) return { slices: [located], packs };
    return { slices: [{ ...located, spare: new Copies(deps, slice.chunk, copies) }], packs };
  }
  const layout = sufficientLayout(records);
  return layout === undefined ? undefined : { slices: inShards(slice, layout, deps), packs };
}

/** Shards by their number, of the layout that a chunk is read from; undefined where there are too few of any. */
export function sufficientLayout(
  records: readonly CatalogEntry[],
): ReadonlyMap<number, readonly ShardEntry[]> | undefined {
  return [...layoutsOf(records.filter(isShard)).values()].find(
    (layout) => layout.size >= (layout.values().next().value?.[0]?.shard.dataShards ?? Number.POSITIVE_INFINITY),
  );
}

function inShards(
  { chunk, offset, lengthBytes }: ChunkSlice,
  layout: ReadonlyMap<number, readonly ShardEntry[]>,
  deps: LostShardDeps,
): readonly LocatedSlice[] {
  const there = [...layout.values()].flatMap(([first]) => (first === undefined ? [] : [first]));
  const [any] = there;
  const shards = any && shardsOf(any.shard.chunkBytes, any.shard);
  if (shards === undefined) return [];
  return placesOf(shards, { from: offset, to: offset + lengthBytes }).map(({ shard, from, to }) => {
    const entry = layout.get(shard)?.[0];
    const place = { chunk, entry, offset: from, lengthBytes: to - from, payloadBytes: shardLength(shards, shard) };
    const others = there.filter((other) => other !== entry);
    return others.length === 0 ? place : { ...place, spare: new LostShard(deps, chunk, shard, others) };
  });
}

/** Other copies of the same record. */
class Copies implements Spare {
  readonly #deps: LostShardDeps;
  readonly #chunk: Digest;
  readonly #left: PayloadReader[];
  /** Why there are none left. */
  #trouble: ReadTrouble | undefined;

  constructor(deps: LostShardDeps, chunk: Digest, copies: readonly CatalogEntry[]) {
    this.#deps = deps;
    this.#chunk = chunk;
    this.#left = copies.map((entry) => new PayloadReader(deps.files, deps.digest, chunk, entry));
  }

  async fill(from: number, target: Uint8Array, lost?: ReadTrouble): Promise<Result<void, ReadTrouble>> {
    this.#trouble = worth(this.#trouble, lost);
    for (;;) {
      const [reader] = this.#left;
      if (reader === undefined) return this.#trouble === undefined ? corrupt(this.#chunk) : fail(this.#trouble);
      const outcome = await reader.read(from, target);
      if (outcome.ok) return outcome;
      this.#trouble = worth(this.#trouble, outcome.failure);
      this.#deps.onTrouble(this.#chunk, reader.entry, outcome.failure);
      this.#left.shift();
    }
  }
}

function isShard(entry: CatalogEntry): entry is ShardEntry {
  return entry.shard !== undefined;
}

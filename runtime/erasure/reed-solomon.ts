/**
 * Reed–Solomon on bytes: parity from data, and lost shards from any `k` that are left.
 *
 * Byte `j` of a shard depends on byte `j` of the others and on nothing else. So shards may be coded in parts, and a part
 * of a lost one needs the same part of `k` others only. A source that is shorter than what is computed counts as zeros
 * from there on: the last data shard need not be padded.
 *
 * An instance belongs to one thread: it keeps 512 KiB of tiles, into which sources are copied piece by piece and targets
 * out of them, and the kernels of the patterns that were last used. The bytes themselves may lie in any memory.
 */
import { weights } from "#runtime/erasure/interpolation.ts";
import { createKernel, createTiles, type Kernel, SHARDS_MAX, TILE_BYTES, type Tiles } from "#runtime/erasure/kernel.ts";
import { assert } from "#runtime/errors.ts";

/** Kernels that are kept, the least recently used is dropped. A new one takes 0.3 to 1.5 ms. */
export const KERNELS_MAX = 64;

/** A chunk is data shards one behind the other, the last one possibly shorter; `parity` is filled. */
export interface EncodeRequest {
  readonly dataShards: number;
  readonly data: Uint8Array;
  readonly shardBytes: number;
  /** Room for the parity shards, one behind the other: a multiple of `shardBytes`. */
  readonly parity: Uint8Array;
}

/** The bytes of a shard, or the same part of every shard. Data shards are numbered first, then parity. */
export interface ShardPart {
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface ReconstructRequest {
  /** As many as there are data shards: any of them, in any order. */
  readonly sources: readonly ShardPart[];
  /** Filled: any that are not sources. */
  readonly targets: readonly ShardPart[];
}

export class ReedSolomon {
  /** Made for the first request: the engine has room for few memories, and most who could code never do. */
  #tiles: Tiles | undefined;
  /** The most recently used last. */
  readonly #kernels = new Map<string, Kernel>();

  encode(request: EncodeRequest): void {
    assertEncode(request);
    const { dataShards, data, shardBytes, parity } = request;
    const sources = slices(data, shardBytes, 0);
    this.#compute(sources, slices(parity, shardBytes, dataShards));
  }

  reconstruct(request: ReconstructRequest): void {
    assertReconstruct(request);
    this.#compute(request.sources, request.targets);
  }

  #compute(sources: readonly ShardPart[], targets: readonly ShardPart[]): void {
    this.#tiles ??= createTiles();
    const { bytes: tiles } = this.#tiles;
    const kernel = this.#kernelFor(sources, targets, this.#tiles);
    const lengthBytes = Math.max(0, ...targets.map(({ bytes }) => bytes.length));
    for (let done = 0; done < lengthBytes; done += TILE_BYTES) {
      const count = Math.min(TILE_BYTES, lengthBytes - done);
      for (const [position, { bytes }] of sources.entries()) {
        const tile = tiles.subarray(position * TILE_BYTES, position * TILE_BYTES + count);
        const piece = bytes.subarray(done, done + count);
        tile.set(piece);
        tile.fill(0, piece.length);
      }
      kernel(count);
      for (const [position, { bytes }] of targets.entries()) {
        const piece = bytes.subarray(done, done + count);
        const tile = (sources.length + position) * TILE_BYTES;
        piece.set(tiles.subarray(tile, tile + piece.length));
      }
    }
  }

  #kernelFor(sources: readonly ShardPart[], targets: readonly ShardPart[], tiles: Tiles): Kernel {
    const from = sources.map(({ index }) => index);
    const to = targets.map(({ index }) => index);
    const pattern = `${from}:${to}`;
    const kernel = this.#kernels.get(pattern) ?? createKernel(weights(from, to), tiles);
    this.#kernels.delete(pattern);
    this.#kernels.set(pattern, kernel);
    const [oldest] = this.#kernels.keys();
    if (this.#kernels.size > KERNELS_MAX && oldest !== undefined) this.#kernels.delete(oldest);
    return kernel;
  }
}

/** A request that is none is a defect of who made it. */
function assertEncode({ dataShards, data, shardBytes, parity }: EncodeRequest): void {
  assert(Number.isInteger(shardBytes) && shardBytes > 0, "a shard has a length");
  assert(Math.ceil(data.length / shardBytes) === dataShards, "the data fill the data shards, but for the last");
  assert(parity.length > 0 && parity.length % shardBytes === 0, "parity has room for whole shards");
  assert(dataShards > 0 && dataShards + parity.length / shardBytes <= SHARDS_MAX, "a code has 2 to SHARDS_MAX shards");
}

/** See `assertEncode`. */
function assertReconstruct({ sources, targets }: ReconstructRequest): void {
  const indexes = new Set([...sources, ...targets].map(({ index }) => index));
  assert(sources.length > 0 && targets.length > 0, "something is computed from something");
  assert(indexes.size === sources.length + targets.length, "a shard is given or wanted, and once");
  assert(indexes.size <= SHARDS_MAX, "a code has 2 to SHARDS_MAX shards");
  for (const index of indexes)
    assert(Number.isInteger(index) && index >= 0 && index < SHARDS_MAX, "shards are counted");
}

function slices(bytes: Uint8Array, sliceBytes: number, firstIndex: number): readonly ShardPart[] {
  return Array.from({ length: Math.ceil(bytes.length / sliceBytes) }, (_, position) => ({
    index: firstIndex + position,
    bytes: bytes.subarray(position * sliceBytes, (position + 1) * sliceBytes),
  }));
}

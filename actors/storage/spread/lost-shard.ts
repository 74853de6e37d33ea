/**
 * What a shard held, computed from others of its layout: the same bytes of any `k` of them, each verified, and the result
 * compared with what the descriptors say of it.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { CatalogEntry, ShardName } from "#actors/storage/catalog/catalog-records.ts";
import { partOf, shardLength, shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { decodeDescriptor, type ShardDescriptor } from "#actors/storage/chunks/shard-descriptor.ts";
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { DIGEST_BYTES, RECORD_HEADER_BYTES, SEGMENT_BYTES, tableBytes } from "#actors/storage/packs/record.ts";
import { corrupt, fillFrom, type ReadTrouble, worth } from "#actors/storage/packs/record-bytes.ts";
import { PayloadReader } from "#actors/storage/reads/payload-reader.ts";
import type { ReedSolomon, ShardPart } from "#runtime/erasure/reed-solomon.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";

export interface LostShardDeps {
  readonly files: PackFiles;
  readonly digest: (bytes: Uint8Array) => Uint8Array;
  readonly code: ReedSolomon;
  /** A record could not be read. */
  readonly onTrouble: (chunk: Digest, entry: CatalogEntry, trouble: ReadTrouble) => void;
}

/** A record of a shard. */
export interface ShardEntry extends CatalogEntry {
  readonly shard: ShardName;
}

export class LostShard {
  readonly #deps: LostShardDeps;
  readonly #chunk: Digest;
  readonly #shard: number;
  /** Of other shards, one record of each; those that cannot be read are taken out. */
  readonly #sources: Map<number, PayloadReader>;
  readonly #dataShards: number;
  readonly #layout: ReturnType<typeof shardsOf>;
  #descriptor: ShardDescriptor | undefined;
  /** Why there are not as many as are needed any more. */
  #trouble: ReadTrouble | undefined;

  /** `others` are of one layout. */
  constructor(deps: LostShardDeps, chunk: Digest, shard: number, others: readonly ShardEntry[]) {
    const [first] = others;
    assert(first !== undefined, "a shard is computed from others");
    const { chunkBytes, dataShards, parityShards } = first.shard;
    this.#deps = deps;
    this.#chunk = chunk;
    this.#shard = shard;
    this.#dataShards = dataShards;
    this.#layout = shardsOf(chunkBytes, { dataShards, parityShards });
    this.#sources = new Map();
    for (const entry of others) {
      if (entry.shard.shard === shard) continue;
      this.#sources.set(entry.shard.shard, new PayloadReader(deps.files, deps.digest, chunk, entry));
    }
  }

  /** Verifies each segment where the shard is one of data. */
  async fill(from: number, target: Uint8Array, lost?: ReadTrouble): Promise<Result<void, ReadTrouble>> {
    this.#trouble = worth(this.#trouble, lost);
    const layout = this.#layout;
    assert(layout !== undefined, "a layout that was stored is one");
    // The shard may end in the middle of a segment of others, which are verified as a whole.
    const to = from + Math.ceil(target.length / SEGMENT_BYTES) * SEGMENT_BYTES;
    const column = { from, to };
    const parts: ShardPart[] = [];
    const candidates = [...this.#sources];
    for (let next = 0; parts.length < this.#dataShards; ) {
      const wave = candidates.slice(next, next + this.#dataShards - parts.length);
      if (wave.length === 0) return this.#trouble === undefined ? corrupt(this.#chunk) : fail(this.#trouble);
      next += wave.length;
      const read = await Promise.all(
        wave.map(async ([index, reader]) => {
          const part = partOf(layout, index, column);
          // What a shorter shard has no more counts as zeros.
          const bytes = new Uint8Array(part.to - part.from);
          return { index, reader, bytes, outcome: bytes.length === 0 ? ok() : await reader.read(from, bytes) };
        }),
      );
      for (const { index, reader, bytes, outcome } of read) {
        if (outcome.ok) parts.push({ index, bytes });
        else {
          this.#trouble = worth(this.#trouble, outcome.failure);
          this.#sources.delete(index);
          this.#deps.onTrouble(this.#chunk, reader.entry, outcome.failure);
        }
      }
    }
    const descriptor = await this.#describe(parts.map(({ index }) => index));
    if (descriptor === undefined) return corrupt(this.#chunk);
    this.#deps.code.reconstruct({ sources: parts, targets: [{ index: this.#shard, bytes: target }] });
    return this.#isVerified(from, target, descriptor) ? ok() : corrupt(this.#chunk);
  }

  /** All of it, compared with its own digest. */
  async whole(): Promise<Result<Uint8Array, ReadTrouble>> {
    assert(this.#layout !== undefined, "a layout that was stored is one");
    const bytes = new Uint8Array(shardLength(this.#layout, this.#shard));
    const filled = await this.fill(0, bytes);
    if (!filled.ok) return filled;
    const at = this.#shard * DIGEST_BYTES;
    const expected = this.#descriptor?.shardDigests.subarray(at, at + DIGEST_BYTES);
    const isIt = expected !== undefined && Buffer.compare(this.#deps.digest(bytes), expected) === 0;
    return isIt ? ok(bytes) : corrupt(this.#chunk);
  }

  /** What any of these shards says of all of them. */
  async #describe(shards: readonly number[]): Promise<ShardDescriptor | undefined> {
    for (const shard of shards) {
      if (this.#descriptor !== undefined) break;
      const entry = this.#sources.get(shard)?.entry;
      if (entry === undefined) continue;
      const from = RECORD_HEADER_BYTES + tableBytes(entry.payloadBytes);
      const bytes = new Uint8Array(entry.payloadOffset - from);
      const read = await fillFrom(this.#deps.files, this.#chunk, entry.pack, bytes, entry.position + from);
      const descriptor = read.ok ? decodeDescriptor(bytes) : undefined;
      if (descriptor?.chunk === this.#chunk && descriptor.shard === shard) this.#descriptor = descriptor;
    }
    return this.#descriptor;
  }

  /** Parity has no segments of the chunk: only the whole of it can be compared. */
  #isVerified(from: number, target: Uint8Array, { segmentDigests, shards }: ShardDescriptor): boolean {
    if (this.#shard >= this.#dataShards) return true;
    const first = (this.#shard * shards.shardBytes + from) / SEGMENT_BYTES;
    for (let at = 0; at < target.length; at += SEGMENT_BYTES) {
      const slot = (first + at / SEGMENT_BYTES) * DIGEST_BYTES;
      const expected = segmentDigests.subarray(slot, slot + DIGEST_BYTES);
      if (Buffer.compare(this.#deps.digest(target.subarray(at, at + SEGMENT_BYTES)), expected) !== 0) return false;
    }
    return true;
  }
}

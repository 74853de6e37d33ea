/**
 * Published examples of shards, descriptors and places, by an implementation that follows the words of
 * `specs/formats/shards.md` and shares no code with the store. Run by itself it writes `specs/formats/shards.json`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { Volume } from "#actors/domain/shard-placement.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { naiveShards } from "#test/runtime/erasure/naive-code.ts";

const file = new URL("../../../specs/formats/shards.json", import.meta.url);

export interface ShardVectors {
  /** Shards in hex, data first. */
  readonly codes: readonly { readonly dataShards: number; readonly shards: readonly string[] }[];
  /** Lengths of all shards; none where the chunk is replicated. */
  readonly cuts: readonly {
    readonly chunkBytes: number;
    readonly dataShards: number;
    readonly parityShards: number;
    readonly lengths: readonly number[];
  }[];
  /** Of a chunk of `cepa noise` (`chunkers.md`). */
  readonly descriptors: readonly {
    readonly chunkBytes: number;
    readonly dataShards: number;
    readonly parityShards: number;
    readonly shard: number;
    readonly bytes: string;
  }[];
  readonly volumes: readonly Volume[];
  /** Ids of `volumes`, best first. */
  readonly places: readonly {
    readonly chunk: string;
    readonly shardCount: number;
    readonly volumes: readonly string[];
  }[];
}

const SEGMENT = 64 * KiB;
const encoder = new TextEncoder();
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

export function noiseOf(sizeBytes: number): Uint8Array {
  const digests = upTo(Math.ceil(sizeBytes / 32)).map((number) => digestOf(encoder.encode(`cepa noise ${number}`)));
  return Buffer.concat(digests).subarray(0, sizeBytes);
}

function lengthsOf(chunkBytes: number, dataShards: number, parityShards: number): readonly number[] {
  if (chunkBytes < 256 * KiB || dataShards === 1) return [];
  let shardBytes = SEGMENT;
  while (shardBytes * dataShards < chunkBytes) shardBytes += SEGMENT;
  const lengths: number[] = [];
  for (let left = chunkBytes; left > 0; left -= shardBytes) lengths.push(Math.min(left, shardBytes));
  return [...lengths, ...upTo(parityShards).map(() => shardBytes)];
}

function descriptorOf(chunk: Uint8Array, dataShards: number, parityShards: number, shard: number): Uint8Array {
  const lengths = lengthsOf(chunk.length, dataShards, parityShards);
  const [shardBytes = 0] = lengths;
  const padded = upTo(lengths.length - parityShards).map((index) => {
    const slice = Buffer.alloc(shardBytes);
    slice.set(chunk.subarray(index * shardBytes, (index + 1) * shardBytes));
    return slice;
  });
  const shards = naiveShards(padded, lengths.length).map((bytes, index) => bytes.subarray(0, lengths[index]));
  const front = Buffer.from(`CpaS....${"....".repeat(9)}`, "latin1");
  front.set([1, padded.length, parityShards, shard], 4);
  front.writeUInt32LE(chunk.length, 8);
  front.set(digestOf(chunk), 12);
  const segments = upTo(Math.ceil(chunk.length / SEGMENT)).map((index) =>
    digestOf(chunk.subarray(index * SEGMENT, (index + 1) * SEGMENT)),
  );
  const all = Buffer.concat([front, ...shards.map(digestOf), ...segments]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(all));
  return Buffer.concat([all, crc]);
}

/** Steps 1 to 4 of the page, in whole numbers without a bound. */
export function naivePlaces(chunk: Uint8Array, shardCount: number, volumes: readonly Volume[]): readonly string[] {
  const rest = volumes.map((volume) => ({ ...volume, wait: naiveWait(chunk, volume.id), held: 0 }));
  const isBefore = (one: (typeof rest)[number], other: (typeof rest)[number]): boolean => {
    const [left, right] = [one.wait * BigInt(other.weight), other.wait * BigInt(one.weight)];
    return left < right || (left === right && one.id < other.id);
  };
  const best = (from: typeof rest): (typeof rest)[number] | undefined =>
    from.reduce<(typeof rest)[number] | undefined>(
      (found, volume) =>
        found === undefined || volume.held < found.held || (volume.held === found.held && isBefore(volume, found))
          ? volume
          : found,
      undefined,
    );
  const heldBy = (domain: string): number =>
    rest.filter((volume) => volume.domain === domain).reduce((sum, { held }) => sum + held, 0);
  return upTo(shardCount).map(() => {
    const fewest = Math.min(...rest.map(({ domain }) => heldBy(domain)));
    const chosen = best(
      [...new Set(rest.map(({ domain }) => domain))]
        .filter((domain) => heldBy(domain) === fewest)
        .map((domain) => best(rest.filter((volume) => volume.domain === domain)))
        .filter((volume) => volume !== undefined),
    );
    if (chosen === undefined) return "";
    chosen.held += 1;
    return chosen.id;
  });
}

export function naiveWait(chunk: Uint8Array, id: string): bigint {
  const word = (at: number): bigint => BigInt(Buffer.from(chunk).readUInt32LE(at));
  const half = (at: number): bigint => BigInt(`0x${id.slice(at, at + 8)}`);
  const drawn = mixed(mixed(word(0) ^ half(0)) ^ word(4) ^ half(8)) || 1n;
  const exponent = BigInt(drawn.toString(2).length - 1);
  let mantissa = (drawn << 25n) >> exponent;
  let logarithm = exponent;
  for (const _ of upTo(20)) {
    const square = (mantissa * mantissa) >> 25n;
    const bit = square >> 26n;
    mantissa = square >> bit;
    logarithm = 2n * logarithm + bit;
  }
  return (1n << 25n) - logarithm;
}

function mixed(word: bigint): bigint {
  const low = (value: bigint): bigint => value & 0xffffffffn;
  let value = low((word ^ (word >> 16n)) * 0x85ebca6bn);
  value = low((value ^ (value >> 13n)) * 0xc2b2ae35n);
  return value ^ (value >> 16n);
}

export function makeVectors(): ShardVectors {
  const profiles = [
    [2, 1],
    [2, 2],
    [4, 2],
    [6, 3],
    [10, 4],
  ] as const;
  const volumes = [100, 200, 400, 100, 200, 400, 800, 100].map((weight, number) => ({
    id: hexOf(digestOf(encoder.encode(`cepa volume ${number}`)).subarray(0, 8)),
    weight,
    domain: `domain ${number % 5}`,
  }));
  const chunkBytes = 300 * KiB;
  return {
    codes: profiles.map(([dataShards, parityShards]) => ({
      dataShards,
      shards: naiveShards(
        upTo(dataShards).map((index) => noiseOf(8 * dataShards).subarray(8 * index, 8 * index + 8)),
        dataShards + parityShards,
      ).map(hexOf),
    })),
    cuts: [256 * KiB - 1, 256 * KiB, 256 * KiB + 1, 1 * MiB, 2 * MiB - 1, 4 * MiB].flatMap((length) =>
      profiles.map(([dataShards, parityShards]) => ({
        chunkBytes: length,
        dataShards,
        parityShards,
        lengths: lengthsOf(length, dataShards, parityShards),
      })),
    ),
    descriptors: [0, 4].map((shard) => ({
      chunkBytes,
      dataShards: 4,
      parityShards: 2,
      shard,
      bytes: hexOf(descriptorOf(noiseOf(chunkBytes), 4, 2, shard)),
    })),
    volumes,
    places: [1, 4, 6, 9].flatMap((shardCount) =>
      upTo(4).map((number) => {
        const chunk = digestOf(encoder.encode(`cepa chunk ${number}`));
        return { chunk: hexOf(chunk), shardCount, volumes: naivePlaces(chunk, shardCount, volumes) };
      }),
    ),
  };
}

export function publishedVectors(): ShardVectors {
  return JSON.parse(readFileSync(file, "utf8")) as ShardVectors;
}

if (import.meta.main) writeFileSync(file, `${JSON.stringify(makeVectors(), undefined, 2)}\n`);

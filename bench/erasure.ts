/**
 * What shards cost the processor: parity, and lost data shards, of chunks of 2 MiB.
 *
 * Rates are of the chunk's bytes. Memory stays in the caches; nothing is read from a disk.
 */
import { type Measurement, median } from "#bench/measurement.ts";
import { type EncodeRequest, ReedSolomon, type ShardPart } from "#runtime/erasure/reed-solomon.ts";
import { KiB, MiB } from "#runtime/units.ts";

const CODES = [
  [2, 1],
  [4, 2],
  [6, 3],
  [10, 4],
] as const;
const CHUNK_BYTES: number = 2 * MiB;
const SEGMENT_BYTES: number = 64 * KiB;
const WARM_UP = 30;
const ROUNDS = 60;

export async function* benchErasure(): AsyncGenerator<Measurement> {
  const coder = new ReedSolomon();
  for (const [dataShards, parityShards] of CODES) {
    const code = `${dataShards}+${parityShards}`;
    const request = requestFor(dataShards, parityShards);

    const encoded = rateOf(() => coder.encode(request));
    const target = code === "4+2" ? { target: "≥ 1.6 GB/s", met: encoded >= 1.6 } : {};
    yield { name: `erasure.encode-${code}`, value: encoded, unit: "GB/s", ...target };
    const shards = shardsOf(request);
    for (const lost of new Set([1, parityShards])) {
      const sources = shards.slice(lost, lost + request.dataShards);
      const targets = shards.slice(0, lost).map(({ index, bytes }) => ({ index, bytes: new Uint8Array(bytes.length) }));
      const rate = rateOf(() => coder.reconstruct({ sources, targets }));
      if (targets.some(({ index, bytes }) => Buffer.compare(bytes, shards[index]?.bytes ?? bytes) !== 0)) {
        throw new Error(`${code} came back wrong`);
      }
      yield { name: `erasure.reconstruct-${code}-lost-${lost}`, value: rate, unit: "GB/s" };
    }
  }
}

function requestFor(dataShards: number, parityShards: number): EncodeRequest {
  const shardBytes = Math.ceil(CHUNK_BYTES / SEGMENT_BYTES / dataShards) * SEGMENT_BYTES;
  const data = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; at < data.length; at += 1) data[at] = Math.imul(at, 0x9e3779b1) >>> 24;
  return {
    dataShards: Math.ceil(CHUNK_BYTES / shardBytes),
    data,
    shardBytes,
    parity: new Uint8Array(parityShards * shardBytes),
  };
}

function shardsOf({ data, shardBytes, parity }: EncodeRequest): readonly ShardPart[] {
  const slices = [data, parity].flatMap((bytes) =>
    Array.from({ length: Math.ceil(bytes.length / shardBytes) }, (_, at) =>
      bytes.subarray(at * shardBytes, (at + 1) * shardBytes),
    ),
  );
  return slices.map((bytes, index) => ({ index, bytes }));
}

/** GB/s, the median. */
function rateOf(work: () => void): number {
  for (let round = 0; round < WARM_UP; round += 1) work();
  const samples = Array.from({ length: ROUNDS }, () => {
    const startedMs = performance.now();
    work();
    return CHUNK_BYTES / 1e6 / (performance.now() - startedMs);
  });
  return median(samples);
}

/** Records, headers and seals of packs, and descriptors of shards: what a disk may have turned into anything. */
import assert from "node:assert/strict";
import { digestFromBytes } from "#actors/domain/address.ts";
import { shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { decodeDescriptor, encodeDescriptor } from "#actors/storage/chunks/shard-descriptor.ts";
import {
  decodePackHeader,
  decodeSealFooter,
  encodePackFront,
  encodeSealFooter,
  PACK_HEADER_BYTES,
} from "#actors/storage/packs/pack-format.ts";
import {
  decodeHeader,
  encodeHeader,
  NO_TABLE,
  RECORD_HEADER_BYTES,
  segmentCount,
} from "#actors/storage/packs/record.ts";
import { KiB } from "#runtime/units.ts";
import { filled, resealed } from "#test/fuzz/bytes.ts";
import type { Target } from "#test/fuzz/target.ts";

const mark = filled(9, 8);

const header = {
  mark,
  sequence: 7,
  isTransient: false,
  isSettled: true,
  epoch: 3,
  digest: filled(1),
  tableDigest: NO_TABLE,
};
const record: Target = {
  name: "pack record",
  seeds: [
    encodeHeader({ ...header, kind: "manifest", payloadOffset: 128, payloadBytes: 300 }),
    encodeHeader({ ...header, kind: "chunk", sequence: 0, payloadOffset: 2176, payloadBytes: 100 * KiB }),
    encodeHeader({
      ...header,
      kind: "shard",
      sequence: 0,
      isSettled: false,
      payloadOffset: 900,
      payloadBytes: 64 * KiB,
    }),
  ],
  check(input) {
    for (const bytes of [input, resealed(input, RECORD_HEADER_BYTES - 4)]) {
      const read = decodeHeader(bytes, undefined);
      if (read === undefined) continue;
      assert.deepEqual(decodeHeader(encodeHeader(read), read.mark), read);
      // Under another mark it is a record of another pack.
      assert.equal(decodeHeader(bytes, filled(0xee, 8)), undefined);
    }
  },
};

const frames: Target = {
  name: "pack header and seal",
  seeds: [
    encodePackFront(1, mark).slice(0, PACK_HEADER_BYTES),
    encodeSealFooter({ entryCount: 2, tablePosition: 9000, tableDigest: filled(5) }, mark),
  ],
  check(input) {
    for (const bytes of [input, resealed(input, 60)]) {
      const found = decodePackHeader(bytes, 1);
      if (found !== undefined) assert.deepEqual(markOf(encodePackFront(1, found)), new Uint8Array(found));
      const footer = decodeSealFooter(bytes, mark);
      if (footer === undefined) continue;
      const again = Buffer.from(encodeSealFooter(footer, mark));
      assert.deepEqual(again, Buffer.from(bytes.subarray(0, again.length)));
    }
  },
};

function markOf(front: Uint8Array): Uint8Array {
  return new Uint8Array(decodePackHeader(front, 1) ?? []);
}

function descriptorSeed(chunkBytes: number, dataShards: number, parityShards: number, shard: number): Uint8Array {
  const shards = shardsOf(chunkBytes, { dataShards, parityShards });
  assert(shards !== undefined);
  const shardDigests = filled(3, 32 * (shards.dataShards + parityShards));
  const segmentDigests = filled(4, 32 * segmentCount(chunkBytes));
  return encodeDescriptor({ chunk: digestFromBytes(filled(1)), shards, shard, shardDigests, segmentDigests });
}

const shardDescriptor: Target = {
  name: "shard descriptor",
  seeds: [descriptorSeed(256 * KiB, 4, 2, 0), descriptorSeed(300_000, 2, 1, 2), descriptorSeed(700_000, 10, 4, 9)],
  check(input) {
    for (const bytes of [input, resealed(input, input.length - 4)]) {
      const read = decodeDescriptor(bytes);
      if (read === undefined) continue;
      const again = encodeDescriptor(read);
      assert.deepEqual(Buffer.from(again), Buffer.from(bytes.subarray(0, again.length)));
    }
  },
};

export const TARGETS: readonly Target[] = [record, frames, shardDescriptor];

/** Reed–Solomon: the bytes that other libraries make, and every shard back from any `k`. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { divide, multiply } from "#runtime/erasure/field.ts";
import { weights } from "#runtime/erasure/interpolation.ts";
import { SHARDS_MAX, TILE_BYTES } from "#runtime/erasure/kernel.ts";
import { KERNELS_MAX, ReedSolomon } from "#runtime/erasure/reed-solomon.ts";
import { Defect } from "#runtime/errors.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { codingMatrix, naiveProduct, naiveShards } from "#test/runtime/erasure/naive-code.ts";

const upTo = (count: number, from = 0): number[] => Array.from({ length: count - from }, (_, index) => from + index);
const coder = new ReedSolomon();

/** Says no more than that: the difference of long shards would take minutes to write. */
function assertSame(bytes: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  assert(bytes !== undefined && expected !== undefined && Buffer.compare(bytes, expected) === 0, "the same bytes");
}

describe("reed-solomon: the field", () => {
  it("multiplies as by hand, and divides back, for all bytes", () => {
    for (const a of upTo(256)) {
      for (const b of upTo(256)) {
        const product = multiply(a, b);
        if (product !== naiveProduct(a, b)) assert.equal(product, naiveProduct(a, b), `${a} × ${b}`);
        if (b !== 0) assert.equal(divide(product, b), a);
      }
    }
    assert.throws(() => divide(1, 0), Defect);
  });
});

describe("reed-solomon: other libraries' codes", () => {
  it("has the parity rows that Backblaze's matrix of 4+2 has", () => {
    assert.deepEqual(weights([0, 1, 2, 3], [4, 5]), [
      [27, 28, 18, 20],
      [28, 27, 20, 18],
    ]);
  });

  it("makes the parity of Backblaze's published vector of 5+5", () => {
    const data = Uint8Array.of(0, 1, 4, 5, 2, 3, 6, 7, 8, 9);
    const parity = new Uint8Array(10);

    coder.encode({ dataShards: 5, data, shardBytes: 2, parity });

    assert.deepEqual([...parity], [12, 13, 10, 11, 14, 15, 90, 91, 94, 95]);
  });

  it("has the rows of the Vandermonde matrix over the inverse of its top, for every code", () => {
    for (const dataShards of upTo(SHARDS_MAX, 1)) {
      const matrix = codingMatrix(dataShards, SHARDS_MAX);

      assert.deepEqual(weights(upTo(dataShards), upTo(SHARDS_MAX, dataShards)), matrix.slice(dataShards));
    }
  });
});

/** Codes, lengths around those of vectors and tiles, and an order of all shards: the first are sources, some are wanted. */
const cases = fc
  .record({
    dataShards: fc.integer({ min: 1, max: 12 }),
    parityShards: fc.integer({ min: 1, max: 5 }),
    shardBytes: fc.oneof(
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: TILE_BYTES - 2, max: TILE_BYTES + 2 }),
      fc.constant(2 * TILE_BYTES + 5),
    ),
    missingBytes: fc.nat(40),
    seed: fc.nat(),
  })
  .chain((code) =>
    fc.record({
      code: fc.constant(code),
      order: fc.shuffledSubarray(upTo(code.dataShards + code.parityShards), {
        minLength: code.dataShards + 1,
        maxLength: code.dataShards + code.parityShards,
      }),
    }),
  );

describe("reed-solomon: encode and reconstruct", () => {
  it("agree with the naive code, from any sources to any targets, with a last shard that is short", () => {
    fc.assert(
      fc.property(cases, ({ code, order }) => {
        const { dataShards, parityShards, shardBytes, missingBytes, seed } = code;
        const shardCount = dataShards + parityShards;
        const padded = seededRandom(seed).bytes(dataShards * shardBytes);
        const data = padded.subarray(0, padded.length - Math.min(missingBytes, shardBytes - 1));
        padded.fill(0, data.length);
        const slice = (bytes: Uint8Array, index: number): Uint8Array =>
          bytes.subarray(index * shardBytes, (index + 1) * shardBytes);
        const expected = naiveShards(
          upTo(dataShards).map((index) => slice(padded, index)),
          shardCount,
        );
        const parity = new Uint8Array(parityShards * shardBytes).fill(0xee);

        coder.encode({ dataShards, data, shardBytes, parity });
        const made = upTo(shardCount).map((index) =>
          index < dataShards ? slice(data, index) : slice(parity, index - dataShards),
        );
        for (const index of upTo(shardCount, dataShards)) assertSame(made[index], expected[index]);

        const sources = order.slice(0, dataShards).map((index) => ({ index, bytes: made[index] ?? parity }));
        // A target as long as the shard is: the last data shard may be shorter than what is computed.
        const targets = order.slice(dataShards).map((index) => ({
          index,
          bytes: new Uint8Array(made[index]?.length ?? 0).fill(0xee),
        }));
        coder.reconstruct({ sources, targets });
        for (const { index, bytes } of targets) assertSame(bytes, made[index]);
      }),
      { numRuns: 150 },
    );
  });

  it("a column of a lost shard comes from the same column of others", () => {
    const data = seededRandom(1).bytes(4000);
    const parity = new Uint8Array(2000);
    coder.encode({ dataShards: 4, data, shardBytes: 1000, parity });
    const column = (bytes: Uint8Array, shard: number): Uint8Array =>
      bytes.slice(shard * 1000 + 333, shard * 1000 + 777);

    const lost = new Uint8Array(444);
    coder.reconstruct({
      sources: [
        { index: 5, bytes: column(parity, 1) },
        { index: 0, bytes: column(data, 0) },
        { index: 3, bytes: column(data, 3) },
        { index: 4, bytes: column(parity, 0) },
      ],
      targets: [{ index: 2, bytes: lost }],
    });

    assert.deepEqual(lost, column(data, 2));
  });

  it("leave sources, and what lies around targets, as they were", () => {
    const room = new Uint8Array(64).fill(7);
    const data = room.subarray(3, 3 + 20);
    const parity = room.subarray(30, 40);

    coder.encode({ dataShards: 2, data, shardBytes: 10, parity });

    assert.deepEqual(
      [...room].filter((_, at) => at < 30 || at >= 40),
      Array.from({ length: 54 }, () => 7),
    );
    assert.notDeepEqual(
      [...parity],
      Array.from({ length: 10 }, () => 0),
    );
  });

  it("go on rightly past the number of kernels that are kept", () => {
    const data = seededRandom(2).bytes(SHARDS_MAX);
    const few = new ReedSolomon();
    const patterns = upTo(KERNELS_MAX + 3).map((number) => [number % 8, 8 + Math.floor(number / 8)] as const);

    for (let round = 0; round < 2; round += 1) {
      for (const [source, target] of patterns) {
        const bytes = new Uint8Array(1);
        const given = data.subarray(source, source + 1);
        few.reconstruct({ sources: [{ index: source, bytes: given }], targets: [{ index: target, bytes }] });
        assert.deepEqual(bytes, given, "with one data shard every shard is a copy");
      }
    }
  });
});

describe("reed-solomon: requests that are none", () => {
  const part = (index: number): { readonly index: number; readonly bytes: Uint8Array } => ({
    index,
    bytes: new Uint8Array(4),
  });

  it("encode takes at most SHARDS_MAX shards, that the data fill", () => {
    const encode = (dataShards: number, dataBytes: number, parityBytes: number, shardBytes = 4): void =>
      coder.encode({
        dataShards,
        data: new Uint8Array(dataBytes),
        shardBytes,
        parity: new Uint8Array(parityBytes),
      });

    assert.doesNotThrow(() => encode(SHARDS_MAX - 2, (SHARDS_MAX - 2) * 4, 8));
    assert.throws(() => encode(SHARDS_MAX - 2, (SHARDS_MAX - 2) * 4, 12), Defect);
    assert.doesNotThrow(() => encode(2, 5, 4));
    assert.throws(() => encode(2, 4, 4), Defect, "a data shard is empty");
    assert.throws(() => encode(2, 9, 4), Defect, "more than the data shards hold");
    assert.throws(() => encode(0, 0, 4), Defect);
    assert.throws(() => encode(2, 8, 0), Defect);
    assert.throws(() => encode(2, 8, 6), Defect, "half a parity shard");
    assert.throws(() => encode(2, 8, 4, 0), Defect);
  });

  it("reconstruct takes each shard once, below SHARDS_MAX", () => {
    const reconstruct = (sources: readonly number[], targets: readonly number[]): void =>
      coder.reconstruct({ sources: sources.map(part), targets: targets.map(part) });

    assert.doesNotThrow(() => reconstruct([0, SHARDS_MAX - 1], [1]));
    assert.throws(() => reconstruct([0, SHARDS_MAX], [1]), Defect);
    assert.throws(() => reconstruct([0, 0], [1]), Defect);
    assert.throws(() => reconstruct([0, 1], [1]), Defect);
    assert.throws(() => reconstruct([0, -1], [1]), Defect);
    assert.throws(() => reconstruct([], [1]), Defect);
    assert.throws(() => reconstruct([0], []), Defect);
  });
});

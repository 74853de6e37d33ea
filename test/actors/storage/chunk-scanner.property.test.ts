/** The chunker against a naive one that sees the whole object, and against its own frozen cuts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, ChunkScanner } from "#actors/storage/chunk-scanner.ts";
import { makeGearTable } from "#actors/storage/gear-table.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";

const table = makeGearTable(digestOf);

function cutsOf(bytes: Uint8Array, pieces: () => number): readonly number[] {
  const scanner = new ChunkScanner(table);
  const cuts: number[] = [];
  for (let from = 0; from < bytes.length; ) {
    const piece = bytes.subarray(from, from + pieces());
    for (let at = 0; at < piece.length; ) {
      at = scanner.advance(piece, at);
      if (scanner.atCut) cuts.push(from + at);
    }
    from += piece.length;
  }
  return cuts;
}

/** One chunk after another, with the rule written as the format describes it. */
function naiveCuts(bytes: Uint8Array): readonly number[] {
  const cuts: number[] = [];
  let from = 0;
  let hash = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const length = at - from + 1;
    if (length <= CHUNK_BYTES_MIN) continue;
    hash = (Math.imul(hash, 2) + (table[bytes[at] ?? 0] ?? 0)) >>> 0;
    const zeroBits = length <= 1.5 * MiB ? 23 : 19;
    if (hash < 2 ** (32 - zeroBits) || length === CHUNK_BYTES_MAX) {
      cuts.push(at + 1);
      from = at + 1;
      hash = 0;
    }
  }
  return cuts;
}

const random = seededRandom(42).bytes(24 * MiB);
const frozenWords = [1029528713, 386311831, 3370290234, 4285663397];
const frozen = [
  1756161, 3827473, 5547880, 7332249, 10130761, 12382437, 14081447, 15785839, 18038856, 20506537, 22272188, 24287367,
];

describe("chunk scanner: advance", () => {
  it("cuts where the naive chunker does, however the bytes arrive", () => {
    const expected = naiveCuts(random);
    const pieceSizes = fc.array(fc.integer({ min: 1, max: 700 * KiB }), { minLength: 1, maxLength: 20 });

    fc.assert(
      fc.property(pieceSizes, (sizes) => {
        let index = 0;
        assert.deepEqual(
          cutsOf(random, () => {
            index += 1;
            return sizes[index % sizes.length] ?? 1;
          }),
          expected,
        );
      }),
      { numRuns: 10 },
    );
  });

  it("cuts at the same places in every version: frozen vectors", () => {
    assert.deepEqual(
      Array.from(table.subarray(0, 4), (word) => word >>> 0),
      frozenWords,
    );
    assert.deepEqual(
      cutsOf(random, () => 256 * KiB),
      frozen,
    );
  });

  it("keeps every chunk but the last between the bounds, near 2 MiB on average", () => {
    const cuts = cutsOf(random, () => 1 * MiB);
    const lengths = cuts.map((cut, index) => cut - (cuts[index - 1] ?? 0));

    assert(lengths.every((length) => length > CHUNK_BYTES_MIN && length <= CHUNK_BYTES_MAX));
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    assert(mean > 1.5 * MiB && mean < 2.5 * MiB, `mean ${mean}`);
  });

  it("cuts a run of zeroes at the largest length, and 1 MiB not at all", () => {
    assert.deepEqual(
      cutsOf(new Uint8Array(9 * MiB), () => 64 * KiB),
      [4 * MiB, 8 * MiB],
    );
    assert.deepEqual(
      cutsOf(random.subarray(0, 1 * MiB), () => 64 * KiB),
      [],
    );
  });

  it("finds its cuts again behind an insertion", () => {
    const cuts = cutsOf(random, () => 256 * KiB);
    const inserted = Buffer.concat([random.subarray(0, 100), Buffer.from("seven b"), random.subarray(100)]);

    const shifted = cutsOf(inserted, () => 256 * KiB).map((cut) => cut - 7);

    const common = cuts.filter((cut) => shifted.includes(cut)).length;
    assert(common >= cuts.length - 2, `${common} of ${cuts.length} cuts are the same`);
  });
});

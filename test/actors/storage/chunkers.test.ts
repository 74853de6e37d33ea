/** Chunkers against their published vectors, which a naive implementation wrote that sees the whole object. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CHUNK_PROFILES, type ChunkProfile } from "#actors/domain/chunk-profiles.ts";
import { ChunkScanner } from "#actors/storage/chunks/chunk-scanner.ts";
import { cutSmall } from "#actors/storage/chunks/cut-small.ts";
import { makeGearTable } from "#actors/storage/chunks/gear-table.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { bytesOf, makeVectors, naiveEnds, publishedVectors } from "#test/actors/storage/chunk-vectors.ts";

const table = makeGearTable(digestOf);
const profiles = Object.values(CHUNK_PROFILES);
const random = seededRandom(42).bytes(24 * MiB);

/** Where chunks end, the last one's end included. */
function endsOf(bytes: Uint8Array, profile: ChunkProfile, pieces: () => number): readonly number[] {
  const scanner = new ChunkScanner(profile, table);
  const ends: number[] = [];
  for (let from = 0; from < bytes.length; ) {
    const piece = bytes.subarray(from, from + pieces());
    for (let at = 0; at < piece.length; ) {
      at = scanner.advance(piece, at);
      if (scanner.atCut) ends.push(from + at);
    }
    from += piece.length;
  }
  return bytes.length === (ends.at(-1) ?? 0) ? ends : [...ends, bytes.length];
}

describe("chunkers: the published vectors", () => {
  it("are those that their generator writes", () => {
    assert.deepEqual(publishedVectors(), makeVectors());
  });

  it("are where the store cuts", () => {
    for (const { chunker, ends, parts } of publishedVectors()) {
      const cuts = endsOf(bytesOf({ parts }), CHUNK_PROFILES[chunker], () => 256 * KiB);
      assert.deepEqual(cuts, ends, `${chunker} ${JSON.stringify(parts)}`);
    }
  });
});

for (const profile of profiles) {
  const { name, bytesMin, bytesMax } = profile;

  describe(`chunkers: ${name}`, () => {
    it("cuts at the same places however the bytes arrive", () => {
      const expected = naiveEnds(random.subarray(0, 12 * MiB), profile);
      const pieceSizes = fc.array(fc.integer({ min: 1, max: 700 * KiB }), { minLength: 1, maxLength: 20 });

      fc.assert(
        fc.property(pieceSizes, (sizes) => {
          let index = 0;
          const pieces = (): number => {
            index += 1;
            return sizes[index % sizes.length] ?? 1;
          };
          assert.deepEqual(endsOf(random.subarray(0, 12 * MiB), profile, pieces), expected);
        }),
        { numRuns: 10 },
      );
    });

    it("cuts what is whole in memory where it cuts a stream", () => {
      const sizes = fc.integer({ min: 0, max: 1 * MiB });

      fc.assert(
        fc.property(sizes, sizes, (size, first) => {
          const bytes = random.subarray(0, size);
          const parts = [bytes.subarray(0, first), bytes.subarray(first)].filter(({ length }) => length > 0);
          const chunks = cutSmall(parts, profile, table, inlineCpu());
          let end = 0;
          const ends = chunks.map(({ digests }) => {
            end += digests.lengthBytes;
            return end;
          });

          assert.deepEqual(ends, size === 0 ? [] : naiveEnds(bytes, profile));
          for (const [index, { payload, digests }] of chunks.entries()) {
            const whole = bytes.subarray(ends[index - 1] ?? 0, ends[index]);
            assert.equal(Buffer.concat(payload).equals(whole), true);
            assert.deepEqual(digests.digest, digestOf(whole));
          }
        }),
        { numRuns: 30 },
      );
    });

    it("keeps every chunk but the last between its bounds, and near its average", () => {
      const ends = endsOf(random, profile, () => 1 * MiB);
      const lengths = ends.map((end, index) => end - (ends[index - 1] ?? 0)).slice(0, -1);

      assert(lengths.every((length) => length >= bytesMin && length <= bytesMax));
      const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
      const averageBytes = name === "gear-fine/1" ? 64 * KiB : name === "fixed/1" ? 1 * MiB : 2 * MiB;
      assert(mean > 0.75 * averageBytes && mean < 1.25 * averageBytes, `mean ${mean}`);
    });

    it("finds its cuts again behind an insertion, unless they are fixed", () => {
      const ends = endsOf(random, profile, () => 256 * KiB);
      const inserted = Buffer.concat([random.subarray(0, 100), Buffer.from("seven b"), random.subarray(100)]);

      const shifted = new Set(endsOf(inserted, profile, () => 256 * KiB).map((end) => end - 7));

      const common = ends.filter((end) => shifted.has(end)).length;
      if (name === "fixed/1") assert.equal(common, 1);
      else assert(common >= ends.length - 2, `${common} of ${ends.length} ends are the same`);
    });
  });
}

/** Placement: one shard a domain, little movement, balance by weight, and the same on every machine. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { placeShards, type Volume, WEIGHT_MAX, weightOf } from "#actors/domain/shard-placement.ts";
import { Defect } from "#runtime/errors.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { GiB } from "#runtime/units.ts";

const digests: fc.Arbitrary<Digest> = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(digestFromBytes);
const ids = fc.stringMatching(/^[0-9a-f]{16}$/);
const layouts: fc.Arbitrary<readonly Volume[]> = fc.uniqueArray(
  fc.record(
    {
      id: ids,
      weight: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: WEIGHT_MAX })),
      domain: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
    },
    { noNullPrototype: true },
  ),
  { selector: ({ id }) => id, minLength: 1, maxLength: 14 },
);
const shardCounts = fc.integer({ min: 1, max: 14 });

function numberedChunk(number: number): Digest {
  return digestFromBytes(digestOf(new TextEncoder().encode(`chunk ${number}`)));
}

function numberedVolumes(weights: readonly number[]): Volume[] {
  return weights.map((weight, number) => {
    const id = Buffer.from(digestOf(new TextEncoder().encode(`volume ${number}`))).toString("hex", 0, 8);
    return { id, weight, domain: `d${number}` };
  });
}

function countsBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}

describe("placement: placeShards", () => {
  it("spreads over domains, and over the volumes of each, as evenly as can be", () => {
    fc.assert(
      fc.property(digests, shardCounts, layouts, (chunk, shardCount, volumes) => {
        const places = placeShards(chunk, shardCount, volumes);

        assert.equal(places.length, shardCount);
        const inDomain = countsBy(places, ({ domain }) => domain);
        const onVolume = countsBy(places, ({ id }) => id);
        for (const [domain, members] of Map.groupBy(volumes, (volume) => volume.domain)) {
          const fewest = Math.floor(shardCount / new Set(volumes.map((volume) => volume.domain)).size);
          const count = inDomain.get(domain) ?? 0;
          assert(count === fewest || count === fewest + 1, `${domain} has ${count}`);
          const held = members.map(({ id }) => onVolume.get(id) ?? 0);
          assert(Math.max(...held) - Math.min(...held) <= 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("moves only the shards of a volume that goes, and only to one that comes", () => {
    fc.assert(
      fc.property(digests, shardCounts, layouts, fc.nat(), (chunk, shardCount, volumes, pick) => {
        fc.pre(volumes.length > 1);
        const gone = volumes[pick % volumes.length];
        const without = volumes.filter((volume) => volume !== gone);

        const before = countsBy(placeShards(chunk, shardCount, volumes), ({ id }) => id);
        const after = countsBy(placeShards(chunk, shardCount, without), ({ id }) => id);

        for (const { id } of without) assert((after.get(id) ?? 0) >= (before.get(id) ?? 0), "who stays keeps");
      }),
      { numRuns: 2000 },
    );
  });

  it("does not depend on the order in which volumes are given", () => {
    fc.assert(
      fc.property(digests, shardCounts, layouts, (chunk, shardCount, volumes) => {
        assert.deepEqual(placeShards(chunk, shardCount, volumes.toReversed()), placeShards(chunk, shardCount, volumes));
      }),
    );
  });

  it("chooses a volume in proportion to its weight", () => {
    const weights = [1, 2, 3, 4, 10, 20, 1000, 8];
    const volumes = numberedVolumes(weights);
    const chunkCount = 40_000;
    const places = Array.from({ length: chunkCount }, (_, number) =>
      placeShards(numberedChunk(number), 1, volumes),
    ).flat();

    const counts = countsBy(places, ({ id }) => id);
    const total = weights.reduce((sum, weight) => sum + weight);
    for (const { id, weight } of volumes) {
      const expected = (chunkCount * weight) / total;
      const deviation = Math.sqrt(expected * (1 - weight / total));
      assert(Math.abs((counts.get(id) ?? 0) - expected) < 4 * deviation, `${weight}: ${counts.get(id)} of ${expected}`);
    }
  });

  it("gives each of six equal volumes a sixth of the shards of 4+2, and each of seven a seventh", () => {
    for (const count of [6, 7]) {
      const volumes = numberedVolumes(Array.from({ length: count }, () => 500));
      const places = Array.from({ length: 7000 }, (_, number) => placeShards(numberedChunk(number), 6, volumes)).flat();

      for (const held of countsBy(places, ({ id }) => id).values()) {
        assert(Math.abs(held - 42_000 / count) < 42_000 / count / 20, `${held} of ${42_000 / count}`);
      }
    }
  });

  it("moves a seventh of the shards to a seventh volume, and not more", () => {
    const seven = numberedVolumes(Array.from({ length: 7 }, () => 100));
    const six = seven.slice(0, 6);
    let moved = 0;
    for (let number = 0; number < 5000; number += 1) {
      const before = placeShards(numberedChunk(number), 6, six).map(({ id }) => id);
      const after = placeShards(numberedChunk(number), 6, seven).map(({ id }) => id);
      moved += before.filter((id) => !after.includes(id)).length;
    }

    assert(moved > (0.95 * 30_000) / 7 && moved < (1.05 * 30_000) / 7, `${moved} moved`);
  });

  it("refuses what is no layout", () => {
    const [volume] = numberedVolumes([1]);
    assert(volume !== undefined);
    const place = (change: Partial<Volume>): unknown => placeShards(numberedChunk(0), 1, [{ ...volume, ...change }]);

    assert.doesNotThrow(() => place({ weight: WEIGHT_MAX }));
    for (const weight of [0, -1, 1.5, WEIGHT_MAX + 1, Number.NaN]) assert.throws(() => place({ weight }), Defect);
    for (const id of ["", "disk-1", "0123456789ABCDEF", "0123456789abcdef0"])
      assert.throws(() => place({ id }), Defect);
    assert.throws(() => placeShards(numberedChunk(0), 1, []), Defect);
    assert.deepEqual(placeShards(numberedChunk(0), 0, []), []);
  });
});

describe("placement: weightOf", () => {
  it("is the capacity in GiB, between one and a PiB", () => {
    assert.deepEqual([0, GiB - 1, GiB, 2.5 * GiB, WEIGHT_MAX * GiB, WEIGHT_MAX * GiB * 2].map(weightOf), [
      1,
      1,
      1,
      2,
      WEIGHT_MAX,
      WEIGHT_MAX,
    ]);
  });
});

/** The parts of the disk on a bucket, each against the simplest thing that could be right. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeTable, ExtentTable, encodeTable, type Piece } from "#runtime/bucket/extent-table.ts";
import { understand } from "#runtime/bucket/file-objects.ts";
import { EXTENT_BYTES_MAX, MERGE_RUN, PIECES_MAX, planMerge } from "#runtime/bucket/merge-plan.ts";
import { formatName, generationOf, lifeOf, type ObjectName, parseName } from "#runtime/bucket/object-name.ts";
import { joinRuns, layOver, Unsynced } from "#runtime/bucket/unsynced.ts";
import { KiB, MiB } from "#runtime/units.ts";

const size = fc.maxSafeNat();
const generation = fc
  .tuple(fc.nat({ max: 2 ** 32 - 1 }), fc.nat({ max: 2 ** 32 - 1 }))
  .map(([life, count]) => generationOf(life, count));
const plain = { noNullPrototype: true } as const;
const name: fc.Arbitrary<ObjectName> = fc.oneof(
  fc.record(
    { kind: fc.constant("extent" as const), file: generation, generation, start: size, lengthBytes: size },
    plain,
  ),
  fc.record(
    { kind: fc.constant("head" as const), file: generation, generation, sizeBytes: size, lengthBytes: size },
    plain,
  ),
  fc.record({ kind: fc.constant("gone" as const), file: generation, generation }, plain),
);

describe("bucket: names of objects", () => {
  it("come back as they were, and sort by file and generation (property)", () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        assert.deepEqual(parseName(formatName(one)), one);
        const front = (of: ObjectName): string => of.file + of.generation;
        if (front(one) < front(other)) assert(formatName(one) < formatName(other));
      }),
    );
  });

  it("are refused where one character is another (property)", () => {
    fc.assert(
      fc.property(name, fc.nat(), fc.constantFrom(..."0fgA.ehx -"), (one, place, character) => {
        const text = formatName(one);
        const at = place % text.length;
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        const parsed = parseName(changed);
        assert(parsed === undefined || formatName(parsed) === changed);
      }),
    );
  });

  it("of lives and counts go up to 2^32 - 1", () => {
    assert.equal(generationOf(2 ** 32 - 1, 1), "ffffffff00000001");
    assert.equal(lifeOf("ffffffff00000001"), 2 ** 32 - 1);
  });

  for (const text of [
    "",
    "x",
    `${"0".repeat(16)}.${"0".repeat(16)}.e.01.1`,
    `${"0".repeat(16)}.${"0".repeat(16)}.x.1`,
  ]) {
    it(`are not ${JSON.stringify(text)}`, () => assert.equal(parseName(text), undefined));
  }
});

type Change =
  | { readonly kind: "add"; readonly start: number; readonly lengthBytes: number }
  | { readonly kind: "cut"; readonly sizeBytes: number };
const place = fc.nat({ max: 200 });
const changes = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("add" as const), start: place, lengthBytes: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ kind: fc.constant("cut" as const), sizeBytes: place }),
  ),
  { maxLength: 20 },
);

/** The table, and for every byte which extent has it. */
function built(script: readonly Change[]): { readonly table: ExtentTable; readonly owners: readonly string[] } {
  const table = new ExtentTable();
  const owners: string[] = new Array<string>(300).fill("");
  for (const [index, change] of script.entries()) {
    if (change.kind === "cut") {
      table.cut(change.sizeBytes);
      owners.fill("", change.sizeBytes);
    } else {
      const extent = { generation: generationOf(1, index), start: change.start, lengthBytes: change.lengthBytes };
      table.add(extent);
      owners.fill(extent.generation, change.start, change.start + change.lengthBytes);
    }
  }
  return { table, owners };
}

describe("bucket: the table of extents", () => {
  it("knows of every byte which extent has it, as an array does (property)", () => {
    fc.assert(
      fc.property(changes, place, place, (script, one, other) => {
        const { table, owners } = built(script);
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const found: string[] = new Array<string>(300).fill("");
        for (const piece of table.within(from, to)) {
          assert(piece.from >= from && piece.to <= to && piece.from < piece.to);
          found.fill(piece.extent.generation, piece.from, piece.to);
        }
        assert.deepEqual(found.slice(from, to), owners.slice(from, to));
        assert.equal(table.end, owners.findLastIndex((owner) => owner !== "") + 1);
        assert.deepEqual(table.generations(), new Set(owners.filter((owner) => owner !== "")));
      }),
    );
  });

  it("has nothing within a range that is empty", () => {
    const { table } = built([{ kind: "add", start: 0, lengthBytes: 10 }]);

    assert.deepEqual(table.within(5, 5), []);
  });

  it("comes back from a head as it was (property)", () => {
    fc.assert(
      fc.property(changes, (script) => {
        const { table } = built(script);
        assert.deepEqual(decodeTable(encodeTable(table))?.pieces, table.pieces);
      }),
    );
  });

  it("is refused where a head is not what was written (property)", () => {
    fc.assert(
      fc.property(changes, fc.nat(), fc.integer({ min: 1, max: 255 }), (script, at, flip) => {
        const body = Buffer.from(encodeTable(built(script).table));
        const index = at % body.length;
        body[index] = (body[index] ?? 0) ^ flip;
        const table = decodeTable(body);
        // Another digit is another table; never one that overlaps, or lies outside of its extents.
        if (table === undefined) return;
        assert.equal(Buffer.compare(encodeTable(table), body), 0);
        let end = 0;
        for (const { from, to, extent } of table.pieces) {
          assert(from >= end && from < to && from >= extent.start && to <= extent.start + extent.lengthBytes);
          end = to;
        }
      }),
    );
    for (const body of ["", "cepa-extents/1", "cepa-extents/2\n", "cepa-extents/1\n\n"]) {
      assert.equal(decodeTable(Buffer.from(body)), undefined);
    }
  });
});

describe("bucket: bytes that are not synced", () => {
  it("are those of an array, and join to extents of bounded length (property)", () => {
    fc.assert(
      fc.property(changes, fc.integer({ min: 1, max: 50 }), place, (script, bytesMax, taken) => {
        // Something is there before `taken`, and nothing behind it.
        const isHole = (from: number, to: number): boolean => from >= taken && to > from;
        const unsynced = new Unsynced();
        const model: (number | undefined)[] = new Array<undefined>(300).fill(undefined);
        for (const [index, change] of script.entries()) {
          if (change.kind === "cut") {
            unsynced.cut(change.sizeBytes);
            model.fill(undefined, change.sizeBytes);
          } else {
            unsynced.write(change.start, new Uint8Array(change.lengthBytes).fill(index + 1));
            model.fill(index + 1, change.start, change.start + change.lengthBytes);
          }
        }
        const laid = new Uint8Array(300);
        layOver(laid, 0, unsynced.within(0, 300));
        assert.deepEqual(
          [...laid],
          model.map((byte) => byte ?? 0),
        );
        assert.equal(unsynced.sizeBytes, model.filter((byte) => byte !== undefined).length);
        assert.equal(unsynced.end, model.findLastIndex((byte) => byte !== undefined) + 1);

        const joined: (number | undefined)[] = new Array<undefined>(300).fill(undefined);
        for (const { start, lengthBytes, parts } of joinRuns(unsynced.take(), bytesMax, isHole)) {
          const bytes = Buffer.concat(parts);
          assert(bytes.length === lengthBytes && lengthBytes > 0 && lengthBytes <= bytesMax);
          assert(joined.slice(start, start + lengthBytes).every((byte) => byte === undefined));
          joined.splice(start, lengthBytes, ...bytes);
        }
        for (const [place, byte] of joined.entries()) {
          // Where nothing was written there may be a zero now, in a hole and nowhere else.
          const isFilled = model[place] === undefined && byte === 0 && isHole(place, place + 1);
          assert(isFilled || byte === model[place]);
        }
        assert.equal(unsynced.sizeBytes, 0);
      }),
    );
  });
});

/** Neighbours of these lengths. */
function piecesOf(lengths: readonly number[]): readonly Piece[] {
  let from = 0;
  return lengths.map((lengthBytes, index) => {
    const piece = {
      from,
      to: from + lengthBytes,
      extent: { generation: generationOf(1, index), start: from, lengthBytes },
    };
    from = piece.to;
    return piece;
  });
}

describe("bucket: merging", () => {
  it("begins with a full run of small neighbours, and not before", () => {
    assert.deepEqual(planMerge(piecesOf(new Array<number>(MERGE_RUN - 1).fill(4 * KiB))), []);
    assert.deepEqual(planMerge(piecesOf(new Array<number>(MERGE_RUN).fill(4 * KiB))), [
      { from: 0, to: MERGE_RUN * 4 * KiB },
    ]);
    assert.deepEqual(planMerge(piecesOf(new Array<number>(200).fill(EXTENT_BYTES_MAX))), []);
  });

  it("takes all of a file with more pieces than the most", () => {
    const large = piecesOf(new Array<number>(PIECES_MAX + 1).fill(EXTENT_BYTES_MAX));
    assert.deepEqual(planMerge(large.slice(0, PIECES_MAX)), []);
    assert.equal(planMerge(large).length, PIECES_MAX + 1);
  });

  for (const [what, lengthOf] of [
    ["4 KiB", () => 4 * KiB],
    ["1 to 600 KiB", (count: number) => (1 + ((count * 7919) % 600)) * KiB],
  ] as const) {
    it(`keeps a pack of 256 MiB that is synced every ${what} at few extents, and writes a byte a few times`, () => {
      let pieces: readonly Piece[] = [];
      let end = 0;
      let most = 0;
      let writtenBytes = 0;
      for (let count = 0; end < 256 * MiB; count += 1) {
        const lengthBytes = lengthOf(count);
        const table = new ExtentTable(pieces);
        table.add({ generation: generationOf(1, count), start: end, lengthBytes });
        end += lengthBytes;
        for (const { from, to } of planMerge(table.pieces)) {
          assert(to - from <= EXTENT_BYTES_MAX);
          writtenBytes += to - from;
          table.add({ generation: generationOf(2, count), start: from, lengthBytes: to - from });
        }
        pieces = table.pieces;
        most = Math.max(most, pieces.length);
      }
      assert(most <= 256 / 8 + 3 * MERGE_RUN, `${most} pieces`);
      assert(writtenBytes < 5 * end, `${(writtenBytes / end).toFixed(1)} times`);
    });
  }
});

describe("bucket: what a list of objects says of a file", () => {
  it("does not depend on the order, and calls nothing surplus that the newest head may have (property)", () => {
    const small = fc.constantFrom(generationOf(1, 1), generationOf(1, 2), generationOf(2, 1), generationOf(2, 2));
    const some = fc.uniqueArray(
      fc.oneof(
        fc.record({
          kind: fc.constant("extent" as const),
          file: small,
          generation: small,
          start: place,
          lengthBytes: place,
        }),
        fc.record({
          kind: fc.constant("head" as const),
          file: small,
          generation: small,
          sizeBytes: place,
          lengthBytes: place,
        }),
        fc.record({ kind: fc.constant("gone" as const), file: small, generation: small }),
      ),
      { maxLength: 12, selector: (one) => one.file + one.generation },
    );
    fc.assert(
      fc.property(some, fc.boolean(), (names, isTorn) => {
        const objects = names.map((one) => ({
          key: formatName(one),
          sizeBytes: one.kind === "gone" ? 0 : one.lengthBytes + (isTorn ? 1 : 0),
        }));
        const understood = understand(objects);
        const reversed = understand(objects.toReversed());
        assert.deepEqual(reversed.latest, understood.latest);
        assert.equal(reversed.sizeBytes, understood.sizeBytes);
        const { latest, log, older, surplus } = understood;
        if (isTorn) assert(latest?.kind !== "head" && log.length === 0 && older.length === 0);
        if (latest?.kind !== "head") return;
        for (const one of names) {
          if (one.kind === "extent" && one.file === latest.file) assert(!surplus.includes(formatName(one)));
        }
        assert(log.every((one) => one.generation > latest.generation));
        assert(older.every((one) => one.generation <= latest.generation));
      }),
    );
  });
});

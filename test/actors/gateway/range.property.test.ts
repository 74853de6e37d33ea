/** The `Range` field against a reader without patterns, and what is answered against the positions that were asked for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Extent, extentOf } from "#actors/domain/byte-range.ts";
import { coalesce, parseRanges, RANGE_GAP_BYTES_MAX, RANGES_MAX } from "#actors/gateway/range.ts";
import { rangeModel } from "#test/actors/gateway/range-model.ts";

const MAX = BigInt(Number.MAX_SAFE_INTEGER);

const digits = fc.oneof(
  fc.constant(""),
  fc.nat(2000).map(String),
  fc.bigInt({ min: MAX - 3n, max: 10n ** 34n }).map(String),
);
const space = fc.constantFrom("", "", " ", "\t", "  ");
const spec = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(space, digits, fc.constantFrom("-", "-", "-", "", "--"), digits, space)
      .map((all) => all.join("")),
  },
  { weight: 1, arbitrary: space },
);
const shaped = fc
  .tuple(
    fc.constantFrom("bytes=", "Bytes=", "BYTES= ", " bytes=", "lines=", "bytes"),
    fc.array(spec, { maxLength: 36 }),
  )
  .map(([unit, specs]) => unit + specs.join(","));
const garbage = fc.string({ unit: fc.constantFrom(..."bytes=0123456789-,, \t+.x"), maxLength: 40 });
const valid = fc
  .array(fc.tuple(space, fc.nat(99), fc.nat(99), space), { minLength: 1, maxLength: 36 })
  .map((specs) => `bytes=${specs.map(([before, first, more, after]) => `${before}${first}-${first + more}${after}`)}`);
const fields = fc.oneof(
  shaped,
  valid,
  garbage,
  garbage.map((text) => `bytes=${text}`),
);

const extents = fc
  .array(fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 400 })), { maxLength: 12 })
  .map((all) => all.map(([firstByte, lengthBytes]): Extent => ({ firstByte, lengthBytes })));

function positionsOf(all: readonly Extent[]): ReadonlySet<number> {
  return new Set(
    all.flatMap(({ firstByte, lengthBytes }) => Array.from({ length: lengthBytes }, (_, at) => firstByte + at)),
  );
}

describe("gateway: the Range field", () => {
  it("is read as by a reader without patterns, whatever comes", () => {
    let readCount = 0;
    fc.assert(
      fc.property(fields, (field) => {
        const ranges = parseRanges(field);

        assert.deepEqual(ranges, rangeModel(field));
        if (ranges !== undefined) readCount += 1;
      }),
      { numRuns: 20_000 },
    );
    assert(readCount > 1000, `${readCount} of the fields were valid`);
  });

  it("has at most RANGES_MAX ranges, what stands empty between commas included", () => {
    const many = (count: number): string => `bytes=${Array.from({ length: count }, () => "0-1").join(",")}`;

    assert.equal(parseRanges(many(RANGES_MAX))?.length, RANGES_MAX);
    assert.equal(parseRanges(many(RANGES_MAX + 1)), "too-many");
    assert.equal(parseRanges(`bytes=${",".repeat(RANGES_MAX - 1)}0-1`)?.length, 1);
    assert.equal(parseRanges(`bytes=${",".repeat(RANGES_MAX)}0-1`), "too-many");
  });

  it("costs no more than its length, also when it is as long as a header may be", () => {
    const length = 64 * 1024;
    for (const field of [
      `bytes=${"0-1,".repeat(length / 4)}`,
      `bytes=${"9".repeat(length)}-`,
      `bytes=${" ".repeat(length)}x`,
    ]) {
      const started = performance.now();
      parseRanges(field);
      const elapsedMs = performance.now() - started;
      assert(elapsedMs < 50, `${elapsedMs} ms`);
    }
  });
});

describe("gateway: several ranges", () => {
  it("become parts that hold every position asked for once, and beyond those only small gaps", () => {
    fc.assert(
      fc.property(extents, (asked) => {
        const parts = coalesce(asked);

        const wanted = positionsOf(asked);
        const sent = positionsOf(parts);
        assert.equal(
          sent.size,
          parts.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
          "no byte is sent twice",
        );
        assert([...wanted].every((at) => sent.has(at)));
        // What is sent beside is part of a gap between two positions that are asked for.
        for (const extra of [...sent].filter((at) => !wanted.has(at))) {
          let [before, after] = [extra, extra];
          while (!wanted.has(before)) before -= 1;
          while (!wanted.has(after)) after += 1;
          assert(after - before - 1 <= RANGE_GAP_BYTES_MAX, `a gap of ${after - before - 1}`);
          assert(before >= 0 && after <= 3400);
        }
        // No two could be one.
        const ascending = [...parts].sort((a, b) => a.firstByte - b.firstByte);
        for (const [index, part] of ascending.entries()) {
          const next = ascending[index + 1];
          if (next !== undefined) assert(next.firstByte - part.firstByte - part.lengthBytes > RANGE_GAP_BYTES_MAX);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("stand where the first range of each stood", () => {
    fc.assert(
      fc.property(extents, (asked) => {
        const holds = (part: Extent, { firstByte }: Extent): boolean =>
          firstByte >= part.firstByte && firstByte < part.firstByte + part.lengthBytes;

        const parts = coalesce(asked);

        const expected: Extent[] = [];
        for (const range of asked) {
          const part = parts.find((candidate) => holds(candidate, range));
          if (part !== undefined && !expected.includes(part)) expected.push(part);
        }
        assert.deepEqual(parts, expected);
      }),
    );
  });

  it("are joined across a gap of RANGE_GAP_BYTES_MAX, and not across one byte more", () => {
    const first = { firstByte: 0, lengthBytes: 10 };
    const near = { firstByte: 10 + RANGE_GAP_BYTES_MAX, lengthBytes: 1 };
    const far = { firstByte: 11 + RANGE_GAP_BYTES_MAX, lengthBytes: 1 };

    assert.deepEqual(coalesce([first, near]), [{ firstByte: 0, lengthBytes: 11 + RANGE_GAP_BYTES_MAX }]);
    assert.deepEqual(coalesce([far, first]), [far, first]);
  });

  it("lie inside the object once its size is known", () => {
    const ranges = fc.oneof(
      fc.record({ first: fc.nat(400), last: fc.nat(400) }, { noNullPrototype: true }),
      fc.record({ suffix: fc.nat(400) }, { noNullPrototype: true }),
    );
    fc.assert(
      fc.property(ranges, fc.nat(300), (range, sizeBytes) => {
        const extent = extentOf(range, sizeBytes);
        if (extent === undefined) return;
        assert(extent.firstByte >= 0 && extent.lengthBytes > 0 && extent.firstByte + extent.lengthBytes <= sizeBytes);
      }),
    );
  });
});

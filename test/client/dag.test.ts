/** The client's reader of DAG-CBOR against the library that the node writes with. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Digest } from "#actors/domain/address.ts";
import { encodeDag, linkTo } from "#actors/domain/dag.ts";
import { DAG_DEPTH_MAX, DagLink, readDag } from "#client/dag.ts";

const digest = "ab".repeat(32) as Digest;

/** A value as the library takes it, and as the client reads it. */
interface Pair {
  readonly written: unknown;
  readonly read: unknown;
}

const leaf: fc.Arbitrary<Pair> = fc
  .oneof(
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.uint8Array({ maxLength: 300 }),
  )
  .map((value) => ({ written: value, read: value }));
const link: fc.Arbitrary<Pair> = fc
  .constantFrom("chunk" as const, "node" as const)
  .map((kind) => ({ written: linkTo({ kind, digest }), read: new DagLink(kind, digest) }));
const { value } = fc.letrec<{ value: Pair }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    link,
    fc.array(tie("value"), { maxLength: 30 }).map((items) => ({
      written: items.map(({ written }) => written),
      read: items.map(({ read }) => read),
    })),
    fc.uniqueArray(fc.tuple(fc.string(), tie("value")), { selector: ([key]) => key, maxLength: 8 }).map((entries) => ({
      written: Object.fromEntries(entries.map(([key, { written }]) => [key, written])),
      read: new Map(entries.map(([key, { read }]) => [key, read])),
    })),
  ),
}));

describe("dag: readDag", () => {
  it("reads whatever the library writes", () => {
    fc.assert(
      fc.property(value, ({ written, read }) => {
        // The library may answer with a `Buffer`, whose parts are ones.
        assert.deepEqual(readDag(Uint8Array.from(encodeDag(written))), read);
      }),
    );
  });

  it("refuses what is cut, and what goes on", () => {
    fc.assert(
      fc.property(value, fc.nat(), ({ written }, cut) => {
        const bytes = encodeDag(written);

        assert.equal(readDag(bytes.subarray(0, cut % bytes.length)), undefined);
        assert.equal(readDag(Uint8Array.of(...bytes, 0)), undefined);
      }),
    );
  });

  it("throws at no bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readDag(bytes)),
      { numRuns: 2000 },
    );
  });

  it(`reads ${DAG_DEPTH_MAX} lists inside each other, and refuses one more`, () => {
    const nested = (depth: number): Uint8Array => Uint8Array.of(...new Array<number>(depth).fill(0x81), 0x01);

    assert.notEqual(readDag(nested(DAG_DEPTH_MAX)), undefined);
    assert.equal(readDag(nested(DAG_DEPTH_MAX + 1)), undefined);
  });

  for (const [what, hex] of [
    ["a list of unknown length", "9f01ff"],
    ["a list that claims more than there is", "9affffffff"],
    ["a count beyond 2^53", "1bffffffffffffffff"],
    ["a key that is no text", "a10102"],
    ["a key twice", "a2616101616102"],
    ["text that is no UTF-8", "61ff"],
    ["undefined", "f7"],
    ["a half-precision float", "f93c00"],
    ["another tag", `d82b5825${"00".repeat(37)}`],
    ["a link by another hash", `d82a5825000155${"1220"}${"00".repeat(32)}`],
    ["a link of another codec", `d82a5825000170${"1e20"}${"00".repeat(32)}`],
    ["a link that is too short", `d82a5824000155${"1e20"}${"00".repeat(31)}`],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.equal(readDag(Buffer.from(hex, "hex")), undefined);
    });
  }
});

/** What is told of events, against the simplest thing that says the same: a plain copy of each value, and `JSON.stringify`. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { EventDigest, lineOf } from "#runtime/simulated/event-digest.ts";

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `${value.byteLength} bytes ${crc32(value).toString(16)}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function" || typeof value === "symbol") return typeof value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

const anything = fc.anything({
  key: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "toJSON", "10", "2")),
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
});

describe("event digest: lineOf", () => {
  it("says what a plain copy of the value says as JSON", () => {
    fc.assert(
      fc.property(anything, (value) => {
        assert.equal(lineOf(value), typeof value === "string" ? value : (JSON.stringify(plain(value)) ?? "-"));
      }),
    );
  });

  it("tells bytes by size and checksum, errors by their message, and passes over what is undefined", () => {
    const value = {
      bytes: Buffer.from("abc"),
      defect: new RangeError('"x"'),
      nothing: undefined,
      run: () => undefined,
    };

    const line = lineOf([value, undefined, 2n, Symbol("s")]);

    assert.equal(
      line,
      '[{"bytes":"3 bytes 352441c2","defect":"RangeError: \\"x\\"","run":"function"},null,"2n","symbol"]',
    );
  });
});

describe("event digest: hex", () => {
  it("is the SHA-256 of all lines, however many there are, and of none that come later", () => {
    const events = new EventDigest();
    const hash = createHash("sha256");
    for (let at = 0; at < 5000; at += 1) {
      events.add(at, "disk", "write", { at });
      hash.update(`${at} disk write {"at":${at}}\n`);
    }

    const hex = events.hex();
    events.add(5000, "late");

    assert.deepEqual([hex, events.hex(), events.count], [hash.digest("hex"), hex, 5000]);
  });
});

/** What is encoded can be read, and nothing else can. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressOf, digestFromBytes } from "#actors/domain/address.ts";
import { decodeEntry, encodeEntry, encodeKey } from "#actors/index/entry-codec.ts";

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(digestFromBytes);
const entries = fc
  .record(
    { address: digests.map(addressOf), manifest: digests, sizeBytes: fc.maxSafeNat(), other: digests },
    { noNullPrototype: true },
  )
  .chain(({ other, ...entry }) =>
    fc.constantFrom(undefined, entry.manifest, other).map((lasting) => ({ ...entry, lasting })),
  );

describe("index: entries in the store", () => {
  it("come back as they were, from 42 bytes, or 74 where another manifest lasts", () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const value = encodeEntry(entry);

        const hasOther = entry.lasting !== undefined && entry.lasting !== entry.manifest;
        assert.equal(value.byteLength, hasOther ? 74 : 42);
        assert.deepEqual(decodeEntry(entry.address, value), entry);
      }),
    );
  });

  it("have different keys for different addresses", () => {
    fc.assert(
      fc.property(entries, entries, (one, other) => {
        const same = Buffer.compare(encodeKey(one.address), encodeKey(other.address)) === 0;
        assert.equal(same, one.address === other.address);
      }),
    );
  });

  it("are refused at any other length, version, kind, or size past 2^53 - 1", () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: 0, max: 255 }), ({ address, ...rest }, version) => {
        const value = encodeEntry({ address, ...rest });
        const longer = Buffer.concat([value, Buffer.of(0)]);
        const huge = value.slice();
        huge.set([0x00, 0x20, 0, 0, 0, 0, 0, 0], 34);
        const other = value.slice();
        other[0] = version;

        assert.equal(decodeEntry(address, value.subarray(1)), undefined);
        assert.equal(decodeEntry(address, longer), undefined);
        assert.equal(decodeEntry(address, huge), undefined);
        assert.equal(decodeEntry(address, other) === undefined, version !== 2);
        const lasts = value.slice();
        lasts[1] = version;
        assert.equal(decodeEntry(address, lasts) === undefined, value.byteLength === 42 ? version > 1 : version !== 2);
      }),
    );
  });
});

/** What a payload says of a heavier one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { REF_URL_LENGTH_MAX, refIn } from "#client/payload-ref.ts";

const address = `b3:${"0a".repeat(32)}`;
const url = "https://bucket.s3.eu-central-1.amazonaws.com/a%20b?X-Amz-Signature=0f";
const long = (length: number): string => `https://a/${"x".repeat(length - 10)}`;

describe("client: refIn (ING-34)", () => {
  it("reads an address and a size, and a URL where there is one", () => {
    assert.deepEqual(refIn({ $ref: { address, size: 0, chunks: 1 } }), { address, size: 0, url: undefined });
    assert.deepEqual(refIn({ $ref: { address, size: 7, url: null } }), { address, size: 7, url: undefined });
    assert.deepEqual(refIn({ price: 1, $ref: { address, size: 7, url } }), { address, size: 7, url });
    assert.deepEqual(refIn({ $ref: { address, size: 7, url: long(REF_URL_LENGTH_MAX) } }), {
      address,
      size: 7,
      url: long(REF_URL_LENGTH_MAX),
    });
  });

  for (const [problem, payload] of [
    ["no-ref", undefined],
    ["no-ref", [{ $ref: { address, size: 1 } }]],
    ["no-ref", { data: { $ref: { address, size: 1 } } }],
    ["no-ref", { $ref: address }],
    ["bad-address", { $ref: { size: 1, url } }],
    ["bad-address", { $ref: { address: address.toUpperCase(), size: 1 } }],
    ["bad-address", { $ref: { address: `${address}0`, size: 1 } }],
    ["bad-size", { $ref: { address, url } }],
    ["bad-size", { $ref: { address, size: "1" } }],
    ["bad-size", { $ref: { address, size: -1 } }],
    ["bad-size", { $ref: { address, size: 1.5 } }],
    ["bad-size", { $ref: { address, size: 2 ** 53 } }],
    ...[
      "http://a/b",
      "file:///etc/passwd",
      "HTTPS://a/b",
      "https://",
      "https://user@a/b",
      "https://user:secret@a/b",
      "https://:secret@a/b",
      "https://a/b#c",
      "https://a/b c",
      "https://a/\r\nx: y",
      "https://a:99999/",
      "s3://bucket/key",
      "",
      7,
      long(REF_URL_LENGTH_MAX + 1),
    ].map((wrong) => ["bad-url", { $ref: { address, size: 1, url: wrong } }] as const),
  ] as const) {
    it(`says ${problem} of ${JSON.stringify(payload)?.slice(0, 120)}`, () => {
      assert.equal(refIn(payload), problem);
    });
  }

  it("takes any JSON, and leads nowhere but by HTTPS", () => {
    const member = fc.oneof(
      fc.jsonValue(),
      fc.constant(address),
      fc.webUrl({ validSchemes: ["http", "https", "ftp"] }),
    );
    const payload = fc.oneof(
      fc.jsonValue(),
      fc.record({ $ref: fc.record({ address: fc.constant(address), size: fc.oneof(fc.nat(), member), url: member }) }),
    );
    fc.assert(
      fc.property(payload, (value) => {
        const ref = refIn(value);
        if (typeof ref === "string") return;
        assert.match(ref.address, /^b3:[0-9a-f]{64}$/);
        assert(Number.isSafeInteger(ref.size) && ref.size >= 0);
        assert(ref.url === undefined || new URL(ref.url).protocol === "https:");
      }),
      { numRuns: 300 },
    );
  });
});

/** Links of private objects, against Node's own base64url. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatLink, parseLink, withoutKeys } from "#client/link.ts";

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Uint8Array.from(bytes));
const root = "0123456789abcdef".repeat(4);

describe("link: parse and format", () => {
  it("agree with base64url of the system, for every key", () => {
    fc.assert(
      fc.property(bytes32, (key) => {
        const text = `cepa:${root}#${Buffer.from(key).toString("base64url")}`;

        assert.equal(formatLink({ root, key }), text);
        assert.deepEqual(parseLink(text), { root, key });
      }),
    );
  });

  it("refuses a link with any character changed for one that it cannot have, left out or put in", () => {
    const text = formatLink({ root, key: new Uint8Array(32).fill(0xa5) });
    const at = fc.integer({ min: 0, max: text.length - 1 });
    fc.assert(
      fc.property(at, fc.constantFrom("", "%", " ", "\n", "=", "#", "é"), (index, other) => {
        fc.pre(text[index] !== other);
        assert.equal(parseLink(text.slice(0, index) + other + text.slice(index + 1)), undefined);
        assert.equal(parseLink(`${text.slice(0, index)}A${text.slice(index)}`), undefined);
      }),
    );
  });

  it("accepts one spelling of a key only", () => {
    const last = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"];

    const accepted = last.filter((character) => parseLink(`cepa:${root}#${"A".repeat(42)}${character}`) !== undefined);

    assert.equal(accepted.join(""), "AEIMQUYcgkosw048");
  });
});

describe("link: withoutKeys", () => {
  const key = "k".repeat(43);

  for (const [text, shown] of [
    [`error: 'cepa:${root}#${key}' is wrong`, `error: 'cepa:${root}#…' is wrong`],
    [`cepa:${root}#${key.slice(3)} cepa:12#${key}x`, `cepa:${root}#… cepa:12#…`],
    [`CEPA:${root}#short`, `CEPA:${root}#…`],
    [`#${key}`, "#…"],
    [`cepa://${root}#${key}`, `cepa://${root}#…`],
    ["track #12.txt: ENOENT", "track #12.txt: ENOENT"],
  ] as const) {
    it(`leaves ${JSON.stringify(shown.replaceAll(root, "<root>"))}`, () => {
      assert.equal(withoutKeys(text), shown);
    });
  }
});

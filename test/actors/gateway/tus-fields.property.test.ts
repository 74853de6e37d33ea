/** The fields of tus against readers without patterns, whatever comes in them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { checksumIn, lengthIn, metadataIn, numberIn } from "#actors/gateway/tus-fields.ts";
import { metadataModel } from "#test/fuzz/readers/field-models.ts";

const key = fc.string({ unit: fc.constantFrom(..."aB9_-é=;"), maxLength: 4 });
const value = fc.constantFrom("", " ", " YQ==", " YWI=", " YWJj", " Y=Q", " *", "  YQ==", " YQ== ");
const shaped = fc.array(
  fc.tuple(fc.constantFrom("", "", " "), key, value).map((all) => all.join("")),
  { maxLength: 5 },
);
const garbage = fc.string({ unit: fc.constantFrom(...'ab, =+/\t"é'), maxLength: 24 });

describe("gateway: fields of tus", () => {
  it("Upload-Metadata is taken exactly where it is keys and values, and given back as it came", () => {
    let takenCount = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          shaped.map((pairs) => pairs.join(",")),
          garbage,
        ),
        (text) => {
          const metadata = metadataIn({ "upload-metadata": text });

          assert.equal(metadata.ok, metadataModel(text), JSON.stringify(text));
          if (metadata.ok) assert.equal(metadata.value, text);
          if (metadata.ok) takenCount += 1;
        },
      ),
      { numRuns: 5000 },
    );
    assert(takenCount > 500, `${takenCount} were taken`);
  });

  it("numbers are whole, in decimal, and exact", () => {
    const numbers = fc.oneof(
      fc.bigInt({ min: 0n, max: 10n ** 18n }).map(String),
      fc.maxSafeInteger().map(String),
      fc.constantFrom("", "00", "1e3", "0x1", "+1", " 1", "1 ", "9007199254740991", "9007199254740992"),
      garbage,
    );
    fc.assert(
      fc.property(numbers, (text) => {
        const number = numberIn({ "upload-offset": text }, "upload-offset");

        const isWhole = text !== "" && [...text].every((char) => "0123456789".includes(char)) && text.length <= 16;
        const expected = isWhole && BigInt(text) <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(text) : undefined;
        assert.equal(number.ok ? number.value : undefined, expected, text);
        assert.equal(number.ok, expected !== undefined);
      }),
      { numRuns: 2000 },
    );
  });

  it("a length is said or deferred, one of both", () => {
    const field = fc.option(fc.constantFrom("", "0", "1", "5", "x"), { nil: undefined });
    fc.assert(
      fc.property(field, field, (length, deferred) => {
        const found = lengthIn({ "upload-length": length, "upload-defer-length": deferred });

        const isSaid = length !== undefined && ["0", "1", "5"].includes(length) && deferred === undefined;
        const isDeferred = length === undefined && deferred === "1";
        assert.equal(found.ok, isSaid || isDeferred);
        if (found.ok) assert.equal(found.value, isSaid ? Number(length) : undefined);
      }),
    );
  });

  it("a checksum has the length of its algorithm", () => {
    const names = fc.constantFrom("sha1", "sha256", "sha512", "md5", "constructor", "SHA1", "");
    fc.assert(
      fc.property(
        names,
        fc.uint8Array({ maxLength: 70 }),
        fc.constantFrom(" ", "  ", ":"),
        (name, bytes, separator) => {
          const found = checksumIn({
            "upload-checksum": `${name}${separator}${Buffer.from(bytes).toString("base64")}`,
          });

          const lengths: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, sha512: 64 };
          const isFit = separator === " " && Object.hasOwn(lengths, name) && lengths[name] === bytes.length;
          assert.equal(found.ok, isFit);
          if (found.ok) assert.equal(Buffer.compare(found.value[0]?.digest ?? new Uint8Array(0), bytes), 0);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

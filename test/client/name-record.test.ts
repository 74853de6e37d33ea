/** The client's records of names against the published ones and against the node's own reading. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { verifyNameRecord } from "#actors/domain/name-record.ts";
import {
  digestOfName,
  encodeName,
  isLabel,
  isSigned,
  type NameStatement,
  parseName,
  parseNameRecord,
  signName,
  webCryptoSigner,
} from "#client/name-record.ts";
import { must } from "#runtime/errors.ts";
import { type NameVectors, vectorsFile } from "#test/actors/domain/name-vectors.ts";

const { records } = JSON.parse(readFileSync(vectorsFile, "utf8")) as NameVectors;

/** As a node says a record in JSON. */
function saidOf(hex: string): Record<string, unknown> {
  const record = must(verifyNameRecord(Buffer.from(hex, "hex")), "a good record");
  const { label: name, seq, prev, value, exp, publicKey: pub, signature } = record;
  const sig = Buffer.from(signature).toString("hex");
  return JSON.parse(JSON.stringify({ v: 1, name, seq, prev, value, exp, pub, sig }));
}

const generated = await globalThis.crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
assert("privateKey" in generated);
const signer = await webCryptoSigner(generated);

const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const statements: fc.Arbitrary<NameStatement> = fc
  .record({
    name: fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$/),
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    prev: hex,
    value: fc.tuple(fc.constantFrom("b3:", "cepa:"), hex).map((parts) => parts.join("")),
    exp: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
  })
  .map(({ prev, ...rest }) => ({ ...rest, prev: rest.seq === 1 ? undefined : prev, pub: signer.publicKey }));

describe("client names: the published records", () => {
  for (const { what, record, digest } of records.filter(({ is }) => is === "good")) {
    it(`are verified, and have their digest: ${what}`, async () => {
      const read = parseNameRecord(saidOf(record));

      assert(read !== undefined);
      assert.equal(await isSigned(read), true);
      assert.equal(digestOfName(read), digest);
    });
  }
});

describe("client names: records", () => {
  it("that are signed here the node reads as they were meant", async () => {
    await fc.assert(
      fc.asyncProperty(statements, async (statement) => {
        const record = await signName(statement, signer);
        const bytes = encodeName(record);

        const read = must(verifyNameRecord(bytes), "the node takes it");
        assert.equal(read.digest, digestOfName(statement));
        assert.deepEqual(parseNameRecord(saidOf(Buffer.from(bytes).toString("hex"))), record);
        assert.equal(await isSigned(record), true);
      }),
    );
  });

  it("are not believed when a word of them is another", async () => {
    const record = await signName(
      { name: "site", seq: 2, prev: "ab".repeat(32), value: `b3:${"cd".repeat(32)}`, pub: signer.publicKey },
      signer,
    );
    for (const change of [
      { name: "sitf" },
      { seq: 3 },
      { prev: "ac".repeat(32) },
      { value: `cepa:${"cd".repeat(32)}` },
      { exp: 1 },
      { sig: "00".repeat(64) },
      { pub: records[4] === undefined ? "" : String(saidOf(records[4].record)["pub"]) },
    ]) {
      assert.equal(await isSigned({ ...record, ...change }), false, JSON.stringify(change));
    }
  });

  it("are read only from what has every field in its form", () => {
    const [good] = records;
    assert(good !== undefined);
    const said = saidOf(good.record);
    assert(parseNameRecord(said) !== undefined);
    for (const wrong of [
      { v: 2 },
      { name: "Site" },
      { seq: 0 },
      { seq: 2 },
      { seq: 1.5 },
      { prev: "ab".repeat(32) },
      { value: "b3:1" },
      { exp: 0 },
      { exp: "5" },
      { pub: "AB".repeat(32) },
      { sig: "ab" },
    ]) {
      assert.equal(parseNameRecord({ ...said, ...wrong }), undefined, JSON.stringify(wrong));
    }
    fc.assert(fc.property(fc.jsonValue(), (value) => parseNameRecord(value) === undefined));
  });

  it("are of names with a key and a label", () => {
    const key = "0a".repeat(32);
    assert.deepEqual(parseName(`${key}/site`), { publicKey: key, label: "site" });
    for (const wrong of ["site", `${key}/`, `${key}/a/b`, `${key.toUpperCase()}/a`, `/site`, ""]) {
      assert.equal(parseName(wrong), undefined, wrong);
    }
    assert(isLabel("a".repeat(64)) && !isLabel("a".repeat(65)) && !isLabel("a\n"));
  });
});

/** Records of names: the published ones, read by the node and by a second reader, and everything between them. */
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestFromBytes } from "#actors/domain/address.ts";
import { LABEL_LENGTH_MAX, parseLabel, parseNameValue, parsePublicKey, targetOf } from "#actors/domain/name.ts";
import {
  decodeNameRecord,
  encodeNameRecord,
  isExpired,
  NAME_RECORD_BYTES_MAX,
  type NameStatement,
  signedBytes,
  verifyNameRecord,
} from "#actors/domain/name-record.ts";
import { must } from "#runtime/errors.ts";
import { makeVectors, type NameVectors, vectorsFile } from "#test/actors/domain/name-vectors.ts";
import { NaiveName, readRecord } from "#test/actors/domain/name-verifier.ts";
import { signedRecord, signerOf } from "#test/kit/names.ts";

const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as NameVectors;
const bytesOf = (hex: string): Buffer => Buffer.from(hex, "hex");

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const labels = fc
  .tuple(
    fc.constantFrom(...LETTERS),
    fc.string({ unit: fc.constantFrom(...LETTERS, ".", "_", "-"), maxLength: 62 }),
    fc.constantFrom(...LETTERS),
  )
  .map((parts) => parts.join(""));
const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(digestFromBytes);
const statements: fc.Arbitrary<NameStatement> = fc
  .record({
    label: labels,
    seq: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER })),
    prev: digests,
    value: fc.tuple(fc.constantFrom("b3:", "cepa:"), digests).map(([kind, digest]) => `${kind}${digest}`),
    exp: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
  })
  .map(({ label, seq, prev, value, exp }) => {
    const parsed = { label: parseLabel(label), value: parseNameValue(value) };
    assert(parsed.label !== undefined && parsed.value !== undefined);
    const { publicKey } = signerOf(1);
    return { label: parsed.label, value: parsed.value, seq, prev: seq === 1 ? undefined : prev, exp, publicKey };
  });

describe("names: the published records", () => {
  it("are those that the generator makes", () => {
    assert.deepEqual(vectors, JSON.parse(JSON.stringify(makeVectors())));
  });

  for (const { what, record, is, reason, digest } of vectors.records) {
    it(`are read alike by the node and the second reader: ${what}`, () => {
      const read = verifyNameRecord(bytesOf(record));
      const second = readRecord(bytesOf(record));

      if (is === "good") {
        assert.equal(must(read, "a good record").digest, digest);
        assert(typeof second === "object");
        assert.equal(second.digest, digest);
      } else {
        const failure = is === "malformed" ? { code: "name.malformed", reason } : { code: "name.bad-signature" };
        assert.deepEqual(read, { ok: false, failure });
        assert.equal(second, is);
      }
    });
  }

  it("have the keys of the seeds that are published with them", () => {
    for (const { seed, pub } of vectors.keys) {
      const der = bytesOf(`302e020100300506032b657004220420${seed}`);
      const key = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
      assert.equal(key.export({ format: "der", type: "spki" }).subarray(-32).toString("hex"), pub);
    }
  });

  for (const { what, steps } of vectors.chains) {
    it(`make chains as the second reader understands them: ${what}`, () => {
      const name = new NaiveName();
      for (const { record, is } of steps) {
        const read = readRecord(bytesOf(record));
        assert(typeof read === "object");
        assert.equal(name.set(read), is);
      }
    });
  }

  it("lead nowhere from their time on, not before", () => {
    for (const { record, seconds, isExpired: expected } of vectors.expiry) {
      const read = must(verifyNameRecord(bytesOf(record)), "a good record");
      assert.equal(isExpired(read, seconds * 1000), expected);
      const second = readRecord(bytesOf(record));
      assert(typeof second === "object");
      assert.equal(second.exp !== undefined && second.exp <= seconds, expected);
    }
  });
});

describe("names: records", () => {
  it("come back as they were, for both readers, and are never too long", () => {
    fc.assert(
      fc.property(statements, (statement) => {
        const record = signedRecord(signerOf(1), statement);

        const { bytes, digest, signature, ...said } = must(verifyNameRecord(record.bytes), "it is good");

        assert.deepEqual(said, statement);
        assert(bytes.length <= 327 && bytes.length <= NAME_RECORD_BYTES_MAX);
        const second = readRecord(bytes);
        assert(typeof second === "object");
        assert.deepEqual([second.digest, second.seq, second.prev], [digest, statement.seq, statement.prev]);
      }),
    );
  });

  it("are no records any more when a byte of them is another, for both readers", () => {
    fc.assert(
      fc.property(statements, fc.nat(), fc.integer({ min: 1, max: 255 }), (statement, place, mask) => {
        const bytes = Buffer.from(signedRecord(signerOf(1), statement).bytes);
        const at = place % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ mask;

        const read = verifyNameRecord(bytes);

        assert(!read.ok);
        const second = readRecord(bytes);
        assert.equal(second, read.failure.code.slice("name.".length));
      }),
    );
  });

  it("of any bytes are none, and nothing throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        assert(!verifyNameRecord(bytes).ok);
        assert.equal(readRecord(bytes), "malformed");
      }),
    );
  });

  it("have the same digest whatever the signature", () => {
    const statement = signedRecord(signerOf(1), { seq: 1 });
    const { privateKey } = generateKeyPairSync("ed25519");
    const other = encodeNameRecord(statement, sign(null, signedBytes(statement), privateKey));

    assert.equal(must(decodeNameRecord(other), "its form is right").digest, statement.digest);
    assert.deepEqual(verifyNameRecord(other), { ok: false, failure: { code: "name.bad-signature" } });
  });
});

describe("names: their parts", () => {
  it("a label has 1 to 64 characters, and fits a path as it is", () => {
    assert.equal(parseLabel("a".repeat(LABEL_LENGTH_MAX)), "a".repeat(64));
    assert.equal(parseLabel("a".repeat(LABEL_LENGTH_MAX + 1)), undefined);
    for (const good of ["a", "0", "a.b", "v1.2-rc_3"]) assert.equal(parseLabel(good), good);
    for (const bad of ["", ".", "..", "a.", "-a", "a/b", "A", "ä", "a b", "a\n", "%61", "a%00"]) {
      assert.equal(parseLabel(bad), undefined, bad);
    }
  });

  it("every label that is taken is its own path", () => {
    fc.assert(
      fc.property(labels, (label) => {
        assert.equal(new URL(`http://x/n/k/${label}`).pathname, `/n/k/${label}`);
      }),
    );
  });

  it("a key is 64 digits in lower case", () => {
    assert.equal(parsePublicKey("0a".repeat(32)), "0a".repeat(32));
    for (const bad of ["0A".repeat(32), "0a".repeat(31), `${"0a".repeat(32)}\n`, ""]) {
      assert.equal(parsePublicKey(bad), undefined);
    }
  });

  it("a value is an object's address or a private object's root, and neither is the other", () => {
    const hex = "0a".repeat(32);
    const [object, root] = [parseNameValue(`b3:${hex}`), parseNameValue(`cepa:${hex}`)];
    assert(object !== undefined && root !== undefined);

    assert.deepEqual(targetOf(object), { kind: "object", address: `b3:${hex}` });
    assert.deepEqual(targetOf(root), { kind: "root", root: hex });
    for (const bad of [hex, `cepa:${hex}#key`, `B3:${hex}`, `b3:${hex}0`]) assert.equal(parseNameValue(bad), undefined);
  });
});

/** Certificates that no tool would make: written by hand, and signed by an authority that is trusted. */
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  CERTIFICATE_BYTES_MAX,
  CERTIFICATE_OPTIONS_MAX,
  PRINCIPALS_MAX,
  parseCertificate,
} from "#actors/domain/ssh/certificate.ts";
import { verifyCertificate } from "#actors/domain/ssh/certified.ts";
import { parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import { FIELD_PRIME, spell } from "#test/actors/domain/ssh/curve.ts";
import {
  blobOf,
  FOREVER,
  type RawCertificate,
  rawCertificate,
  rawKey,
  str,
  strings,
  u32,
} from "#test/actors/domain/ssh/raw.ts";
import { type SshVectors, vectorsFile } from "#test/actors/domain/ssh/vectors.ts";
import { keyIn, trustIn, verdictOn, verdictOnBytes } from "#test/actors/domain/ssh/verdicts.ts";

const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as SshVectors;
const holder = rawKey(1);
const authority = rawKey(2);
const trust = trustIn(authority.line);
const good = rawCertificate(holder, authority);
const TAKEN = "good for producer";

const verdictWith = (wanted: Partial<RawCertificate>): string =>
  verdictOnBytes(rawCertificate(holder, authority, wanted), trust);
/** So many names that nobody asked for. */
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `n${1000 + index}`);
const options = (count: number): Buffer => strings(...names(count).flatMap((name) => [name, ""]));
const signed =
  (form: string, change: (signature: Buffer) => Buffer): RawCertificate["signature"] =>
  (bytes) =>
    strings(form, change(sign(null, bytes, authority.key)));

describe("ssh certificates: the published ones", () => {
  const { authorities, principals, nowSeconds } = vectors.trust;
  for (const { what, line, is } of vectors.certificates) {
    it(`are judged as it is written there: ${what}`, () => {
      const published = { authorities: authorities.map(keyIn), principals: new Set(principals), nowSeconds };

      assert.equal(verdictOn(line, published), is);
    });
  }
});

describe("ssh certificates: forms", () => {
  const taken: Readonly<Record<string, Partial<RawCertificate>>> = {
    "nothing special": {},
    "no extensions": { extensions: Buffer.alloc(0) },
    "something in an extension": { extensions: strings("a", strings("b"), "c", Buffer.of(0xff)) },
    "something in the reserved field": { reserved: "for later" },
    "no nonce": { nonce: Buffer.alloc(0) },
    "no name and no number": { keyId: "", serial: 0n },
    "the largest number": { serial: FOREVER },
    "a name in another script": { keyId: "Ключ 🔑" },
    "an end beyond what is signed": { validBefore: 2n ** 63n },
    "no end": { validAfter: 0n, validBefore: FOREVER },
    "one principal twice": { principals: strings("producer", "producer") },
    "an empty principal beside ours": { principals: strings("", "producer") },
    "as many principals as may be": { principals: strings(...names(PRINCIPALS_MAX - 1), "producer") },
    "as many extensions as may be": { extensions: options(CERTIFICATE_OPTIONS_MAX) },
  };
  for (const [what, wanted] of Object.entries(taken)) {
    it(`are taken with ${what}`, () => {
      assert.equal(verdictWith(wanted), TAKEN);
    });
  }

  const refused: readonly (readonly [what: string, is: string, wanted: Partial<RawCertificate>])[] = [
    ["a plain key's type in it", "unknown-type", { form: "ssh-ed25519" }],
    ["a NUL behind its type", "unknown-type", { form: "ssh-ed25519-cert-v01@openssh.com\0" }],
    ["a point of 31 bytes", "bad-key", { point: Buffer.alloc(31, 9) }],
    ["a point of small order", "bad-key", { point: spell(1n, 0n) }],
    ["a point in its second spelling", "bad-key", { point: spell(FIELD_PRIME + 3n, 0n) }],
    ["a kind 0", "not-for-users", { type: 0 }],
    ["a kind 3", "not-for-users", { type: 3 }],
    ["a kind that looks like 1", "not-for-users", { type: 2 ** 24 + 1 }],
    ["a name that is no UTF-8", "bad-text", { keyId: Buffer.of(0xff) }],
    ["a line separator in its name", "bad-text", { keyId: "an id\u2028" }],
    ["a NUL in its name", "bad-text", { keyId: "an id\0" }],
    ["a principal that is no UTF-8", "bad-text", { principals: strings("producer", Buffer.of(0xc3)) }],
    ["a NUL behind a principal", "bad-text", { principals: strings("producer\0") }],
    [
      "a byte behind its principals",
      "truncated",
      { principals: Buffer.concat([strings("producer"), Buffer.alloc(1)]) },
    ],
    [
      "a principal that goes on for ever",
      "truncated",
      { principals: Buffer.concat([strings("producer"), u32(2 ** 32 - 1)]) },
    ],
    ["one principal too many", "too-many-principals", { principals: strings(...names(PRINCIPALS_MAX), "producer") }],
    ["very many empty principals", "too-many-principals", { principals: Buffer.alloc(7000) }],
    ["one option too many", "too-many-options", { criticalOptions: options(CERTIFICATE_OPTIONS_MAX + 1) }],
    ["one extension too many", "too-many-options", { extensions: options(CERTIFICATE_OPTIONS_MAX + 1) }],
    ["an extension without a value", "truncated", { extensions: strings("permit-pty") }],
    ["a byte behind its extensions", "truncated", { extensions: Buffer.concat([strings("a", ""), Buffer.alloc(1)]) }],
    ["an extension twice", "options-out-of-order", { extensions: strings("a", "", "a", "") }],
    ["extensions out of order", "options-out-of-order", { extensions: strings("b", "", "a", "") }],
    ["an option twice", "options-out-of-order", { criticalOptions: strings("a", "", "a", "") }],
    ["options out of order", "options-out-of-order", { criticalOptions: strings("b", "", "a", "") }],
    ["an option without a value", "truncated", { criticalOptions: strings("a") }],
    ["an option without a name", "unknown-critical-option", { criticalOptions: strings("", "") }],
    ["an extension's name for an option", "unknown-critical-option", { criticalOptions: strings("permit-pty", "") }],
    ["an option's name that is no UTF-8", "bad-text", { criticalOptions: strings(Buffer.of(0xff), "") }],
    [
      "a byte behind its authority",
      "unknown-authority",
      { authority: Buffer.concat([authority.blob, Buffer.alloc(1)]) },
    ],
    ["no authority", "unknown-authority", { authority: Buffer.alloc(0) }],
    ["a certificate for an authority", "unknown-authority", { authority: rawCertificate(authority, authority) }],
    ["an authority of another type", "unknown-authority", { authority: strings("ssh-rsa", authority.point) }],
    ["its own key for an authority", "unknown-authority", { authority: holder.blob }],
    ["no signature", "bad-signature-form", { signature: () => Buffer.alloc(0) }],
    ["a signature of nothing", "bad-signature-form", { signature: () => strings("ssh-ed25519", "") }],
    [
      "a signature of 63 bytes",
      "bad-signature-form",
      { signature: signed("ssh-ed25519", (all) => all.subarray(0, 63)) },
    ],
    [
      "a signature of 65 bytes",
      "bad-signature-form",
      { signature: signed("ssh-ed25519", (all) => Buffer.concat([all, Buffer.alloc(1)])) },
    ],
    ["a signature of another type", "bad-signature-form", { signature: signed("ssh-ed25518", (all) => all) }],
    [
      "a signature of a security key",
      "bad-signature-form",
      { signature: signed("sk-ssh-ed25519@openssh.com", (all) => all) },
    ],
    [
      "a byte behind its signature",
      "bad-signature-form",
      { signature: (all) => Buffer.concat([signed("ssh-ed25519", (one) => one)(all), Buffer.alloc(1)]) },
    ],
    [
      "a signature over other words",
      "bad-signature",
      { signature: (all) => signed("ssh-ed25519", (one) => one)(all.subarray(1)) },
    ],
    [
      "a signature over nothing",
      "bad-signature",
      { signature: (all) => signed("ssh-ed25519", (one) => one)(all.subarray(0, 0)) },
    ],
    ["a beginning after its end", "not-yet-valid", { validAfter: 2000n, validBefore: 1000n }],
    ["a beginning beyond what is signed", "not-yet-valid", { validAfter: FOREVER, validBefore: FOREVER }],
    ["an end at the beginning of time", "expired", { validAfter: 0n, validBefore: 0n }],
  ];
  for (const [what, is, wanted] of refused) {
    it(`are refused as ${is} with ${what}`, () => {
      assert.equal(verdictWith(wanted), is);
    });
  }

  it("are refused one byte past the limit, not at it", () => {
    const withNonce = (length: number): Buffer => rawCertificate(holder, authority, { nonce: Buffer.alloc(length) });
    const room = CERTIFICATE_BYTES_MAX - withNonce(0).length;

    assert.equal(verdictOnBytes(withNonce(room), trust), TAKEN);
    assert.equal(verdictOnBytes(withNonce(room + 1), trust), "too-large");
  });

  it("are refused over the key of an authority", () => {
    const both = trustIn(authority.line, holder.line);

    assert.equal(verdictOnBytes(good, both), "key-of-authority");
  });
});

describe("ssh certificates: any bytes", () => {
  it("are read without a throw, and nobody is certified", () => {
    const words = fc.constantFrom(
      str("ssh-ed25519-cert-v01@openssh.com"),
      blobOf(holder.point),
      str(holder.point),
      u32(1),
      u32(0),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc
        .array(fc.oneof(words, fc.uint8Array({ maxLength: 9 })), { maxLength: 30 })
        .map((parts) => Buffer.concat(parts)),
    );
    fc.assert(
      fc.property(bytes, (some) => {
        const read = parseCertificate(some);
        assert(!read.ok || !verifyCertificate(read.value, trust).ok);
      }),
      { numRuns: 500 },
    );
  });

  it("in place of some of a good one make it one that is refused", () => {
    const cut = fc.tuple(fc.nat(good.length), fc.nat(20), fc.uint8Array({ maxLength: 20 }));
    fc.assert(
      fc.property(fc.array(cut, { minLength: 1, maxLength: 3 }), (cuts) => {
        const changed = cuts.reduce(
          (bytes, [at, length, instead]) =>
            Buffer.concat([bytes.subarray(0, at), instead, bytes.subarray(at + length)]),
          good,
        );
        fc.pre(!changed.equals(good));
        assert.notEqual(verdictOnBytes(changed, trust), TAKEN);
      }),
      { numRuns: 500 },
    );
  });

  it("as a text are read without a throw", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => !parseKeyLine(text).ok));
  });
});

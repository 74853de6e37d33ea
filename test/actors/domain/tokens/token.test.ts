/** Tokens: that of the reference, everything a token can be refused for, and what any text is. */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CLAIM_LENGTH_MAX, type Claims } from "#actors/domain/tokens/claims.ts";
import { signToken, type TokenTerms, verifyToken } from "#actors/domain/tokens/token.ts";
import { TOKEN_BYTES_MAX } from "#actors/domain/tokens/token-text.ts";
import { parseUuid } from "#actors/domain/uuid.ts";
import { Defect, must } from "#runtime/errors.ts";
import {
  CLAIMS,
  inAlphabet,
  KID,
  otherKey,
  privateKey,
  REFERENCE_TOKEN,
  rewritten,
  TERMS,
  tokenOf,
  tokenOfTexts,
} from "#test/actors/domain/tokens/token-kit.ts";

const HEADER = { alg: "EdDSA", kid: KID, typ: "FDC" };
const { sid: _, ...SAID } = CLAIMS;
const SIGNING = { kid: KID, key: privateKey };

/** The reason, or `good`. */
async function verdict(text: string, terms: Partial<TokenTerms> = {}): Promise<string> {
  const verified = await verifyToken(text, { ...TERMS, ...terms });
  return verified.ok ? "good" : verified.failure.reason;
}

describe("tokens: the one of the reference", () => {
  it("comes out at its clock, in base64url", async () => {
    assert.equal(await signToken(CLAIMS, SIGNING), rewritten(REFERENCE_TOKEN, "base64url"));
    assert.notEqual(rewritten(REFERENCE_TOKEN, "base64url"), REFERENCE_TOKEN);
  });

  it("verifies as it stands, and as it is written by us", async () => {
    for (const text of [REFERENCE_TOKEN, rewritten(REFERENCE_TOKEN, "base64url")]) {
      assert.deepEqual(must(await verifyToken(text, TERMS), "it is good"), CLAIMS);
    }
  });

  it("is refused with any one character another", async () => {
    for (let at = 0; at < REFERENCE_TOKEN.length; at += 1) {
      for (const character of "A.-=") {
        if (character === REFERENCE_TOKEN.charAt(at)) continue;
        const text = REFERENCE_TOKEN.slice(0, at) + character + REFERENCE_TOKEN.slice(at + 1);
        assert.notEqual(await verdict(text), "good", text);
      }
    }
  });

  it("is refused with any bit of its signature another", async () => {
    const [header, claims, signatureText = ""] = REFERENCE_TOKEN.split(".");
    for (let bit = 0; bit < 512; bit += 1) {
      const signature = Buffer.from(signatureText, "base64");
      signature.writeUInt8(signature.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.equal(await verdict(`${header}.${claims}.${inAlphabet(signature, "base64url")}`), "bad_signature");
    }
  });
});

describe("tokens: signing", () => {
  it("puts the claims in their order, the subject behind the producer", async () => {
    const sid = parseUuid("5d0f6c1e-8a3b-4c2d-9e1f-0a1b2c3d4e5f");
    const text = await signToken({ sid, ...SAID }, SIGNING);

    const [header = "", claims = ""] = text.split(".").map((part) => Buffer.from(part, "base64url").toString());
    assert.equal(header, '{"alg":"EdDSA","kid":"kid-1","typ":"FDC"}');
    assert.deepEqual(Object.keys(JSON.parse(claims)), ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti", "fp"]);
    assert.deepEqual(must(await verifyToken(text, TERMS), "it is good"), { ...CLAIMS, sid });
  });

  it("is read back by a verifier of the same terms, whatever is in it", async () => {
    const uuids = fc.uuid().map((text) => parseUuid(text));
    const visible = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: CLAIM_LENGTH_MAX,
    });
    const word = fc.string({ unit: "grapheme", maxLength: 20 });
    const seconds = fc.integer({ min: 0, max: 4 * 10 ** 9 });
    const claims = fc.record({ iss: word, aud: word, sub: uuids, sid: fc.option(uuids), jti: visible, fp: visible });
    await fc.assert(
      fc.asyncProperty(claims, seconds, fc.nat(9999), async ({ iss, aud, sub, sid, jti, fp }, nbf, lifeSeconds) => {
        assert(sub !== undefined);
        const all: Claims = { iss, aud, sub, sid: sid ?? undefined, iat: nbf, nbf, exp: nbf + lifeSeconds, jti, fp };
        const terms = { ...TERMS, issuer: iss, audience: aud, nowSeconds: nbf };

        const text = await signToken(all, SIGNING);

        assert.match(text, /^[\w-]+\.[\w-]+\.[\w-]{86}$/);
        assert.deepEqual(await verifyToken(text, terms), { ok: true, value: all });
      }),
    );
  });

  it("makes no token that could not be read, and signs with no key of another kind", async () => {
    const rsa = generateKeyPairSync("ed448").privateKey;
    const wrong: readonly (readonly [Partial<Claims>, typeof privateKey])[] = [
      [{ jti: "" }, privateKey],
      [{ fp: "x".repeat(CLAIM_LENGTH_MAX + 1) }, privateKey],
      [{ exp: 1.5 }, privateKey],
      [{ iss: "x".repeat(TOKEN_BYTES_MAX) }, privateKey],
      [{}, rsa],
    ];
    for (const [claims, key] of wrong) {
      await assert.rejects(signToken({ ...CLAIMS, ...claims }, { kid: KID, key }), Defect);
    }
  });
});

describe("tokens: their alphabets", () => {
  // In the standard alphabet these have a plus and a slash.
  const terms = { issuer: "???>>>~~~", audience: "ÿÿÿ" };
  const claims = { ...SAID, iss: terms.issuer, aud: terms.audience };

  it("are both read, in header and claims as in the signature", async () => {
    const kid = "k>?~ÿ";
    const keys = new Map([[kid, createPublicKey(privateKey)]]);
    for (const alphabet of ["base64", "base64url"] as const) {
      const text = tokenOf({ ...HEADER, kid }, claims, alphabet);
      assert.match(text, alphabet === "base64" ? /^[^.]*[+/][^.]*\.[^.]*[+/]/ : /^[^.]*[-_][^.]*\.[^.]*[-_]/);
      assert.equal(await verdict(text, { ...terms, keys }), "good");
    }
  });

  it("are part of what is signed: another spelling of header or claims is not", async () => {
    for (const [from, to] of [
      ["base64", "base64url"],
      ["base64url", "base64"],
    ] as const) {
      const text = tokenOf(HEADER, claims, from);
      const [header, said] = rewritten(text, to).split(".");
      assert.equal(await verdict(`${header}.${said}.${text.split(".")[2]}`, terms), "bad_signature");
      assert.equal(await verdict(text, terms), "good");
    }
  });

  it("are not mixed in one part, padded, spaced, or left with bits over", async () => {
    const [header = "", said = "", signature = ""] = REFERENCE_TOKEN.split(".");
    const mixed = signature.replace("+", "-");
    const over = `${signature.slice(0, -1)}h`;
    for (const bad of [mixed, `${signature}==`, `${signature}=`, ` ${signature}`, `${signature}\n`, over]) {
      assert.equal(await verdict(`${header}.${said}.${bad}`), "bad_sig_b64", bad);
    }
    assert.deepEqual(Buffer.from(over, "base64"), Buffer.from(signature, "base64"));
    assert.equal(await verdict(`${header} .${said}.${signature}`), "bad_header_b64");
    assert.equal(await verdict(`${header}A=.${said}.${signature}`), "bad_header_b64");
    assert.equal(await verdict(`${header}.${said}=.${signature}`), "bad_claims_b64");
    assert.equal(await verdict(`${header}.é${said}.${signature}`), "bad_claims_b64");
  });
});

describe("tokens: what they are refused for", () => {
  it("is their form", async () => {
    const [header = "", said = "", signature = ""] = REFERENCE_TOKEN.split(".");
    assert.equal(await verdict(""), "auth_required");
    for (const bad of [".", "..", `${header}.${said}`, `${header}.${said}.`, `.${said}.${signature}`]) {
      assert.equal(await verdict(bad), "bad_token_format", bad);
    }
    assert.equal(await verdict(`${REFERENCE_TOKEN}.`), "bad_token_format");
    assert.equal(await verdict(`${REFERENCE_TOKEN}.${signature}.${signature}`), "bad_token_format");
    assert.equal(await verdict("a".repeat(TOKEN_BYTES_MAX)), "bad_token_format");
    assert.equal(await verdict("a".repeat(TOKEN_BYTES_MAX + 1)), "token_too_large");
  });

  it("is their header", async () => {
    const { alg: _alg, ...withoutAlg } = HEADER;
    const { kid: _kid, ...withoutKid } = HEADER;
    const cases: readonly (readonly [unknown, string])[] = [
      [[HEADER], "bad_header_json"],
      ["EdDSA", "bad_header_json"],
      [null, "bad_header_json"],
      [withoutAlg, "alg_not_supported"],
      [{ ...HEADER, alg: "none" }, "alg_not_supported"],
      [{ ...HEADER, alg: "HS256" }, "alg_not_supported"],
      [{ ...HEADER, alg: "Ed25519" }, "alg_not_supported"],
      [{ ...HEADER, alg: "eddsa" }, "alg_not_supported"],
      [{ ...HEADER, alg: ["EdDSA"] }, "alg_not_supported"],
      [{ ...HEADER, typ: "JWT" }, "bad_typ"],
      [{ ...HEADER, typ: "fdc" }, "bad_typ"],
      [{ ...HEADER, typ: undefined }, "bad_typ"],
      [{ ...HEADER, crit: ["exp"] }, "crit_not_supported"],
      [{ ...HEADER, crit: ["b64"], b64: false }, "crit_not_supported"],
      [{ ...HEADER, crit: null }, "crit_not_supported"],
      [withoutKid, "unknown_kid"],
      [{ ...HEADER, kid: "kid-2" }, "unknown_kid"],
      [{ ...HEADER, kid: 1 }, "unknown_kid"],
      [{ ...HEADER, kid: "__proto__" }, "unknown_kid"],
      [{ ...HEADER, jwk: { kty: "OKP" }, b64: false, x: 1 }, "good"],
    ];
    for (const [header, reason] of cases) {
      assert.equal(await verdict(tokenOf(header, SAID)), reason, JSON.stringify(header));
    }
    for (const text of ["{", "", "\ufeff{}", `${JSON.stringify(HEADER)}x`]) {
      const reason = text === "" ? "bad_token_format" : "bad_header_json";
      assert.equal(await verdict(tokenOfTexts(text, "{}")), reason);
    }
    assert.equal(await verdict(tokenOfTexts(Buffer.from('{"alg":"\xff"}', "latin1"), "{}")), "bad_header_json");
  });

  it("is their signature", async () => {
    const [header, said, signature = ""] = tokenOf(HEADER, SAID).split(".");
    assert.equal(await verdict(tokenOf(HEADER, SAID, "base64url", otherKey)), "bad_signature");
    assert.equal(await verdict(tokenOf(HEADER, { ...SAID, iss: "???" }, "base64", otherKey)), "bad_signature");
    for (const bytes of [0, 1, 63, 65, 128]) {
      const other = inAlphabet(
        Buffer.concat([Buffer.from(signature, "base64url"), Buffer.alloc(64)]).subarray(0, bytes),
        "base64url",
      );
      const reason = bytes === 0 ? "bad_token_format" : "bad_signature";
      assert.equal(await verdict(`${header}.${said}.${other}`), reason);
    }
    assert.equal(await verdict(`${header}.${inAlphabet(Buffer.from("{"), "base64")}.${signature}`), "bad_signature");
  });

  it("is what they say", async () => {
    const sub = "00000000-0000-4000-8000-00000000000A";
    const cases: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
      ...["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "fp"].flatMap((name) =>
        [undefined, null, {}, true].map((value) => [{ [name]: value }, "bad_claims"] as const),
      ),
      [{ iss: "" }, "bad_issuer_audience"],
      [{ iss: "fdc-kernel " }, "bad_issuer_audience"],
      [{ aud: "FDC-EVENTS" }, "bad_issuer_audience"],
      [{ aud: ["fdc-events"] }, "bad_claims"],
      [{ iss: 7 }, "bad_claims"],
      [{ sub: "binance" }, "bad_claims"],
      [{ sub: sub.replaceAll("-", "") }, "bad_claims"],
      [{ sub }, "good"],
      [{ sid: sub }, "good"],
      [{ sid: null }, "bad_claims"],
      [{ sid: "" }, "bad_claims"],
      [{ iat: "1760000000" }, "bad_claims"],
      [{ iat: 1_760_000_000.5 }, "bad_claims"],
      [{ nbf: -1 }, "bad_claims"],
      [{ exp: 2 ** 53 }, "bad_claims"],
      [{ jti: "" }, "bad_claims"],
      [{ jti: "a b" }, "bad_claims"],
      [{ jti: "a\0" }, "bad_claims"],
      [{ jti: "é" }, "bad_claims"],
      [{ jti: "x".repeat(CLAIM_LENGTH_MAX) }, "good"],
      [{ jti: "x".repeat(CLAIM_LENGTH_MAX + 1) }, "bad_claims"],
      [{ fp: "x".repeat(CLAIM_LENGTH_MAX + 1) }, "bad_claims"],
      [{ scope: "all", exp2: 1 }, "good"],
    ];
    for (const [changed, reason] of cases) {
      assert.equal(await verdict(tokenOf(HEADER, { ...SAID, ...changed })), reason, JSON.stringify(changed));
    }
    const read = must(await verifyToken(tokenOf(HEADER, { ...SAID, sub, sid: sub }), TERMS), "in either case");
    assert.deepEqual([read.sub, read.sid], [sub.toLowerCase(), sub.toLowerCase()]);
    for (const text of ["[]", "null", "7", "{", "\ufeff{}"]) {
      assert.equal(await verdict(tokenOfTexts(JSON.stringify(HEADER), text)), "bad_claims_json");
    }
  });

  it("is their time, with the skew on both sides of it", async () => {
    const { nbf, exp } = CLAIMS;
    for (const skewSeconds of [0, 60]) {
      const at = (nowSeconds: number): Promise<string> => verdict(REFERENCE_TOKEN, { nowSeconds, skewSeconds });
      assert.equal(await at(nbf - skewSeconds - 1), "token_not_yet_valid");
      assert.equal(await at(nbf - skewSeconds), "good");
      assert.equal(await at(exp + skewSeconds), "good");
      assert.equal(await at(exp + skewSeconds + 1), "token_expired");
    }
  });

  it("is never what a stranger wrote behind the header: the signature is looked at before the claims", async () => {
    const bad = tokenOf(HEADER, { ...SAID, exp: 0, iss: 7 }, "base64url", otherKey);
    assert.equal(await verdict(bad), "bad_signature");
  });

  it("is no key of another kind: that is a defect of ours", async () => {
    const keys = new Map([[KID, generateKeyPairSync("ed448").publicKey]]);
    for (const alphabet of ["base64", "base64url"] as const) {
      const text = tokenOf(HEADER, { ...SAID, iss: "???" }, alphabet);
      await assert.rejects(verifyToken(text, { ...TERMS, keys }), Defect);
    }
  });
});

describe("tokens: any text", () => {
  const alphabet = fc.constantFrom(..."ABCabc019+/-_=. \n");
  const parts = fc.oneof(
    fc.constantFrom(...REFERENCE_TOKEN.split(".")),
    fc.string({ unit: alphabet, maxLength: 30 }),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => inAlphabet(bytes, "base64url")),
    fc.json().map((text) => inAlphabet(Buffer.from(text), "base64")),
  );

  it("is refused, and nothing throws", async () => {
    const texts = fc.oneof(
      fc.array(parts, { maxLength: 4 }).map((all) => all.join(".")),
      fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes)),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        fc.pre(text !== REFERENCE_TOKEN);
        assert.notEqual(await verdict(text), "good");
      }),
      { numRuns: 200 },
    );
  });

  it("is good only if Node finds it signed, over its own characters", async () => {
    const claims = fc.record({ iss: fc.constantFrom("fdc-kernel", "???"), jti: fc.constantFrom("a", "~?>") });
    const changes = fc.tuple(fc.nat(), fc.constantFrom("A", "+", "/", "-", "_", ""), fc.boolean());
    await fc.assert(
      fc.asyncProperty(
        claims,
        changes,
        fc.constantFrom("base64", "base64url"),
        async (changed, [at, character, isChanged], written) => {
          const whole = tokenOf(HEADER, { ...SAID, ...changed }, written);
          const place = at % whole.length;
          const text = isChanged ? whole.slice(0, place) + character + whole.slice(place + 1) : whole;

          const said = await verdict(text, { issuer: changed.iss });

          const [header = "", body = "", signature = ""] = text.split(".");
          const bytes = Buffer.from(signature, "base64");
          const key = createPublicKey(privateKey);
          const isSigned = bytes.length === 64 && verify(null, Buffer.from(`${header}.${body}`), key, bytes);
          if (said === "good") assert(isSigned);
          if (text === whole) assert.equal(said, "good");
        },
      ),
      { numRuns: 300 },
    );
  });
});

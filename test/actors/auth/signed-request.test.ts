/** Requests of producers, judged by their fields: the published vector, and everything that may be wrong with one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type RequestTerms, verifyRequest } from "#actors/auth/signed-request.ts";
import { keyFromBlob, type SshKey } from "#actors/domain/ssh/key.ts";
import type { RequestFields } from "#actors/domain/streams/entry-fields.ts";
import { type CertificateSpec, signCertificate } from "#client/ssh/certificate.ts";
import { encodePublicKey, formatCertificateLine, formatKeyLine } from "#client/ssh/key-line.ts";
import { newPrivateKey, type PrivateKey, signerOf } from "#client/ssh/private-key.ts";
import { must } from "#runtime/errors.ts";

const NOW = 1_760_000_000;
const NONCE = "0123456789abcdef";
const PAYLOAD = '{"contact":"ops@example.com","meta":{"region":"eu"},"producer_hint":"binance"}';

/** Made independently: the key of RFC 8032's first test. */
const VECTOR: RequestFields = {
  pubkey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea vec@test",
  payload: Buffer.from(PAYLOAD),
  nonce: NONCE,
  sig: "WT2jE3HIPPxQOFwMtcAfmVslqV82oJeaJJBg0IR0tp4TSfm5MIBzB31h4kgHYLdv2MudXWWGSxEHeK9+BgMmCg==",
};
const PREHASHED = "YZPFSjA/UCWE/TPSKXbdjScnN6AnunMUPBNw1u652m2kLPdUypgBRUcHMjRSO/kvK6nKpQBSiXg4+13RrXCLDw==";

const own = await newPrivateKey("producer");
const authority = await newPrivateKey("authority");
const ownLine = formatKeyLine(own);

function sshKey({ publicKey }: PrivateKey): SshKey {
  const key = keyFromBlob(encodePublicKey(publicKey));
  assert(typeof key === "object");
  return key;
}

const TERMS: RequestTerms = {
  authorities: [sshKey(authority)],
  principals: new Set(["producer"]),
  needsCertificate: false,
  nowSeconds: NOW,
};

async function certificateLine(given: Partial<CertificateSpec> = {}, by: PrivateKey = authority): Promise<string> {
  const signer = await signerOf(by);
  assert(signer !== undefined);
  const spec: CertificateSpec = {
    publicKey: own.publicKey,
    principals: ["producer"],
    keyId: "test",
    serial: 0n,
    validAfter: BigInt(NOW - 60),
    validBefore: BigInt(NOW + 60),
    nonce: new Uint8Array(32).fill(7),
    ...given,
  };
  const bytes = await signCertificate(spec, signer);
  assert(typeof bytes === "object", String(bytes));
  return formatCertificateLine(bytes, "producer");
}

async function request(
  given: Partial<RequestFields> = {},
  text: string | Uint8Array = PAYLOAD,
): Promise<RequestFields> {
  const payload = Buffer.from(text as string);
  const { nonce = NONCE } = given;
  const signature = await (await signerOf(own))?.sign(
    new Uint8Array(Buffer.concat([payload, Buffer.from(`.${nonce}`)])),
  );
  assert(signature !== undefined);
  return { pubkey: ownLine, payload, nonce, sig: Buffer.from(signature).toString("base64"), ...given };
}

function why(fields: RequestFields, terms: Partial<RequestTerms> = {}): string {
  const verified = verifyRequest(fields, { ...TERMS, ...terms });
  return verified.ok ? "good" : `${verified.failure.reason}: ${verified.failure.problem}`;
}

describe("auth: signed requests", () => {
  it("are what the published vector says (AUTH-1)", () => {
    const verified = verifyRequest(VECTOR, TERMS);

    assert(verified.ok);
    const { fingerprint, textFingerprint, keyLine, payload, payloadText, signature } = verified.value;
    assert.equal(
      textFingerprint,
      "62hEfMrcwrOI7KYh19a2ZWaHbFGH94G/JYfUGVxDGMAym0aiNIHxY41wRFMw28qBifWcBB5X805BmKKS7IMaTw==",
    );
    assert.notEqual(fingerprint, textFingerprint);
    assert.equal(`${keyLine} vec@test`, VECTOR.pubkey);
    assert.deepEqual({ ...payload }, { contact: "ops@example.com", meta: { region: "eu" }, producer_hint: "binance" });
    assert.deepEqual([payloadText, Buffer.from(signature).toString("base64")], [PAYLOAD, VECTOR.sig]);
    assert.equal(why({ ...VECTOR, sig: PREHASHED }), "invalid_sig: not-signed");
  });

  it("have the fingerprint of their key, whatever it is wrapped in (AUTH-2)", async () => {
    const lines = [ownLine, `${ownLine}\n`, formatKeyLine({ ...own, comment: "another" }), await certificateLine()];
    const renewed = await certificateLine({ serial: 2n, nonce: new Uint8Array(32).fill(8) });

    const verified = await Promise.all(
      [...lines, renewed].map(async (pubkey) => verifyRequest(await request({ pubkey }), TERMS)),
    );

    const fingerprints = verified.map((one) => (one.ok ? one.value.fingerprint : one.failure.problem));
    assert.equal(new Set(fingerprints).size, 1);
    assert.equal(new Set(verified.map((one) => one.ok && one.value.textFingerprint)).size, 5);
  });

  it("are refused where anything of them was signed otherwise (AUTH-1)", async () => {
    const good = await request();
    assert.equal(why(good), "good");

    const others: readonly (readonly [Partial<RequestFields>, string])[] = [
      [{ payload: Buffer.from(PAYLOAD.replace("eu", "us")) }, "invalid_sig: not-signed"],
      [{ nonce: "1123456789abcdef" }, "invalid_sig: not-signed"],
      [{ pubkey: VECTOR.pubkey }, "invalid_sig: not-signed"],
      [{ sig: VECTOR.sig }, "invalid_sig: not-signed"],
      [{ sig: "" }, "invalid_sig: bad-form"],
      [{ sig: good.sig.slice(0, -3) }, "invalid_sig: bad-form"],
      [{ pubkey: "" }, "bad_pubkey: unknown-type"],
      [{ pubkey: `${ownLine}\n\n` }, "bad_pubkey: bad-text"],
    ];
    for (const [given, said] of others) assert.equal(why({ ...good, ...given }), said);
    // The full stop can be moved where the nonce has one, and then the payload is no document any more.
    const moved = { payload: Buffer.from(`${PAYLOAD}.0`), nonce: "123456789abcdef0" };
    const dotted = await request({ nonce: "0.123456789abcdef0" });
    assert.deepEqual([why(dotted), why({ ...dotted, ...moved })], ["good", "invalid_payload: not-json"]);
  });

  it("have a nonce that is long enough, short enough, and can be a name (AUTH-1)", async () => {
    for (const nonce of ["a".repeat(16), "~".repeat(128), "!\"#$%&'()*+,-./:"]) {
      assert.equal(why(await request({ nonce })), "good");
    }
    for (const nonce of [
      "",
      "a".repeat(15),
      "a".repeat(129),
      `${"a".repeat(16)} `,
      `${"a".repeat(16)}\n`,
      "é".repeat(16),
    ]) {
      assert.equal(why(await request({ nonce })), "bad_nonce: bad-form");
    }
  });

  it("are refused where the payload is signed, and is not what is taken as JSON (AUTH-3)", async () => {
    const others: readonly (readonly [string | Uint8Array, string])[] = [
      ['{"a": 1}', "not-compact"],
      ['{"b":1,"a":1}', "keys-unsorted"],
      ['{"a":1,"a":1}', "duplicate-key"],
      ['{"a":9007199254740993}', "unsafe-integer"],
      ['{"a":"\\ud800"}', "lone-surrogate"],
      [Uint8Array.of(0x22, 0xff, 0x22), "not-utf8"],
      ["[]", "not-an-object"],
      ["null", "not-an-object"],
      ["", "not-json"],
    ];
    for (const [text, problem] of others) assert.equal(why(await request({}, text)), `invalid_payload: ${problem}`);
  });

  it("come with a certificate where one is needed, and with a good one where there is any (AUTH-4)", async () => {
    const needed = { needsCertificate: true };
    assert.equal(why(await request(), needed), "invalid_cert: no-certificate");
    assert.equal(why(await request({ pubkey: await certificateLine() }), needed), "good");

    const wrong: readonly (readonly [string, string])[] = [
      [await certificateLine({ validBefore: BigInt(NOW) }), "expired"],
      [await certificateLine({ validAfter: BigInt(NOW + 1) }), "not-yet-valid"],
      [await certificateLine({ principals: ["admin"] }), "other-principals"],
      [await certificateLine({}, await newPrivateKey("another")), "unknown-authority"],
    ];
    for (const [pubkey, problem] of wrong) {
      for (const needsCertificate of [true, false]) {
        assert.equal(why(await request({ pubkey }), { needsCertificate }), `invalid_cert: ${problem}`);
      }
    }
    const claimed = (fields: RequestFields) => {
      const verified = verifyRequest(fields, { ...TERMS, ...needed });
      return verified.ok ? undefined : verified.failure.claimed;
    };
    const { fingerprint } = must(verifyRequest(await request(), TERMS), "a key");
    for (const pubkey of [ownLine, ...wrong.map(([line]) => line)]) {
      const good = await request({ pubkey });
      const facts = { fingerprint, signature: Buffer.from(good.sig, "base64") };
      assert.deepEqual(claimed(good), { ...facts, isSigned: true });
      assert.deepEqual(claimed({ ...good, nonce: `${NONCE}0` }), { ...facts, isSigned: false });
    }
    // Somebody else's certificate is nobody's key.
    const stranger = await newPrivateKey("stranger");
    const borrowed = await certificateLine({ publicKey: stranger.publicKey });
    assert.equal(why(await request({ pubkey: borrowed }), needed), "invalid_sig: not-signed");
  });
});

/** Certificates that `ssh-keygen` makes, and what becomes of them: only the good ones are taken. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { parseCertificate } from "#actors/domain/ssh/certificate.ts";
import { type Trust, verifyCertificate } from "#actors/domain/ssh/certified.ts";
import { fingerprintOf, isSameKey } from "#actors/domain/ssh/key.ts";
import { must } from "#runtime/errors.ts";
import { bytesIn, keyIn, verdictOn, verdictOnBytes } from "#test/actors/domain/ssh/verdicts.ts";
import { provideSshKeygen } from "#test/kit/provide.ts";
import { SshKeygen } from "#test/kit/ssh-keygen.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const skip = (await provideSshKeygen()) ?? false;
const keygen = new SshKeygen(await tempDirectory({ after }));

const VALIDITY = ["-V", "20260101000000:20260201000000"] as const;
const AFTER = Date.UTC(2026, 0, 1) / 1000;
const BEFORE = Date.UTC(2026, 1, 1) / 1000;
/** What most certificates here are made with. */
const PLAIN = ["-n", "producer", "-z", "7", ...VALIDITY] as const;

function trustIn(...authorities: readonly string[]): Trust {
  const principals = new Set(["producer"]);
  return { authorities: authorities.map((name) => keyIn(keygen.read(`${name}.pub`))), principals, nowSeconds: AFTER };
}

/** The verdict on what `ca` signs over `producer`. */
function verdictWith(...options: readonly string[]): string {
  return verdictOn(keygen.certify("ca", "producer", ...options), trustIn("ca"));
}

describe("ssh certificates of ssh-keygen", { skip }, () => {
  before(() => {
    for (const name of ["ca", "other-ca", "producer"]) keygen.makeKey(name);
  });

  it("say whom they are good for, and until when", () => {
    const trust = trustIn("other-ca", "ca");
    const bytes = bytesIn(keygen.certify("ca", "producer", ...PLAIN));

    const certified = must(verifyCertificate(must(parseCertificate(bytes), "a certificate"), trust), "a good one");

    const { key, authority, ...said } = certified;
    assert.deepEqual(said, { principal: "producer", keyId: "an id", serial: 7n, validBefore: BigInt(BEFORE) });
    assert(isSameKey(key, keyIn(keygen.read("producer.pub"))));
    assert.equal(authority, trust.authorities[1]);
  });

  it("have the fingerprint of their key, as often as they are renewed, and by whomever", () => {
    const lines = [
      keygen.certify("ca", "producer", ...PLAIN),
      keygen.certify("ca", "producer", ...PLAIN, "-z", "8"),
      keygen.certify("other-ca", "producer", ...PLAIN),
    ];
    const trust = trustIn("ca", "other-ca");

    const fingerprints = lines.map((line) => {
      const certificate = must(parseCertificate(bytesIn(line)), "a certificate");
      return fingerprintOf(must(verifyCertificate(certificate, trust), "a good one").key);
    });

    assert.equal(new Set(lines).size, 3);
    assert.deepEqual([...new Set(fingerprints)], [fingerprintOf(keyIn(keygen.read("producer.pub")))]);
  });

  for (const [seconds, is] of [
    [AFTER - 1, "not-yet-valid"],
    [AFTER, "good for producer"],
    [BEFORE - 1, "good for producer"],
    [BEFORE, "expired"],
  ] as const) {
    it(`are good from their first second to the one before their last: ${is} at ${seconds}`, () => {
      const line = keygen.certify("ca", "producer", ...PLAIN);

      assert.equal(verdictOn(line, { ...trustIn("ca"), nowSeconds: seconds }), is);
    });
  }

  it("are good for ever without dates", () => {
    const line = keygen.certify("ca", "producer", "-n", "producer");

    for (const nowSeconds of [0, AFTER, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      assert.equal(verdictOn(line, { ...trustIn("ca"), nowSeconds }), "good for producer");
    }
  });

  it("are good for the first of their principals that is wanted", () => {
    const line = keygen.certify("ca", "producer", "-n", "a,b,c", ...VALIDITY);

    const verdicts = [["c", "b"], ["c"], ["d"], []].map((wanted) =>
      verdictOn(line, { ...trustIn("ca"), principals: new Set(wanted) }),
    );

    assert.deepEqual(verdicts, ["good for b", "good for c", "other-principals", "other-principals"]);
  });

  it("with as many principals as OpenSSH takes are taken", () => {
    const names = Array.from({ length: 255 }, (_, index) => `p${index}`);

    assert.equal(verdictWith("-n", [...names, "producer"].join(","), ...VALIDITY), "good for producer");
  });

  it("with extensions of their own are taken", () => {
    const extensions = ["-O", "extension:zz@example.com=5", "-O", "extension:aa@example.com=y", "-O", "clear"];

    assert.equal(verdictWith(...PLAIN, ...extensions.slice(0, 4)), "good for producer");
    assert.equal(verdictWith(...PLAIN, ...extensions.slice(4)), "good for producer");
  });

  const refused: readonly (readonly [what: string, options: readonly string[], is: string])[] = [
    ["of a host", ["-h", ...PLAIN], "not-for-users"],
    ["without principals", [...VALIDITY], "no-principals"],
    ["for somebody else", ["-n", "consumer", ...VALIDITY], "other-principals"],
    ["for names like ours", ["-n", "Producer,producers,produce,*,producer*", ...VALIDITY], "other-principals"],
    ["with an unknown critical option", [...PLAIN, "-O", "critical:new@example.com=1"], "unknown-critical-option"],
    ["with a command", [...PLAIN, "-O", "force-command=ls"], "unknown-critical-option"],
    ["for some addresses", [...PLAIN, "-O", "source-address=0.0.0.0/0"], "source-address"],
    [
      "for some addresses and a command",
      [...PLAIN, "-O", "source-address=::/0", "-O", "force-command=ls"],
      "source-address",
    ],
    ["with a line break in its name", [...PLAIN, "-I", "an id\nroot logged in"], "bad-text"],
    ["with an escape sequence in a principal", ["-n", "producer,\x1b[2J", ...VALIDITY], "bad-text"],
  ];
  for (const [what, options, is] of refused) {
    it(`are refused as ${is}: one ${what}`, () => {
      assert.equal(verdictWith(...options), is);
    });
  }

  it("are refused when another authority has signed, until it is one of ours, and when it no longer is", () => {
    const line = keygen.certify("other-ca", "producer", ...PLAIN);

    const verdicts = [["ca"], ["ca", "other-ca"], ["other-ca"], []].map((names) => verdictOn(line, trustIn(...names)));

    assert.deepEqual(verdicts, ["unknown-authority", "good for producer", "good for producer", "unknown-authority"]);
  });

  it("are refused over the key of an authority, the one that signed or another", () => {
    assert.equal(verdictOn(keygen.certify("ca", "ca", ...PLAIN), trustIn("ca")), "key-of-authority");
    assert.equal(verdictOn(keygen.certify("ca", "other-ca", ...PLAIN), trustIn("ca", "other-ca")), "key-of-authority");
  });

  it("are not what an authority's own key is", () => {
    assert.equal(verdictOn(keygen.read("ca.pub"), trustIn("ca")), "a key");
  });

  for (const type of ["rsa", "ecdsa"]) {
    it(`are refused from an authority with a key of ${type}, and over one`, () => {
      keygen.makeKey(`ca-${type}`, { type });
      keygen.makeKey(`producer-${type}`, { type });

      assert.equal(verdictOn(keygen.certify(`ca-${type}`, "producer", ...PLAIN), trustIn("ca")), "bad-signature-form");
      assert.equal(verdictOn(keygen.certify("ca", `producer-${type}`, ...PLAIN), trustIn("ca")), "unknown-type");
    });
  }

  it("are refused when another authority's key is put into them", () => {
    const [own, others] = ["ca", "other-ca"].map((name) => bytesIn(keygen.read(`${name}.pub`)));
    const forged = bytesIn(keygen.certify("other-ca", "producer", ...PLAIN));
    assert(own !== undefined && others !== undefined);
    own.copy(forged, forged.indexOf(others));

    assert.equal(verdictOnBytes(forged, trustIn("ca")), "bad-signature");
  });

  it("are refused with a signature of zeros", () => {
    const bytes = bytesIn(keygen.certify("ca", "producer", ...PLAIN));

    assert.equal(verdictOnBytes(bytes.fill(0, bytes.length - 64), trustIn("ca")), "bad-signature");
  });

  it("are refused when any one bit is another", () => {
    const bytes = bytesIn(keygen.certify("ca", "producer", ...PLAIN));
    const trust = trustIn("ca", "other-ca");
    assert.equal(verdictOnBytes(bytes, trust), "good for producer");

    const taken = Array.from({ length: 8 * bytes.length }, (_, bit) => bit).filter((bit) => {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const certificate = parseCertificate(flipped);
      return certificate.ok && verifyCertificate(certificate.value, trust).ok;
    });

    assert(bytes.length > 400);
    assert.deepEqual(taken, []);
  });

  it("are refused when they end early, or late", () => {
    const bytes = bytesIn(keygen.certify("ca", "producer", ...PLAIN));
    const trust = trustIn("ca");

    for (let length = 0; length < bytes.length; length += 1) {
      assert.equal(verdictOnBytes(bytes.subarray(0, length), trust), "truncated", `${length} bytes`);
    }
    for (const more of [Buffer.alloc(1), Buffer.alloc(4), bytes]) {
      assert.equal(verdictOnBytes(Buffer.concat([bytes, more]), trust), "trailing-bytes");
    }
  });
});

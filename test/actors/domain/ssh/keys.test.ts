/** Keys of OpenSSH and what is signed with them: the published ones, and whatever else a line can say. */
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  fingerprintOf,
  isSameKey,
  isSignedBy,
  keyFromBlob,
  keyFromPoint,
  textFingerprintOf,
} from "#actors/domain/ssh/key.ts";
import { KEY_LINE_LENGTH_MAX, type KeyProblem, parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import { verifySigned } from "#actors/domain/ssh/signature.ts";
import { must } from "#runtime/errors.ts";
import { FIELD_PRIME, GROUP_ORDER, pointsOfSmallOrder, spell, spellingsOf } from "#test/actors/domain/ssh/curve.ts";
import { blobOf, CERTIFICATE, lineOf, rawCertificate, rawKey, strings } from "#test/actors/domain/ssh/raw.ts";
import { makeVectors, type SshVectors, vectorsFile } from "#test/actors/domain/ssh/vectors.ts";
import { keyIn } from "#test/actors/domain/ssh/verdicts.ts";

const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as SshVectors;
const holder = rawKey(1);
const authority = rawKey(2);
const base64 = holder.blob.toString("base64");

function problemOf(text: string): KeyProblem | string {
  const read = parseKeyLine(text);
  return read.ok ? "read" : read.failure.reason;
}

describe("ssh keys: the published ones", () => {
  it("are those that the generator makes", () => {
    assert.deepEqual(vectors, makeVectors());
  });

  it("have the fingerprints that the original gives them, as aliases", () => {
    const line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea vec@test";

    assert.equal(vectors.keys[0]?.line, line);
    assert.equal(
      textFingerprintOf(line),
      "62hEfMrcwrOI7KYh19a2ZWaHbFGH94G/JYfUGVxDGMAym0aiNIHxY41wRFMw28qBifWcBB5X805BmKKS7IMaTw==",
    );
    assert.equal(
      textFingerprintOf(`${line}\n`),
      "rBgP6ryOquos9vmDJy73IzDfMD778FdSa1sGHkHvCNWS8Edt1UWUwTHHvfcAGFBijoAiOJ7uSnXAWNEAvz7cpQ==",
    );
  });

  for (const { seed, line, fingerprint, textFingerprint, textFingerprintWithNewline } of vectors.keys) {
    it(`are read, and have their fingerprints: ${line}`, () => {
      const key = keyIn(line);

      assert.deepEqual(Buffer.from(key.blob), rawKey(seed).blob);
      assert.equal(fingerprintOf(key), fingerprint);
      assert.equal(textFingerprintOf(line), textFingerprint);
      assert.equal(textFingerprintOf(`${line}\n`), textFingerprintWithNewline);
    });
  }

  it("have signatures that are told from what is none", () => {
    const verdicts = vectors.signatures.map(({ what, key, message, signature }) => {
      const line = vectors.keys[key]?.line ?? "";
      const verified = verifySigned({ key: keyIn(line), message: Buffer.from(message), signatureBase64: signature });
      return { what, is: verified.ok ? "good" : verified.failure.reason };
    });

    assert.deepEqual(
      verdicts,
      vectors.signatures.map(({ what, is }) => ({ what, is })),
    );
  });

  it("have the signatures of the notes on the original", () => {
    const raw = "WT2jE3HIPPxQOFwMtcAfmVslqV82oJeaJJBg0IR0tp4TSfm5MIBzB31h4kgHYLdv2MudXWWGSxEHeK9+BgMmCg==";
    const prehashed = "YZPFSjA/UCWE/TPSKXbdjScnN6AnunMUPBNw1u652m2kLPdUypgBRUcHMjRSO/kvK6nKpQBSiXg4+13RrXCLDw==";
    const administrator = "njr6h903clY89PiqGUCZ6t4O65TIZ/6pHPa4ubOhH/iVU2+1DSlhdpWNsW8aLhM4r9QJV8XRCtTvOr8MKsjwCw==";

    const judged = [raw, prehashed, administrator].map((one) =>
      vectors.signatures.find(({ signature }) => signature === one),
    );

    assert.deepEqual(
      judged.map((one) => one?.is),
      ["good", "not-signed", "good"],
    );
  });
});

describe("ssh keys: lines", () => {
  const comments: Readonly<Record<string, string>> = {
    "": "",
    " ": "",
    " me@here": "me@here",
    " two words  and more ": "two words  and more ",
    " Zoë 🙂": "Zoë 🙂",
  };
  for (const [written, comment] of Object.entries(comments)) {
    it(`are read with a line feed or without, and with the comment "${written}"`, () => {
      for (const end of ["", "\n"]) {
        const read = must(parseKeyLine(`ssh-ed25519 ${base64}${written}${end}`), "a key");

        assert(read.kind === "key");
        assert.equal(read.comment, comment);
        assert(isSameKey(read.key, keyIn(holder.line)));
      }
    });
  }

  it("of a certificate have the key that is in it, and its fingerprint", () => {
    const read = must(
      parseKeyLine(`${lineOf(CERTIFICATE, rawCertificate(holder, authority), "me")}\n`),
      "a certificate",
    );

    assert(read.kind === "certificate");
    assert.equal(read.comment, "me");
    assert.equal(fingerprintOf(read.certificate.key), fingerprintOf(keyIn(holder.line)));
  });

  const ecdsa = strings("ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(65, 4));
  const refused: readonly (readonly [what: string, text: string, reason: KeyProblem])[] = [
    ["nothing", "", "unknown-type"],
    ["a line feed", "\n", "unknown-type"],
    ["a type alone", "ssh-ed25519", "malformed"],
    ["a type and a space", "ssh-ed25519 ", "malformed"],
    ["two line feeds", `${holder.line}\n\n`, "bad-text"],
    ["a carriage return", `${holder.line}\r\n`, "bad-text"],
    ["two keys", `${holder.line}\n${authority.line}`, "bad-text"],
    ["a tab", holder.line.replace(" ", "\t"), "bad-text"],
    ["an escape sequence in the comment", `${holder.line} \x1b[2J`, "bad-text"],
    ["a C1 control character in the comment", `${holder.line} \x9b2J`, "bad-text"],
    ["a NUL in the comment", `${holder.line} \0`, "bad-text"],
    ["a line separator in the comment", `${holder.line} \u2028`, "bad-text"],
    ["a turn of the direction in the comment", `${holder.line} \u202e`, "bad-text"],
    ["half a character in the comment", `${holder.line} \ud800`, "bad-text"],
    ["a space in front", ` ${holder.line}`, "unknown-type"],
    ["two spaces", holder.line.replace(" ", "  "), "malformed"],
    ["an option in front", `restrict ${holder.line}`, "unknown-type"],
    ["an option with a text in front", `command="ls" ${holder.line}`, "unknown-type"],
    ["cert-authority in front", `cert-authority ${holder.line}`, "unknown-type"],
    ["a comment sign in front", `# ${holder.line}`, "unknown-type"],
    ["the type in capitals", holder.line.replace("ssh", "SSH"), "unknown-type"],
    ["a security key", `sk-ssh-ed25519@openssh.com ${base64}`, "unknown-type"],
    [
      "an RSA key",
      `ssh-rsa ${strings("ssh-rsa", Buffer.of(1, 0, 1), Buffer.alloc(256, 1)).toString("base64")}`,
      "unknown-type",
    ],
    ["an ECDSA key", `ecdsa-sha2-nistp256 ${ecdsa.toString("base64")}`, "unknown-type"],
    ["an ECDSA key that says it is another", lineOf("ssh-ed25519", ecdsa), "malformed"],
    ["a certificate that says it is a key", lineOf("ssh-ed25519", rawCertificate(holder, authority)), "malformed"],
    ["no base64", "ssh-ed25519 ????", "bad-base64"],
    [
      "base64 without its padding",
      `ssh-ed25519 ${Buffer.concat([holder.blob, Buffer.alloc(1)])
        .toString("base64")
        .replace(/=+$/, "")}`,
      "bad-base64",
    ],
    ["padding that is not wanted", `ssh-ed25519 ${base64}=`, "bad-base64"],
    ["four signs of padding", `ssh-ed25519 ${base64}====`, "bad-base64"],
    ["the URL-safe alphabet", lineOf("ssh-ed25519", Buffer.alloc(51, 0xff)).replaceAll("/", "_"), "bad-base64"],
    ["a blob that is cut short", lineOf("ssh-ed25519", holder.blob.subarray(0, -3)), "malformed"],
    ["three bytes behind the key", lineOf("ssh-ed25519", Buffer.concat([holder.blob, Buffer.alloc(3)])), "malformed"],
    ["a point of 31 bytes", lineOf("ssh-ed25519", blobOf(Buffer.alloc(31, 9))), "malformed"],
    ["a point of 33 bytes", lineOf("ssh-ed25519", blobOf(Buffer.alloc(33, 9))), "malformed"],
    ["a point of zeros", lineOf("ssh-ed25519", blobOf(Buffer.alloc(32))), "unusable-key"],
  ];
  for (const [what, text, reason] of refused) {
    it(`are refused as ${reason} with ${what}`, () => {
      assert.equal(problemOf(text), reason);
    });
  }

  it("are refused one character past the limit, not at it", () => {
    const atLimit = `${holder.line} `.padEnd(KEY_LINE_LENGTH_MAX, "c");

    assert.equal(problemOf(atLimit), "read");
    assert.equal(problemOf(`${atLimit}c`), "too-long");
  });

  it("say in their blob what they say in front of it: no other bit of that may differ", () => {
    for (let bit = 0; bit < 8 * (holder.blob.length - 32); bit += 1) {
      const blob = Buffer.from(holder.blob);
      blob[bit >> 3] = (blob[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(keyFromBlob(blob), "malformed", `bit ${bit}`);
    }
  });

  it("that are read at all are the one spelling of what they say", () => {
    const or = (text: string) => fc.oneof({ arbitrary: fc.constant(text), weight: 9 }, fc.string({ maxLength: 3 }));
    const lines = fc.tuple(or("ssh-ed25519"), or(" "), or(base64), or(" "), fc.string(), or("\n"));
    let count = 0;
    fc.assert(
      fc.property(lines, (parts) => {
        const text = parts.join("");
        const read = parseKeyLine(text);
        if (!read.ok || read.value.kind !== "key") return;
        count += 1;
        const { key, comment } = read.value;
        const line = lineOf("ssh-ed25519", key.blob, comment);
        assert(text.replace(/\n$/, "") === line || (comment === "" && text.trimEnd() === line.trimEnd()), text);
      }),
    );
    assert(count > 5, "some are read");
  });
});

describe("ssh keys: points", () => {
  it("of small order are refused, in every spelling", () => {
    const spellings = pointsOfSmallOrder().flatMap(spellingsOf);

    assert.equal(spellings.length, 14);
    for (const point of spellings) assert.equal(keyFromPoint(point), "unusable-key", point.toString("hex"));
  });

  it("are refused from the prime on, which is where second spellings begin", () => {
    for (const sign of [0n, 1n]) {
      assert.equal(typeof keyFromPoint(spell(FIELD_PRIME - 2n, sign)), "object");
      for (let y = FIELD_PRIME; y < 2n ** 255n; y += 1n) {
        assert.equal(keyFromPoint(spell(y, sign)), "unusable-key");
      }
    }
  });

  it("of keys that somebody has are taken, and sign", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array(), (seed, message) => {
        const { key, point } = rawKey(Buffer.from(seed).toString("hex"));

        const read = keyFromPoint(point);

        assert(typeof read === "object");
        assert(isSignedBy(read, message, sign(null, message, key)));
      }),
      { numRuns: 25 },
    );
  });

  it("that are none sign nothing, and nothing throws", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.oneof(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.uint8Array({ maxLength: 130 })),
        (point, signature) => {
          const read = keyFromPoint(point);
          assert(
            read === "unusable-key" || (typeof read === "object" && !isSignedBy(read, Buffer.from("x"), signature)),
          );
        },
      ),
    );
  });
});

describe("ssh keys: signatures", () => {
  const key = keyIn(holder.line);
  const message = Buffer.from("a message");
  const signature = sign(null, message, holder.key);

  it("do not hold with the order of the group added to S", () => {
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
    const larger = Buffer.concat([signature.subarray(0, 32), spell(s + GROUP_ORDER, 0n)]);

    assert(isSignedBy(key, message, signature));
    assert(!isSignedBy(key, message, larger));
  });

  it("do not hold when any bit of them is another", () => {
    for (let bit = 0; bit < 512; bit += 1) {
      const flipped = Buffer.from(signature);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const refused = verifySigned({ key, message, signatureBase64: flipped.toString("base64") });
      assert.deepEqual(refused, { ok: false, failure: { code: "ssh.signature-refused", reason: "not-signed" } });
    }
  });

  it("have one spelling, padded or not, and whatever else is no base64 of 64 bytes", () => {
    const padded = signature.toString("base64");
    const spellings = new Set([padded, padded.slice(0, -2)]);
    fc.assert(
      fc.property(fc.oneof(fc.base64String(), fc.string(), fc.string({ minLength: 84, maxLength: 90 })), (text) => {
        const verified = verifySigned({ key, message, signatureBase64: text });
        assert.equal(verified.ok, spellings.has(text));
      }),
    );
    for (const text of spellings) assert(verifySigned({ key, message, signatureBase64: text }).ok);
  });
});

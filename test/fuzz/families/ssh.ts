/** Keys and certificates of OpenSSH: only what an authority has signed is taken, and every key has one spelling. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { bytesFromBase64 } from "#actors/domain/ssh/base64.ts";
import { CERTIFICATE_TYPE, parseCertificate } from "#actors/domain/ssh/certificate.ts";
import { verifyCertificate } from "#actors/domain/ssh/certified.ts";
import { parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import { formatKeyLine, isPlainText, parsePublicKeyLine } from "#client/ssh/key-line.ts";
import { formatPrivateKey, parsePrivateKey } from "#client/ssh/private-key.ts";
import { type SshVectors, vectorsFile } from "#test/actors/domain/ssh/vectors.ts";
import { bytesIn, keyIn } from "#test/actors/domain/ssh/verdicts.ts";
import { bytesOf, utf8Of } from "#test/fuzz/bytes.ts";
import { certificateModel } from "#test/fuzz/readers/certificate-model.ts";
import type { Target } from "#test/fuzz/target.ts";

const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as SshVectors;
const lines = [...vectors.keys, ...vectors.certificates].map(({ line }) => line);
const trust = {
  ...vectors.trust,
  authorities: vectors.trust.authorities.map(keyIn),
  principals: new Set(vectors.trust.principals),
};
const good = new Set(
  vectors.certificates.filter(({ is }) => is.startsWith("good")).map(({ line }) => bytesIn(line).toString("hex")),
);

const keyLine: Target = {
  name: "ssh key line",
  seeds: lines.map(bytesOf),
  words: ["ssh-ed25519 ", `${CERTIFICATE_TYPE} `, "AAAAC3NzaC1lZDI1NTE5AAAAI"],
  check(input) {
    const text = utf8Of(input);
    const read = parseKeyLine(text);
    const inClient = parsePublicKeyLine(text);
    if (!read.ok) return;
    assert.equal(inClient !== undefined, read.value.kind === "key");
    if (inClient === undefined) return;
    // One spelling, but for a line end, and a space where the comment is empty.
    assert.equal(formatKeyLine(inClient), text.replace(/\n$/, "").replace(/^(\S+ \S+) $/, "$1"));
  },
};

const certificate: Target = {
  name: "ssh certificate",
  seeds: vectors.certificates.map(({ line }) => new Uint8Array(bytesIn(line))),
  words: ["\0\0\0\x0bssh-ed25519", "force-command", "source-address", "permit-pty", "\0\0\0\0"],
  check(input) {
    const read = parseCertificate(input);
    const second = certificateModel(input);
    if (!read.ok) {
      // Where more than one thing is wrong each says what it has come upon; both say that something is.
      assert.equal(second, undefined, `the second reader takes what is ${read.failure.reason}`);
      return;
    }
    const { key, keyId, principals, criticalOptions, serial, type, validAfter, validBefore } = read.value;
    const facts = { keyId, principals, criticalOptions, serial, type, validAfter, validBefore };
    assert.deepEqual(second, { ...facts, point: Buffer.from(key.blob.subarray(-32)).toString("hex") });
    for (const text of [keyId, ...principals, ...criticalOptions]) assert(isPlainText(text), "nothing is hidden in it");
    const isGood = verifyCertificate(read.value, trust).ok;
    assert(!isGood || good.has(Buffer.from(input).toString("hex")), "only what was signed is taken");
  },
};

const own = formatPrivateKey({ seed: new Uint8Array(32), publicKey: new Uint8Array(32), comment: "me" });
const privateKey: Target = {
  name: "ssh private key",
  seeds: [bytesOf(own), Buffer.from(own.split("\n").slice(1, -2).join(""), "base64")],
  check(input) {
    const wrapped = `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.from(input).toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`;
    for (const text of [utf8Of(input), wrapped]) {
      const key = parsePrivateKey(text);
      if (typeof key === "object") assert.deepEqual(parsePrivateKey(formatPrivateKey(key)), key);
    }
    const base64 = utf8Of(input);
    const bytes = bytesFromBase64(base64);
    if (bytes !== undefined) assert.equal(Buffer.from(bytes).toString("base64"), base64);
  },
};

export const TARGETS: readonly Target[] = [keyLine, certificate, privateKey];

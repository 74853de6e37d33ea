/** What the client writes for OpenSSH and reads of it: against `ssh-keygen`, the published bytes and the node's own reading. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { parseCertificate } from "#actors/domain/ssh/certificate.ts";
import { verifyCertificate } from "#actors/domain/ssh/certified.ts";
import { keyFromPoint } from "#actors/domain/ssh/key.ts";
import { parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import {
  CERTIFICATE_BYTES_MAX,
  type CertificateSpec,
  FOREVER,
  PRINCIPALS_MAX,
  type SpecProblem,
  type SshSigner,
  signCertificate,
} from "#client/ssh/certificate.ts";
import { formatCertificateLine, formatKeyLine, isPlainText, parsePublicKeyLine } from "#client/ssh/key-line.ts";
import {
  formatPrivateKey,
  newPrivateKey,
  PRIVATE_KEY_LENGTH_MAX,
  type PrivateKey,
  type PrivateKeyProblem,
  parsePrivateKey,
  signerOf,
} from "#client/ssh/private-key.ts";
import { must } from "#runtime/errors.ts";
import { rawCertificate, rawKey } from "#test/actors/domain/ssh/raw.ts";
import { type SshVectors, vectorsFile } from "#test/actors/domain/ssh/vectors.ts";
import { trustIn, verdictOn } from "#test/actors/domain/ssh/verdicts.ts";
import { provideSshKeygen } from "#test/kit/provide.ts";
import { SshKeygen } from "#test/kit/ssh-keygen.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const skip = (await provideSshKeygen()) ?? false;
const keygen = new SshKeygen(await tempDirectory({ after }));
const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as SshVectors;

function keyOf(seed: string | number, comment = ""): PrivateKey {
  const bytes = typeof seed === "string" ? Buffer.from(seed, "hex") : Buffer.alloc(32, seed);
  return { seed: new Uint8Array(bytes), publicKey: new Uint8Array(rawKey(bytes.toString("hex")).point), comment };
}

async function mustSign(key: PrivateKey): Promise<SshSigner> {
  const signer = await signerOf(key);
  assert(signer !== undefined);
  return signer;
}

function mustRead(text: string): PrivateKey {
  const key = parsePrivateKey(text);
  assert(typeof key === "object", String(key));
  return key;
}

const holder = keyOf(1);
const authority = await mustSign(keyOf(2));
const plain: CertificateSpec = {
  publicKey: holder.publicKey,
  principals: ["producer"],
  keyId: "an id",
  serial: 7n,
  validAfter: 1000n,
  validBefore: 2000n,
  nonce: new Uint8Array(32).fill(7),
};

const points = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((seed) => rawKey(Buffer.from(seed).toString("hex")).point);
const plainText = fc.string({ unit: "grapheme", maxLength: 20 }).filter(isPlainText);

describe("client ssh: key lines", () => {
  for (const { seed, line } of vectors.keys) {
    it(`are those that are published: ${line}`, () => {
      const [, , ...words] = line.split(" ");
      const key = keyOf(seed, words.join(" "));

      assert.equal(formatKeyLine(key), line);
      assert.deepEqual(parsePublicKeyLine(line), { publicKey: key.publicKey, comment: key.comment });
    });
  }

  it("are read as the node reads them", () => {
    const base64 = formatKeyLine(holder).slice("ssh-ed25519 ".length);
    const or = (text: string) => fc.oneof({ arbitrary: fc.constant(text), weight: 9 }, fc.string({ maxLength: 3 }));
    const parts = fc.tuple(or("ssh-ed25519"), or(" "), or(base64), or(""), or(" "), fc.string(), or("\n"));
    let count = 0;
    fc.assert(
      fc.property(parts, (some) => {
        const text = some.join("");
        const read = parsePublicKeyLine(text);
        const inNode = parseKeyLine(text);
        assert.equal(read === undefined, !inNode.ok, text);
        if (!inNode.ok) return;
        count += 1;
        assert.equal(read?.comment, inNode.value.comment);
      }),
    );
    assert(count > 5, "some are read");
  });

  it("are not read where they are of something else", () => {
    const [good] = vectors.certificates;
    const line = formatKeyLine(holder);
    for (const text of [
      "",
      line.slice(0, -1),
      `${line}A`,
      `${line}=`,
      good?.line ?? "",
      `restrict ${line}`,
      `${line}\r\n`,
    ]) {
      assert.equal(parsePublicKeyLine(text), undefined, text);
    }
  });
});

describe("client ssh: certificates", () => {
  it("are byte by byte what the format says", async () => {
    const expected = rawCertificate(rawKey(1), rawKey(2), { extensions: Buffer.alloc(0) });

    assert.deepEqual(await signCertificate(plain, authority), new Uint8Array(expected));
  });

  it("say to the node what they were meant to say, and are good in their time", async () => {
    const second = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 40n }), fc.bigInt({ min: 0n, max: FOREVER }));
    const specs = fc.record({
      publicKey: points,
      principals: fc.array(
        plainText.filter((name) => name !== ""),
        { minLength: 1, maxLength: 5 },
      ),
      keyId: plainText,
      serial: fc.bigInt({ min: 0n, max: FOREVER }),
      dates: fc
        .tuple(second, second)
        .filter(([one, other]) => one !== other)
        .map(([one, other]) => (one < other ? ([one, other] as const) : ([other, one] as const))),
      nonce: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    });
    const { authorities } = trustIn(rawKey(2).line);
    await fc.assert(
      fc.asyncProperty(specs, async ({ dates: [validAfter, validBefore], ...rest }) => {
        const spec = { ...rest, validAfter, validBefore };
        const bytes = await signCertificate(spec, authority);

        assert(typeof bytes === "object");
        const certificate = must(parseCertificate(bytes), "it is read");
        const { publicKey, nonce: _, ...said } = spec;
        const { key, keyId, principals, serial } = certificate;
        assert.deepEqual({ keyId, principals, serial, validAfter, validBefore }, said);
        assert.deepEqual(key, keyFromPoint(publicKey));
        for (const now of [validAfter - 1n, validAfter, validBefore - 1n, validBefore]) {
          if (now > Number.MAX_SAFE_INTEGER) continue;
          const trust = { authorities, principals: new Set(principals.slice(-1)), nowSeconds: Number(now) };
          assert.equal(verifyCertificate(certificate, trust).ok, now >= validAfter && now < validBefore);
        }
      }),
      { numRuns: 50 },
    );
  });

  const refused: readonly (readonly [what: string, is: SpecProblem, wanted: Partial<CertificateSpec>])[] = [
    ["nobody", "no-principals", { principals: [] }],
    ["too many", "too-many-principals", { principals: Array.from({ length: PRINCIPALS_MAX + 1 }, () => "p") }],
    ["an empty name", "bad-text", { principals: ["producer", ""] }],
    ["a name with a line break", "bad-text", { principals: ["a\nb"] }],
    ["half a character", "bad-text", { keyId: "\ud800" }],
    ["a key of 31 bytes", "bad-key", { publicKey: new Uint8Array(31) }],
    ["a nonce of 16 bytes", "bad-nonce", { nonce: new Uint8Array(16) }],
    ["a number below 0", "bad-serial", { serial: -1n }],
    ["a number of 65 bits", "bad-serial", { serial: 2n ** 64n }],
    ["an end at its beginning", "bad-validity", { validBefore: 1000n }],
    ["an end of 65 bits", "bad-validity", { validBefore: 2n ** 64n }],
    ["a beginning below 0", "bad-validity", { validAfter: -1n }],
    ["the authority itself", "key-of-authority", { publicKey: keyOf(2).publicKey }],
    ["a name without end", "too-large", { keyId: "k".repeat(CERTIFICATE_BYTES_MAX) }],
  ];
  for (const [what, is, wanted] of refused) {
    it(`are not made for ${what}: ${is}`, async () => {
      assert.equal(await signCertificate({ ...plain, ...wanted }, authority), is);
    });
  }

  it("are taken by the node up to every limit that there is for making them", async () => {
    const names = Array.from({ length: PRINCIPALS_MAX - 1 }, (_, index) => `p${index}`);
    const many = await signCertificate({ ...plain, principals: [...names, "producer"] }, authority);
    const small = await signCertificate({ ...plain, keyId: "" }, authority);
    assert(typeof many === "object" && typeof small === "object");
    const keyId = "k".repeat(CERTIFICATE_BYTES_MAX - small.length);
    const long = await signCertificate({ ...plain, keyId }, authority);
    assert(typeof long === "object");

    assert.equal(long.length, CERTIFICATE_BYTES_MAX);
    for (const bytes of [many, long]) {
      assert.equal(verdictOn(formatCertificateLine(bytes, ""), trustIn(rawKey(2).line)), "good for producer");
    }
  });

  it("are listed by ssh-keygen as they were meant", { skip }, async () => {
    const spec = { ...plain, principals: ["producer", "other"], serial: FOREVER, validAfter: 1767225600n };
    for (const [validBefore, valid] of [
      [1769904000n, "from 2026-01-01T00:00:00 to 2026-02-01T00:00:00"],
      [FOREVER, "after 2026-01-01T00:00:00"],
    ] as const) {
      const bytes = await signCertificate({ ...spec, validBefore }, authority);
      assert(typeof bytes === "object");
      keygen.write("listed-cert.pub", `${formatCertificateLine(bytes, "me")}\n`);

      const listed = keygen.must("-L", "-f", "listed-cert.pub");

      const lines = listed.split("\n").map((line) => line.trim());
      assert.deepEqual(lines.slice(4), [
        'Key ID: "an id"',
        "Serial: 18446744073709551615",
        `Valid: ${valid}`,
        "Principals:",
        "producer",
        "other",
        "Critical Options: (none)",
        "Extensions: (none)",
        "",
      ]);
      assert.match(listed, /Type: ssh-ed25519-cert-v01@openssh\.com user certificate/);
    }
  });
});

describe("client ssh: private keys", () => {
  it("are new each time, and sign what the node verifies", async () => {
    const [one, other] = [await newPrivateKey("one"), await newPrivateKey("other")];
    const bytes = await signCertificate(plain, await mustSign(one));

    assert.notDeepEqual(one.seed, other.seed);
    assert(typeof bytes === "object");
    assert.equal(verdictOn(formatCertificateLine(bytes, ""), trustIn(formatKeyLine(one))), "good for producer");
  });

  it("come back from their file as they were", () => {
    const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(seeds, plainText, (seed, comment) => {
        const key = keyOf(Buffer.from(seed).toString("hex"), comment);

        assert.deepEqual(parsePrivateKey(formatPrivateKey(key)), key);
        assert.deepEqual(parsePrivateKey(formatPrivateKey(key).replaceAll("\n", "\r\n").trimEnd()), key);
      }),
    );
  });

  it("are another key, or none, when a bit of their file is another", async () => {
    const key = keyOf(1, "me");
    const [begin = "", ...lines] = formatPrivateKey(key).split("\n");
    const body = Buffer.from(lines.slice(0, -2).join(""), "base64");
    let count = 0;
    for (let bit = 0; bit < 8 * body.length; bit += 1) {
      const flipped = Buffer.from(body);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const read = parsePrivateKey([begin, flipped.toString("base64"), lines.at(-2)].join("\n"));
      if (typeof read === "string") continue;
      count += 1;
      // What is said of it, which anybody may change, or its halves, which then do not belong together.
      if (read.comment === key.comment) assert.equal(await signerOf(read), undefined, `bit ${bit}`);
      else assert.deepEqual({ ...read, comment: key.comment }, key);
    }
    assert(count >= 256 && count <= 256 + 16, `${count} bits are those of the seed and the comment`);
  });

  it("are none when their file ends early", () => {
    const [begin = "", ...lines] = formatPrivateKey(keyOf(1, "me")).split("\n");
    const body = Buffer.from(lines.slice(0, -2).join(""), "base64");

    for (let length = 0; length < body.length; length += 1) {
      const read = parsePrivateKey([begin, body.subarray(0, length).toString("base64"), lines.at(-2)].join("\n"));
      assert.equal(typeof read, "string", `${length} bytes`);
    }
  });

  it("are none in a second spelling of their bytes", () => {
    const files = ["", "8 letters", "2 times 8 letters"].map((comment) => formatPrivateKey(keyOf(1, comment)));
    const padded = files.filter((file) => file.includes("="));

    // The last digit before the padding has two or four bits that mean nothing: they are zero, and so the next is one more.
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const others = padded.map((file) =>
      file.replace(/[A-Za-z0-9+/](?==+\n)/, (digit) => digits[digits.indexOf(digit) + 1] ?? ""),
    );

    assert(padded.length >= 1);
    assert.deepEqual(
      others.map(parsePrivateKey),
      others.map(() => "malformed"),
    );
  });

  const file = formatPrivateKey(keyOf(1));
  const pkcs8 = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" });
  const refused: readonly (readonly [what: string, text: string, is: PrivateKeyProblem])[] = [
    ["nothing", "", "not-a-private-key"],
    ["PKCS #8", pkcs8.toString(), "not-a-private-key"],
    ["a public key", formatKeyLine(holder), "not-a-private-key"],
    ["a word in front", `x${file}`, "not-a-private-key"],
    ["two of them", `${file}${file}`, "not-a-private-key"],
    ["no end", file.slice(0, file.indexOf("-----END")), "not-a-private-key"],
    ["a space in it", file.replace("\n", "\n "), "not-a-private-key"],
    ["half a byte more", file.replace("\n-----END", "=\n-----END"), "not-a-private-key"],
    ["other words in it", file.replace("b3BlbnNzaC1rZXktdjE", "b3BlbnNzaC1rZXktdjI"), "not-a-private-key"],
    ["more behind it than fits", file.padEnd(PRIVATE_KEY_LENGTH_MAX + 1, "\n"), "too-long"],
    ["a comment that is two lines", formatPrivateKey(keyOf(1, "a\nb")), "malformed"],
  ];
  for (const [what, text, is] of refused) {
    it(`are refused as ${is}: ${what}`, () => {
      assert.equal(parsePrivateKey(text), is);
    });
  }
});

describe("client ssh: private keys and ssh-keygen", { skip }, () => {
  before(() => {
    keygen.makeKey("producer");
  });

  for (const comment of ["", "a", "me@here", "two words", "Zoë"]) {
    it(`reads what is written here, and is read, with the comment "${comment}"`, async () => {
      const own = await newPrivateKey(comment);
      keygen.write("own", formatPrivateKey(own));
      assert.equal(keygen.must("-y", "-f", "own").trimEnd(), formatKeyLine(own));

      const name = `theirs-${comment.length}`;
      const line = keygen.makeKey(name, { comment });
      const key = mustRead(keygen.read(name));
      assert.equal(key.comment, comment);
      assert.deepEqual(parsePublicKeyLine(line), { publicKey: key.publicKey, comment });
      assert((await signerOf(key)) !== undefined);
    });
  }

  it("writes the very file, but for the two numbers that it draws", () => {
    const text = keygen.read("producer");
    const key = mustRead(text);
    const bodyOf = (some: string) => Buffer.from(some.split("\n").slice(1, -2).join(""), "base64");
    const drawn = bodyOf(text);
    const ours = bodyOf(formatPrivateKey(key));
    const at = drawn.length - ours.length + ours.indexOf(Buffer.from(key.publicKey)) + 32 + 4;

    ours.copy(drawn, at, at, at + 8);

    assert.deepEqual(drawn, ours);
    assert.deepEqual(
      text.split("\n").map(({ length }) => length),
      formatPrivateKey(key)
        .split("\n")
        .map(({ length }) => length),
    );
  });

  it("signs certificates with a key that was made here, and the node takes them", async () => {
    const ca = await newPrivateKey("ca");
    keygen.write("own-ca", formatPrivateKey(ca));

    const line = keygen.certify("own-ca", "producer", "-n", "producer");

    assert.equal(verdictOn(line, trustIn(formatKeyLine(ca))), "good for producer");
  });

  it("makes keys that certificates are signed with here, and lists them", async () => {
    keygen.makeKey("their-ca");
    const signer = await mustSign(mustRead(keygen.read("their-ca")));

    const bytes = await signCertificate({ ...plain, publicKey: holder.publicKey }, signer);

    assert(typeof bytes === "object");
    keygen.write("ours-cert.pub", formatCertificateLine(bytes, ""));
    assert.equal(keygen.run("-L", "-f", "ours-cert.pub").code, 0);
    assert.equal(verdictOn(keygen.read("ours-cert.pub"), trustIn(keygen.read("their-ca.pub"))), "good for producer");
  });

  it("makes keys that are refused: encrypted ones, and those of other types", () => {
    keygen.makeKey("locked", { passphrase: "a passphrase" });
    keygen.makeKey("rsa", { type: "rsa" });
    keygen.makeKey("ecdsa", { type: "ecdsa" });

    const problems = ["locked", "rsa", "ecdsa"].map((name) => parsePrivateKey(keygen.read(name)));

    assert.deepEqual(problems, ["encrypted", "not-ed25519", "not-ed25519"]);
  });
});

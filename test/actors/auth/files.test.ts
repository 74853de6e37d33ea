/** Files that auth reads: the key that signs tokens, and those of whoever certifies producers. */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openSigningKey, verifierOf } from "#actors/auth/signing-key.ts";
import { AUTHORITIES_MAX, readAuthorities } from "#actors/domain/ssh/authority-files.ts";
import { must } from "#runtime/errors.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { newAuthority } from "#test/actors/auth/producer.ts";

const KEY = "/data/auth/signing-key.pem";
const random = seededRandom(1);

async function diskWith(files: Readonly<Record<string, string>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  for (const directory of ["/etc", "/data", "/data/auth"]) must(await disk.makeDirectory(directory), directory);
  for (const [path, text] of Object.entries(files)) must(await disk.replaceFile(path, Buffer.from(text)), path);
  return disk;
}

describe("auth: the signing key", () => {
  it("is made at the first start, and is the same after that (AUTH-20)", async () => {
    const disk = new MemoryDisk();

    const [first, again] = [await openSigningKey(disk, random, KEY), await openSigningKey(disk, random, KEY)];

    assert(typeof first !== "string" && typeof again !== "string");
    assert.equal(first.kid, again.kid);
    assert.match(first.kid, /^[\w-]{22}$/);
    const message = Buffer.from("a token");
    assert(verify(null, message, verifierOf(again), sign(null, message, first.key)));
    assert.match(Buffer.from(must(await disk.readFile(KEY), "file")).toString(), /^-----BEGIN PRIVATE KEY-----\n/);
  });

  it("may be one that somebody else has made (AUTH-20)", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const disk = await diskWith({ [KEY]: privateKey.export({ format: "pem", type: "pkcs8" }).toString() });

    const key = await openSigningKey(disk, random, KEY);

    assert(typeof key !== "string");
    assert.deepEqual(Buffer.from(key.publicKey), publicKey.export({ format: "der", type: "spki" }).subarray(-32));
  });

  for (const mode of [0o640, 0o604, 0o620, 0o602]) {
    it(`is refused where others may read or write it: ${mode.toString(8)} (AUTH-20)`, async () => {
      const directory = mkdtempSync(join(tmpdir(), "cepa-"));
      after(() => rmSync(directory, { recursive: true }));
      const path = join(directory, "auth", "signing-key.pem");
      const disk = createRealDisk();
      const made = await openSigningKey(disk, random, path);

      chmodSync(path, mode);
      const exposed = await openSigningKey(disk, random, path);
      chmodSync(path, 0o600);
      const again = await openSigningKey(disk, random, path);

      assert(typeof made !== "string" && typeof again !== "string");
      assert.match(String(exposed), /can be read or written by others than its owner: chmod 600/);
      assert.equal(again.kid, made.kid);
    });
  }

  for (const [what, text] of [
    ["nothing", ""],
    ["no key", "hello"],
    [
      "a key of RSA",
      generateKeyPairSync("rsa", { modulusLength: 2048 })
        .privateKey.export({ format: "pem", type: "pkcs8" })
        .toString(),
    ],
    ["a public key", generateKeyPairSync("ed25519").publicKey.export({ format: "pem", type: "spki" }).toString()],
  ] as const) {
    it(`is not replaced where the file has ${what}`, async () => {
      const disk = await diskWith({ [KEY]: text });

      const key = await openSigningKey(disk, random, KEY);

      assert.equal(key, `the signing key ${KEY} is no private key of Ed25519 in PEM`);
      assert.equal(Buffer.from(must(await disk.readFile(KEY), "file")).toString(), text);
    });
  }
});

describe("auth: whose certificates are taken", () => {
  it("are the keys of all files, beside comments and empty lines (AUTH-16)", async () => {
    const [a, b, c] = [(await newAuthority()).line, (await newAuthority()).line, (await newAuthority()).line];
    const disk = await diskWith({ "/etc/a": `# ours\n${a} first\r\n\n${b}\n`, "/etc/b": c });

    const keys = await readAuthorities(disk, "auth.producerAuthority", ["/etc/a", "/etc/b"]);

    assert(typeof keys !== "string");
    assert.equal(keys.length, 3);
    assert.deepEqual(await readAuthorities(disk, "auth.producerAuthority", []), []);
  });

  it("are none where one of the files is not as it has to be, and it is said which (AUTH-16)", async () => {
    const authority = await newAuthority();
    const certificate = await authority.certify(new Uint8Array(32).fill(9));
    const many = Array(AUTHORITIES_MAX + 1)
      .fill(authority.line)
      .join("\n");
    const disk = await diskWith({
      "/etc/good": authority.line,
      "/etc/bad": `${authority.line}\nssh-rsa AAAA\n`,
      "/etc/cert": certificate,
      "/etc/many": many,
    });
    const binary = must(await disk.replaceFile("/etc/binary", Uint8Array.of(0xff, 0xfe)), "a file");
    void binary;

    assert.match(
      String(await readAuthorities(disk, "auth.producerAuthority", ["/etc/good", "/etc/none"])),
      /\/etc\/none cannot be read/,
    );
    assert.match(
      String(await readAuthorities(disk, "auth.producerAuthority", ["/etc/bad"])),
      /line 2 of \/etc\/bad is no public key/,
    );
    assert.match(
      String(await readAuthorities(disk, "auth.producerAuthority", ["/etc/cert"])),
      /line 1 of \/etc\/cert is a certificate/,
    );
    assert.match(
      String(await readAuthorities(disk, "auth.producerAuthority", ["/etc/binary"])),
      /\/etc\/binary is no text/,
    );
    assert.match(String(await readAuthorities(disk, "auth.producerAuthority", ["/etc/many"])), /more than 64 keys/);
  });
});

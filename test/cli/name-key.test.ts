/** The key of names, made by two at once. The other one is faked: it is done between this one's look and its own try. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import fs, { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it, mock } from "node:test";
import { obtainSigner, readSigner } from "#cli/name-key.ts";

const directory = mkdtempSync(join(tmpdir(), "cepa-key-"));
after(() => rmSync(directory, { recursive: true }));

/** Runs before the key takes its name. */
function beforeTheName(other: (file: string) => void): void {
  const link = fs.linkSync;
  mock.method(fs, "linkSync", (part: string, file: string) => {
    other(file);
    link(part, file);
  });
  syncBuiltinESMExports();
}

describe("cli: the key of names, where another command makes it too", () => {
  afterEach(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });

  it("is the one that was there first", () => {
    const file = join(directory, "name.key");
    const { privateKey } = generateKeyPairSync("ed25519");
    beforeTheName(() => writeFileSync(file, privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 }));

    const obtained = obtainSigner(file);

    const there = readSigner(file);
    assert(obtained.ok && there.ok);
    assert.equal(obtained.value.publicKey, there.value?.publicKey);
  });

  it("is not usable where what is there is none", () => {
    const file = join(directory, "other.key");
    beforeTheName(() => writeFileSync(file, "no key", { mode: 0o600 }));

    const obtained = obtainSigner(file);

    assert(!obtained.ok);
    assert.equal(obtained.failure.code, "cli.bad-key");
    assert.doesNotMatch(obtained.failure.message, /EEXIST/);
  });
});

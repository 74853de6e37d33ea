/** `cepa release`, as a user has it: a key is made, a release is made with it, and somebody else verifies that. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createPublicKey, type KeyObject } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeRelease } from "#release/real/make.ts";
import { verifyRelease } from "#release/real/verify.ts";
import { readPrivateKey } from "#release/signing-key.ts";
import { type Gate, verdictOf } from "#release/verdict.ts";
import { must } from "#runtime/errors.ts";
import { find, provide } from "#test/kit/provide.ts";
import { CLEAN, Fixture, PACKAGES, POLICY, packer } from "#test/release/fixture.ts";

const noMinisign = (await provide({ minisign: "minisign" })) ?? false;
const noCosign = find("cosign") === undefined ? "cosign is missing: Debian 13 has it, Debian 12 has not" : false;

let fixture: Fixture;
let release: string;
let key: string;

interface Told {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Verdicts {
  readonly verdict: string;
  readonly commit?: string;
  readonly gates: Readonly<Record<string, { readonly verdict: string; readonly reason: string }>>;
}

function cepa(args: readonly string[], env: Readonly<Record<string, string>> = {}): Told {
  const main = join(fixture.root, "release", "main.ts");
  const { NODE_TEST_CONTEXT: _, ...own } = process.env;
  return spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    env: {
      ...own,
      PATH: fixture.path,
      CEPA_TEST_AUDIT: CLEAN,
      NODE_COMPILE_CACHE: join(fixture.parent, "compiled"),
      ...env,
    },
  });
}

/** The last line, which is what programs read. */
function verdictsOf({ stdout }: Told): Verdicts {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Verdicts;
}

function brief({ gates }: Verdicts): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(gates).map(([name, { verdict }]) => [name, verdict]));
}

/** As the command does it, without a process of its own. */
const inProcess = () => ({ root: fixture.root, policy: POLICY });
const signer = (): KeyObject => must(readPrivateKey(readFileSync(key, "utf8")), "the key can be read");

async function gateOf(directory: string, wanted: string): Promise<Gate> {
  const options = { root: fixture.root, policy: POLICY, directory, key: createPublicKey(signer()) };
  const { gates } = must(await verifyRelease(options), "the release can be read");
  const found = gates.find(({ name }) => name === wanted);
  assert(found !== undefined);
  return found;
}

const { PATH, CEPA_TEST_AUDIT } = process.env;
let made: Told;
before(() => {
  fixture = new Fixture();
  Object.assign(process.env, { PATH: fixture.path, CEPA_TEST_AUDIT: CLEAN });
  [key, release] = [join(fixture.parent, "my key"), join(fixture.parent, "a release")];
  assert.equal(cepa(["key", "--out", key]).status, 0);
  made = cepa(["make", "--out", release, "--key", key, "--json"]);
});
after(() => {
  Object.assign(process.env, { PATH, CEPA_TEST_AUDIT: CEPA_TEST_AUDIT ?? "" });
  fixture[Symbol.dispose]();
});

describe("cepa release key", () => {
  it("makes a key that only its owner can read, and writes over none", () => {
    const before = readFileSync(key);
    const again = cepa(["key", "--out", key]);

    assert.deepEqual(
      [key, `${key}.pub`, `${key}.minisign.pub`].map((file) => statSync(file).mode & 0o777),
      [0o600, 0o644, 0o644],
    );
    assert.equal(again.status, 1);
    assert.match(again.stderr, /it exists, and is not written over \(release\.place-refused\)/);
    assert.deepEqual(readFileSync(key), before);
  });
});

describe("cepa release make", () => {
  it("makes seven files of the commit, all checks passed", () => {
    const verdicts = verdictsOf(made);

    assert.deepEqual([made.status, verdicts.verdict], [0, "pass"], made.stdout + made.stderr);
    assert.equal(verdicts.commit, fixture.git("rev-parse", "HEAD").trim());
    assert.deepEqual(brief(verdicts), {
      ...{
        committed: "pass",
        reproducible: "pass",
        lockfile: "pass",
        installed: "pass",
        licences: "pass",
        audit: "pass",
      },
      ...{ signature: "pass", checksums: "pass", provenance: "pass", sbom: "pass" },
    });
    assert.deepEqual(readdirSync(release).sort(), [
      "SHA256SUMS",
      "SHA256SUMS.minisig",
      "onion-1.2.3-source.cdx.json",
      "onion-1.2.3-source.tar.gz",
      "onion-1.2.3.cdx.json",
      "onion-1.2.3.tgz",
      "provenance.intoto.json",
    ]);
  });

  it("makes none where a check fails: something is not committed, installed in another way, or of a licence that nobody allowed", async () => {
    fixture.write("more.txt", "x");
    fixture.write("node_modules/alpha/package.json", { version: "1.0.1", license: "SSPL-1.0" });
    const { "node_modules/gamma": gamma, ...others } = PACKAGES;
    const noted = { ...others, "node_modules/gamma": { ...gamma, integrity: "sha512-x" }, "node_modules/delta": gamma };
    fixture.write("node_modules/.package-lock.json", { lockfileVersion: 3, packages: noted });
    const out = join(fixture.parent, "none");
    const { gates } = must(await makeRelease({ ...inProcess(), out, key: signer() }), "it is looked at");
    fixture.git("clean", "--quiet", "--force", "more.txt");
    fixture.install();

    const wrong = gates.filter(({ verdict }) => verdict === "fail").map(({ name, reason }) => `${name}: ${reason}`);
    assert.deepEqual(wrong, [
      "committed: more.txt is not committed, and a release is made of a commit",
      "installed: node_modules/alpha is installed as 1.0.1, not 1.0.0 (and 3 more)",
      "licences: alpha 1.0.0 has the licence SSPL-1.0, which is not in the list",
    ]);
    assert.equal(existsSync(out), false);
  });

  it("refuses a key that others can read, and a folder that is not empty", () => {
    chmodSync(key, 0o640);
    const open = cepa(["make", "--out", join(fixture.parent, "none"), "--key", key]);
    chmodSync(key, 0o600);
    const full = cepa(["make", "--out", release, "--key", key]);

    assert.deepEqual([open.status, full.status], [1, 1]);
    assert.match(open.stderr, /other users may read or write it: chmod 600 it/);
    assert.match(full.stderr, /it is not empty: give --out another folder/);
  });
});

describe("cepa release make: what it is at", () => {
  it("is told before all that takes seconds", () => {
    const notes = made.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).note);

    const builds = [`built with ${join(fixture.parent, "bin", "node")}`, "built with this Node"];
    assert.deepEqual(notes.slice(1, 3).sort(), builds);
    assert.deepEqual(
      [notes[0], ...notes.slice(3)],
      [
        `building the commit ${fixture.git("rev-list", "--max-parents=0", "HEAD").slice(0, 12)} twice`,
        "looking at the packages and their licences",
        "asking the registry for advisories",
        `signing, writing to ${release} and reading back`,
      ],
    );
  });
});

describe("cepa release check", () => {
  it("passes without a network, and keeps nothing: all but the audit", () => {
    const told = cepa(["check", "--json"], { CEPA_TEST_AUDIT: "" });

    const passed = ["committed", "reproducible", "lockfile", "installed", "licences"];
    const rehearsed = ["signature", "checksums", "provenance", "sbom"];
    assert.deepEqual(
      brief(verdictsOf(told)),
      Object.fromEntries([...passed, ...rehearsed].map((name) => [name, "pass"])),
    );
    assert.equal(told.status, 0);
  });
});

describe("cepa release audit", () => {
  it("has not checked where the registry says nothing about the packages: exit code 3", () => {
    const told = cepa(["audit", "--json"], { CEPA_TEST_AUDIT: "" });

    assert.deepEqual([told.status, verdictsOf(told).verdict], [3, "not-checked"]);
  });
});

describe("cepa release verify", () => {
  it("passes with the key of who made it, and exit code 0", () => {
    const told = cepa(["verify", release, "--key", `${key}.pub`, "--json"]);

    const passed = ["signature", "checksums", "provenance", "sbom", "lockfile", "licences", "audit", "rebuilt"];
    assert.deepEqual(brief(verdictsOf(told)), Object.fromEntries(passed.map((name) => [name, "pass"])), told.stdout);
    assert.equal(told.status, 0);
  });

  it("is neither passed nor failed where the registry does not answer: exit code 3", () => {
    const told = cepa(["verify", release, "--key", `${key}.pub`], { CEPA_TEST_AUDIT: '{"message":"405"}' });

    assert.equal(told.status, 3);
    assert.match(told.stdout, /^onion 1\.2\.3, commit [0-9a-f]{40}: not-checked\n/);
    assert.match(told.stdout, /^ {2}not-checked {2}audit: the registry does not answer: 405$/m);
  });

  it("fails with another key, exit code 1, and runs nothing of the release", () => {
    const another = join(fixture.parent, "another key");
    cepa(["key", "--out", another]);
    const told = cepa(["verify", release, "--key", `${another}.pub`, "--json"]);

    const { signature, provenance, rebuilt } = brief(verdictsOf(told));
    assert.deepEqual([told.status, signature, provenance, rebuilt], [1, "fail", "fail", "not-checked"]);
  });

  it("fails where the library is not what its sources come to, although all is signed", async () => {
    // What a compiler that was changed since does: the packages have the right versions, and make something else.
    fixture.write(
      "library/pack.ts",
      packer('(await import("node:fs")).readFileSync("node_modules/alpha/package.json")'),
    );
    fixture.commit();
    const out = join(fixture.parent, "changed compiler");
    const { gates } = must(await makeRelease({ ...inProcess(), out, key: signer() }), "it is made");
    fixture.write("node_modules/alpha/package.json", { version: "1.0.0", license: "MIT", more: true });
    const rebuilt = await gateOf(out, "rebuilt");
    fixture.install();

    assert.equal(verdictOf(gates), "pass");
    assert.equal(rebuilt.verdict, "fail");
    assert.match(rebuilt.reason, /is not what its sources come to: package\/index\.js has other bytes/);
  });

  it("has not checked what takes packages that this checkout does not have", async () => {
    writeFileSync(join(fixture.root, "package-lock.json"), "{}");
    const { verdict, reason } = await gateOf(release, "rebuilt");
    fixture.git("checkout", "--quiet", "package-lock.json");

    assert.equal(verdict, "not-checked");
    assert.match(reason, /verify it from one of its commit/);
  });

  it("says that a private key is one, and which to give", () => {
    const { status, stderr } = cepa(["verify", release, "--key", key]);

    assert.equal(status, 1);
    assert.match(
      stderr,
      /it is the private key, which signs and is for its owner alone: give the public one, FILE\.pub/,
    );
  });

  it("says what is wrong with the command", () => {
    for (const [args, says] of [
      [["frob"], "there is no command frob: key, check, audit, make, verify"],
      [["verify", release], "say whose signature it should have: --key FILE.pub"],
      [["check", "--key", "x"], "check takes no --key"],
    ] as const) {
      const { status, stdout, stderr } = cepa(args);
      assert.deepEqual([status, stdout, stderr], [2, "", `cepa: ${says}: see cepa release --help\n`]);
    }
  });
});

describe("cepa release: other programs verify it", () => {
  it("minisign", { skip: noMinisign }, () => {
    const check = (file: string) =>
      spawnSync(
        "minisign",
        ["-V", "-p", `${key}.minisign.pub`, "-x", join(release, "SHA256SUMS.minisig"), "-m", file],
        {
          encoding: "utf8",
        },
      );
    const [right, wrong] = [check(join(release, "SHA256SUMS")), check(`${key}.pub`)];

    assert.match(right.stdout, /Signature and comment signature verified\nTrusted comment: onion 1\.2\.3 of commit /);
    assert.equal(right.status, 0, right.stderr);
    assert.notEqual(wrong.status, 0);
  });

  it("sha256sum", () => {
    const said = execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: release, encoding: "utf8" });

    assert.equal(said.match(/: OK$/gm)?.length, 5);
  });

  it("openssl, of the statement", () => {
    const { payloadType, payload, signatures } = JSON.parse(
      readFileSync(join(release, "provenance.intoto.json"), "utf8"),
    );
    const statement = Buffer.from(payload, "base64");
    const [signed, signature] = [join(fixture.parent, "signed"), join(fixture.parent, "signature")];
    const head = `DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} `;
    writeFileSync(signature, Buffer.from(signatures[0].sig, "base64"));
    const check = (bytes: Buffer) => {
      writeFileSync(signed, bytes);
      const args = ["-verify", "-pubin", "-inkey", `${key}.pub`, "-rawin", "-in", signed, "-sigfile", signature];
      return spawnSync("openssl", ["pkeyutl", ...args]).status;
    };

    assert.deepEqual([check(Buffer.concat([Buffer.from(head), statement])), check(statement)], [0, 1]);
  });

  it("cosign, of the statement", { skip: noCosign }, () => {
    const check = (file: string) => {
      const args = ["--key", `${key}.pub`, "--insecure-ignore-tlog", "--type", "slsaprovenance1"];
      const statement = ["--signature", join(release, "provenance.intoto.json")];
      return spawnSync("cosign", ["verify-blob-attestation", ...args, ...statement, file]).status;
    };

    assert.deepEqual([check(join(release, "onion-1.2.3.tgz")), check(join(release, "SHA256SUMS"))], [0, 1]);
  });
});

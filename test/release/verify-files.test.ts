/** A release as somebody receives it: what passes as it is, and each check with what it has to catch. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { writeChecksums } from "#release/checksums.ts";
import { sealEnvelope } from "#release/envelope.ts";
import { readLockfile } from "#release/lockfile.ts";
import { signMinisign } from "#release/minisign.ts";
import type { Files } from "#release/release.ts";
import { verdictOf } from "#release/verdict.ts";
import { verifyFiles } from "#release/verify-files.ts";
import { artefacts, type Changes, COMMIT, newKey, releaseOf } from "#test/release/files.ts";
import { lockfileWith, MANIFEST, PACKAGES, POLICY } from "#test/release/fixture.ts";

const key = newKey();
const other = newKey();
const release = releaseOf(key);

const LIBRARY = "onion-1.2.3.tgz";
const SOURCE_SBOM = "onion-1.2.3-source.cdx.json";
const STATEMENT = "provenance.intoto.json";
const COMMENT = `onion 1.2.3 of commit ${COMMIT}`;

const textOf = (files: Files, name: string): string => Buffer.from(files.get(name) ?? "").toString();

/** The release with files in the place of others; undefined takes one away. */
function changed(changes: Readonly<Record<string, string | Uint8Array | undefined>>): Map<string, Uint8Array> {
  const files = new Map(release);
  for (const [name, contents] of Object.entries(changes)) {
    if (contents === undefined) files.delete(name);
    else files.set(name, Buffer.from(contents));
  }
  return files;
}

/** The same, with checksums and signature made anew by the key's owner: so that only the check that is meant can see it. */
function resigned(changes: Readonly<Record<string, string | undefined>>): Files {
  const files = changed({ ...changes, SHA256SUMS: undefined, "SHA256SUMS.minisig": undefined });
  const checksums = Buffer.from(writeChecksums(files));
  files.set("SHA256SUMS", checksums);
  files.set("SHA256SUMS.minisig", Buffer.from(signMinisign(key.sign, checksums, COMMENT)));
  return files;
}

/** The statement of the release, with something else in it, signed anew. */
function restated(change: (statement: Record<string, unknown>) => void): string {
  const envelope = JSON.parse(textOf(release, STATEMENT)) as { readonly payload: string };
  const statement = JSON.parse(Buffer.from(envelope.payload, "base64").toString()) as Record<string, unknown>;
  change(statement);
  return sealEnvelope(key.sign, JSON.stringify(statement));
}

/** What went into it, by its own word. */
function materialsIn(statement: Record<string, unknown>): object[] {
  const { buildDefinition } = statement["predicate"] as {
    readonly buildDefinition: { resolvedDependencies: object[] };
  };
  return buildDefinition.resolvedDependencies;
}

/** A bill of materials of the release, with something else in it. */
function rebilled(name: string, change: (components: Record<string, unknown>[]) => void): string {
  const bill = JSON.parse(textOf(release, name)) as { readonly components: Record<string, unknown>[] };
  change(bill.components);
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** Another letter in the middle. */
function flipped(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

/** What does not pass, by the name of the check. */
function caughtIn(files: Files): Readonly<Record<string, string>> {
  const { gates } = verifyFiles(files, key.verify, POLICY);
  return Object.fromEntries(
    gates.filter(({ verdict }) => verdict !== "pass").map(({ name, reason }) => [name, reason]),
  );
}

/** A release that was made of other sources, by who has the key. */
const madeWith = (changes: Changes): Files => releaseOf(key, changes);
/** `alpha` in another way. */
const alphaIs = (entry: object): Changes => ({
  lockfile: lockfileWith({ "node_modules/alpha": { ...PACKAGES["node_modules/alpha"], ...entry } }),
});

describe("release: verifying files", () => {
  it("passes what was made, and says of each check what it has seen", () => {
    const { gates } = verifyFiles(release, key.verify, POLICY);

    assert.deepEqual(
      gates.map(({ name, verdict }) => [name, verdict]),
      ["signature", "checksums", "provenance", "sbom", "lockfile", "licences"].map((name) => [name, "pass"]),
    );
    assert.equal(verdictOf(gates), "pass");
    assert(gates.every(({ reason }) => reason.length > 20));
  });

  it("makes the same bytes of the same artefacts and the same key", () => {
    assert.deepEqual(releaseOf(key), release);
  });

  it("believes nothing of a release that another key has signed", () => {
    const { gates } = verifyFiles(release, other.verify, POLICY);

    assert.deepEqual(
      gates.filter(({ verdict }) => verdict === "fail").map(({ name, reason }) => [name, reason]),
      [
        ["signature", "SHA256SUMS.minisig was signed with another key"],
        ["provenance", "provenance.intoto.json was signed with another key"],
      ],
    );
  });
});

/** What is planted, the check that has to catch it, and what it says. */
const planted: readonly (readonly [what: string, files: Files, gate: string, says: RegExp])[] = [
  [
    "one bit of the library",
    changed({ [LIBRARY]: flipped(release.get(LIBRARY) ?? Buffer.of()) }),
    "checksums",
    /other bytes/,
  ],
  ["a library that is missing", changed({ [LIBRARY]: undefined }), "checksums", /onion-1\.2\.3\.tgz is missing/],
  ["a file that was put beside", changed({ "more.tgz": "x" }), "checksums", /more\.tgz is not in SHA256SUMS/],
  ["a list that is missing", changed({ SHA256SUMS: undefined }), "checksums", /SHA256SUMS is missing/],
  [
    "a list that is cut",
    changed({ SHA256SUMS: textOf(release, "SHA256SUMS").slice(0, -1) }),
    "checksums",
    /empty or cut/,
  ],
  [
    "a list with a name that leads elsewhere",
    changed({ SHA256SUMS: `${"0".repeat(64)}  ../x\n` }),
    "checksums",
    /has no digest and name/,
  ],
  [
    "a list that was changed with the file",
    (() => {
      const files = changed({ [LIBRARY]: flipped(release.get(LIBRARY) ?? Buffer.of()) });
      files.delete("SHA256SUMS");
      const signature = files.get("SHA256SUMS.minisig") ?? Buffer.of();
      files.delete("SHA256SUMS.minisig");
      files.set("SHA256SUMS", Buffer.from(writeChecksums(files)));
      return files.set("SHA256SUMS.minisig", signature);
    })(),
    "signature",
    /not the key's signature of what is here/,
  ],
  [
    "a signature of another file",
    changed({ "SHA256SUMS.minisig": signMinisign(key.sign, Buffer.from("x"), COMMENT) }),
    "signature",
    /not the key's signature of what is here/,
  ],
  [
    "a signature of another release",
    changed({ "SHA256SUMS.minisig": signMinisign(key.sign, release.get("SHA256SUMS") ?? Buffer.of(), "onion 1.2.2") }),
    "signature",
    /was made for "onion 1\.2\.2"/,
  ],
  [
    "a comment that was not signed",
    changed({ "SHA256SUMS.minisig": textOf(release, "SHA256SUMS.minisig").replace("of commit 0", "of commit 1") }),
    "signature",
    /another comment than was signed/,
  ],
  [
    "a signature that is cut",
    changed({ "SHA256SUMS.minisig": textOf(release, "SHA256SUMS.minisig").slice(0, -20) }),
    "signature",
    /cannot be read/,
  ],
  [
    "a signature that is shorter",
    changed({
      "SHA256SUMS.minisig": textOf(release, "SHA256SUMS.minisig").replace(/^(R.{40}).*$/m, "$1AAA"),
    }),
    "signature",
    /it is cut, or no base64/,
  ],
  ["an envelope that is missing", resigned({ [STATEMENT]: undefined }), "provenance", /is missing/],
  [
    "an envelope that is cut",
    resigned({ [STATEMENT]: textOf(release, STATEMENT).slice(0, -40) }),
    "provenance",
    /it is cut/,
  ],
  [
    "a statement that was changed under its signature",
    resigned({ [STATEMENT]: textOf(release, STATEMENT).replace(/"payload":"(.{9})./, '"payload":"$1Z') }),
    "provenance",
    /not the key's signature/,
  ],
  [
    "an envelope of another type",
    resigned({ [STATEMENT]: textOf(release, STATEMENT).replace("in-toto+json", "other+json") }),
    "provenance",
    /it holds no application\/vnd\.in-toto\+json/,
  ],
  [
    "an envelope of somebody else",
    resigned({ [STATEMENT]: sealEnvelope(other.sign, "{}") }),
    "provenance",
    /signed with another key/,
  ],
  [
    "a statement of another digest",
    resigned({
      [STATEMENT]: restated((statement) => {
        statement["subject"] = [{ name: LIBRARY, digest: { sha256: "0".repeat(64) } }];
      }),
    }),
    "provenance",
    /the statement says of the file .* (nothing|another digest)/,
  ],
  [
    "a statement about more files",
    resigned({
      [STATEMENT]: restated((statement) => {
        const subject = statement["subject"] as object[];
        statement["subject"] = [...subject, { name: "more.tgz", digest: { sha256: "0".repeat(64) } }];
      }),
    }),
    "provenance",
    /more\.tgz, which is not there/,
  ],
  [
    "a statement of another kind",
    resigned({
      [STATEMENT]: restated((statement) => {
        statement["predicateType"] = "https://example.org/other";
      }),
    }),
    "provenance",
    /it is no https:\/\/slsa\.dev\/provenance\/v1/,
  ],
  [
    "a statement of another package",
    resigned({
      [STATEMENT]: restated((statement) => {
        const [, , first] = materialsIn(statement);
        Object.assign(first ?? {}, { digest: { sha512: "0".repeat(128) } });
      }),
    }),
    "provenance",
    /the statement says of the material pkg:npm\/%40scope\/beta@2\.0\.0 another digest/,
  ],
  [
    "a statement that leaves a package out",
    resigned({ [STATEMENT]: restated((statement) => void materialsIn(statement).pop()) }),
    "provenance",
    /the statement says of the material pkg:npm\/gamma@3\.0\.0 nothing/,
  ],
  [
    "a statement of two commits",
    resigned({
      [STATEMENT]: restated((statement) => {
        Object.assign(materialsIn(statement)[0] ?? {}, { digest: { gitCommit: "f".repeat(40) } });
      }),
    }),
    "provenance",
    /it names two commits/,
  ],
  ["a statement of another commit", madeWith({ commit: "f".repeat(40) }), "provenance", /names the commit ffff/],
  [
    "a bill of materials without a package",
    resigned({ [SOURCE_SBOM]: rebilled(SOURCE_SBOM, (components) => void components.pop()) }),
    "sbom",
    /it lacks pkg:npm\/gamma@3\.0\.0/,
  ],
  [
    "a bill of materials with one more",
    resigned({
      [SOURCE_SBOM]: rebilled(SOURCE_SBOM, (components) => {
        components.push({ type: "library", name: "left-pad", version: "1.0.0", purl: "pkg:npm/left-pad@1.0.0" });
      }),
    }),
    "sbom",
    /it has pkg:npm\/left-pad@1\.0\.0, which is not in the lockfile/,
  ],
  [
    "a bill of materials with another digest",
    resigned({
      [SOURCE_SBOM]: rebilled(SOURCE_SBOM, ([first = {}]) => {
        first["hashes"] = [{ alg: "SHA-512", content: "0".repeat(128) }];
      }),
    }),
    "sbom",
    /with another digest/,
  ],
  [
    "a bill of materials with another licence",
    resigned({
      [SOURCE_SBOM]: rebilled(SOURCE_SBOM, ([first = {}]) => {
        first["licenses"] = [{ license: { id: "0BSD" } }];
      }),
    }),
    "sbom",
    /with another licence/,
  ],
  [
    "a bill of materials that says who needs whom wrongly",
    resigned({ [SOURCE_SBOM]: textOf(release, SOURCE_SBOM).replace('"dependsOn": []', '"dependsOn": ["x"]') }),
    "sbom",
    /something else than the lockfile/,
  ],
  [
    "a bill of materials of another artefact",
    resigned({ "onion-1.2.3.cdx.json": textOf(release, SOURCE_SBOM) }),
    "sbom",
    /onion-1\.2\.3\.cdx\.json: it is about an artefact of another digest/,
  ],
  ["a bill of materials that is missing", resigned({ [SOURCE_SBOM]: undefined }), "sbom", /is missing/],
  ["a bill of materials that is none", resigned({ [SOURCE_SBOM]: "{}" }), "sbom", /it is not CycloneDX 1\.6/],
  [
    "a package without a digest",
    madeWith(alphaIs({ integrity: undefined })),
    "lockfile",
    /node_modules\/alpha has no SHA-512/,
  ],
  [
    "a package by SHA-1",
    madeWith(alphaIs({ integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" })),
    "lockfile",
    /node_modules\/alpha has no SHA-512/,
  ],
  [
    "a package from a host",
    madeWith(alphaIs({ resolved: "https://registry.example/a.tgz" })),
    "lockfile",
    /comes from https:\/\/registry\.example/,
  ],
  [
    "a package that is a link",
    madeWith(alphaIs({ resolved: "../alpha", link: true, version: undefined })),
    "lockfile",
    /node_modules\/alpha is a link to somewhere else/,
  ],
  [
    "a script that nobody decided about",
    madeWith(alphaIs({ hasInstallScript: true })),
    "lockfile",
    /alpha runs a script when it is installed/,
  ],
  [
    "a decision about a script that has gone",
    madeWith({ manifest: { ...MANIFEST, allowScripts: { gamma: false, delta: true } } }),
    "lockfile",
    /allowScripts of package\.json has delta/,
  ],
  [
    "a licence that is not in the list",
    madeWith(alphaIs({ license: "AGPL-3.0-only" })),
    "licences",
    /alpha 1\.0\.0 has the licence AGPL-3\.0-only/,
  ],
  [
    "a package that says nothing of its licence",
    madeWith(alphaIs({ license: undefined })),
    "licences",
    /alpha 1\.0\.0 says nothing/,
  ],
];

describe("release: verifying files, with a fault planted", () => {
  for (const [what, files, gate, says] of planted) {
    it(`catches ${what} (${gate})`, () => {
      assert.match(caughtIn(files)[gate] ?? "nothing is caught", says);
    });
  }

  it("sees each fault that was signed by the check that is meant, and by no other", () => {
    const seen = planted.filter(([what]) => /^a (bill|statement of another digest|package|licence|script)/.test(what));

    assert(seen.length > 10);
    for (const [what, files, gate] of seen) {
      // A statement is about the bills, too: one that was changed has another digest.
      const names = Object.keys(caughtIn(files)).filter((name) => gate !== "sbom" || name !== "provenance");
      assert.deepEqual(names, [gate], what);
    }
  });

  it("has not checked what it cannot read: that is no pass", () => {
    const { gates } = verifyFiles(changed({ "onion-1.2.3-source.tar.gz": "x" }), key.verify, POLICY);

    assert.deepEqual(
      gates.map(({ name, verdict }) => [name, verdict]),
      [
        ["signature", "pass"],
        ["checksums", "fail"],
        ["provenance", "not-checked"],
        ["sbom", "not-checked"],
        ["lockfile", "not-checked"],
        ["licences", "not-checked"],
      ],
    );
  });

  it("reads lockfiles of version 3 alone, and none without packages or versions", () => {
    const entries = { "node_modules/alpha": { version: 1 } };
    const read = [
      "",
      "[]",
      '{"lockfileVersion":3}',
      JSON.stringify({ ...lockfileWith(), lockfileVersion: 2 }),
      JSON.stringify({ lockfileVersion: 3, packages: entries }),
      JSON.stringify({ lockfileVersion: 3, packages: { "": {}, ...entries } }),
    ].map((text) => readLockfile(text));

    assert.deepEqual(
      read.map((one) => (one.ok ? "" : one.failure.cause)),
      [
        "it is no JSON object",
        "it is no JSON object",
        "packages are missing",
        "its version is 2, not 3",
        "the root is missing",
        "node_modules/alpha has no name or no version",
      ],
    );
  });

  it("does not take artefacts alone for a release", () => {
    const { gates } = verifyFiles(artefacts(), key.verify, POLICY);

    assert.deepEqual(
      gates.filter(({ verdict }) => verdict === "fail").map(({ name }) => name),
      ["signature", "checksums", "provenance", "sbom"],
    );
  });
});

describe("release: a verdict of all", () => {
  it("is a pass only where there is something, and all of it passed", () => {
    const gate = (verdict: "pass" | "fail" | "not-checked") => ({ name: "x", verdict, reason: "y" });

    assert.equal(verdictOf([]), "not-checked");
    assert.equal(verdictOf([gate("pass")]), "pass");
    assert.equal(verdictOf([gate("pass"), gate("not-checked")]), "not-checked");
    assert.equal(verdictOf([gate("not-checked"), gate("fail"), gate("pass")]), "fail");
  });
});

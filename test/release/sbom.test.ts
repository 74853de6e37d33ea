/** Bills of materials: of a small lockfile to the last field, of our own by the schema of CycloneDX. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readManifest, repository } from "#library/checkout.ts";
import { LICENCE_POLICY } from "#release/licence-policy.ts";
import { type Lockfile, readLockfile } from "#release/lockfile.ts";
import { writeSbom } from "#release/sbom.ts";
import { readSbom } from "#release/sbom-reader.ts";
import { must } from "#runtime/errors.ts";
import { installLocked } from "#test/kit/locked-packages.ts";
import { lockfileWith, POLICY } from "#test/release/fixture.ts";

const SHA256 = "ab".repeat(32);
const small = must(readLockfile(JSON.stringify(lockfileWith())), "the fixture's lockfile is read");
const own = must(readLockfile(readFileSync(join(repository, "package-lock.json"), "utf8")), "our lockfile is read");

interface Bill {
  readonly components: readonly Readonly<Record<string, unknown>>[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

function billOf(lockfile: Lockfile, needs: readonly string[], policy = POLICY): string {
  const about = { artefact: "onion.tgz", sha256: SHA256, kind: "library", licence: "MIT" } as const;
  return writeSbom({ lockfile, needs, policy, ...about });
}

const parsed = (text: string): Bill => JSON.parse(text) as Bill;

describe("release: bills of materials", () => {
  it("say of a package what it is, by which bytes, under which licence, and how it is needed", () => {
    const { components } = parsed(billOf(small, small.needs));

    assert.deepEqual(components[0], {
      type: "library",
      "bom-ref": "pkg:npm/%40scope/beta@2.0.0",
      group: "@scope",
      name: "beta",
      version: "2.0.0",
      scope: "excluded",
      hashes: [{ alg: "SHA-512", content: "62".repeat(64) }],
      licenses: [{ expression: "Apache-2.0 OR MIT", acknowledgement: "declared" }],
      purl: "pkg:npm/%40scope/beta@2.0.0",
    });
    assert.deepEqual(
      components.map(({ purl, scope }) => [purl, scope]),
      [
        ["pkg:npm/%40scope/beta@2.0.0", "excluded"],
        ["pkg:npm/alpha@1.0.0", "required"],
        ["pkg:npm/gamma@1.5.0", "excluded"],
        ["pkg:npm/gamma@3.0.0", "required"],
      ],
    );
  });

  it("say who needs whom as Node finds it: the nearest", () => {
    const { dependencies } = parsed(billOf(small, small.needs));

    assert.deepEqual(
      dependencies.map(({ dependsOn }) => dependsOn),
      [
        ["pkg:npm/%40scope/beta@2.0.0", "pkg:npm/alpha@1.0.0"],
        ["pkg:npm/gamma@1.5.0"],
        ["pkg:npm/gamma@3.0.0"],
        [],
        [],
      ],
    );
  });

  it("have what the artefact needs, and nothing else", () => {
    const { components } = parsed(billOf(small, ["alpha"]));

    assert.deepEqual(
      components.map(({ purl }) => purl),
      ["pkg:npm/alpha@1.0.0", "pkg:npm/gamma@3.0.0"],
    );
  });

  it("tell a licence that the policy has concluded from one that a package declares", () => {
    const exception = { packages: ["alpha"], version: "1.0.0", licence: "ISC", because: "x" };
    const { components } = parsed(billOf(small, ["alpha"], { ...POLICY, exceptions: [exception] }));

    assert.deepEqual(
      components.map(({ licenses }) => licenses),
      [
        [{ license: { id: "ISC", acknowledgement: "concluded" } }],
        [{ license: { id: "ISC", acknowledgement: "declared" } }],
      ],
    );
  });

  it("are the same bytes again, and have every package of our lockfile once, each with digest and licence", () => {
    const text = billOf(own, own.needs, LICENCE_POLICY);
    const { components } = must(readSbom(text), "the bill is read");

    assert.equal(billOf(own, own.needs, LICENCE_POLICY), text);
    const locked = new Set(own.packages.map(({ name, version }) => `${name} ${version}`));
    const billed = components.map(({ licensed: { name, version } }) => `${name} ${version}`);
    assert.deepEqual([...billed].sort(), [...locked].sort());
    assert(components.every(({ sha512, licensed }) => sha512 !== undefined && licensed.licence !== undefined));
    assert(!text.includes(repository) && !/\d\d:\d\d:\d\d|urn:uuid/.test(text), "no place, no time, no serial number");
  });

  it("keep to the schema of CycloneDX 1.6, by its own validator, which sees what does not", async () => {
    const modules = installLocked(join(import.meta.dirname, "schema"));
    const load = createRequire(join(modules, "x.js"));
    const { Spec, Validation } = load("@cyclonedx/cyclonedx-library");
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    const ours = billOf(own, own.needs, LICENCE_POLICY);
    const library = billOf(own, Object.keys(readManifest(repository).dependencies).slice(0, 1));

    assert.equal(await validator.validate(ours), null);
    assert.equal(await validator.validate(library), null);
    assert.notEqual(await validator.validate(ours.replace('"SHA-512"', '"SHA-513"')), null);
    assert.notEqual(await validator.validate(ours.replace('"scope": "excluded"', '"scope": "never"')), null);
  });
});

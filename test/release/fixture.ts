/**
 * A small repository that is released: the code of releases, three packages, and a library that is packed in no time.
 *
 * It is a checkout of its own, with a commit, so what is tried does not depend on what is changed in this one.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { repository } from "#library/checkout.ts";
import type { LicencePolicy } from "#release/licence-policy.ts";

/** Of the packages that the fixture has. */
export const POLICY: LicencePolicy = { allowed: new Set(["MIT", "ISC", "Apache-2.0"]), exceptions: [] };

const digest = (letter: string): string => `sha512-${Buffer.alloc(64, letter).toString("base64")}`;

export interface FixtureManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly private: boolean;
  readonly type: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

export const MANIFEST: FixtureManifest = {
  name: "onion",
  version: "1.2.3",
  license: "MIT",
  private: true,
  type: "module",
  imports: {
    "#cli/*": "./cli/*",
    "#library/*": "./library/*",
    "#release/*": "./release/*",
    "#runtime/*": "./runtime/*",
  },
  dependencies: { alpha: "1.0.0" },
  devDependencies: { "@scope/beta": "2.0.0" },
  allowScripts: { gamma: false },
};

const { name, version, dependencies, devDependencies } = MANIFEST;

interface Entry {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export const PACKAGES: Readonly<Record<string, Entry>> = {
  "node_modules/@scope/beta": {
    version: "2.0.0",
    integrity: digest("b"),
    dev: true,
    license: "Apache-2.0 OR MIT",
    dependencies: { gamma: "^1.0.0" },
  },
  "node_modules/@scope/beta/node_modules/gamma": {
    version: "1.5.0",
    integrity: digest("d"),
    dev: true,
    license: "ISC",
  },
  "node_modules/alpha": { version: "1.0.0", integrity: digest("a"), license: "MIT", dependencies: { gamma: "^3.0.0" } },
  "node_modules/gamma": { version: "3.0.0", integrity: digest("c"), license: "ISC", hasInstallScript: true },
};

/** With these packages; with one in the place of another, or beside them, if it is said. */
export function lockfileWith(
  changes: Readonly<Record<string, Partial<Entry> & { readonly resolved?: string }>> = {},
): object {
  const root = { name, version, dependencies, devDependencies };
  return { name, version, lockfileVersion: 3, requires: true, packages: { "": root, ...PACKAGES, ...changes } };
}

/** Packs the manifest and a file with `contents`, an expression. */
export function packer(contents: string): string {
  return `/** Packs the library. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const out = process.argv[3] ?? "";
const staging = mkdtempSync(join(process.cwd(), "staging-"));
mkdirSync(out, { recursive: true });
mkdirSync(join(staging, "package"));
const manifest = { name: "onion", version: "1.2.3", dependencies: { alpha: "1.0.0" } };
writeFileSync(join(staging, "package", "package.json"), JSON.stringify(manifest));
writeFileSync(join(staging, "package", "index.js"), String(${contents}));
const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--mode=u=rwX,go=rX", "--format=ustar"];
const tar = execFileSync("tar", [...same, "-c", "package"], { cwd: staging });
writeFileSync(join(out, "onion-1.2.3.tgz"), execFileSync("gzip", ["-n"], { input: tar }));
`;
}

/** An `npm` that audits as it is told: `$CEPA_TEST_AUDIT` is the answer about anything but the canary. */
const NPM = `#!/bin/sh
case $1 in
  --version) echo 11.0.0 ;;
  audit)
    if grep -q minimist package-lock.json; then echo '{"vulnerabilities":{"minimist":{}}}'
    else echo "\${CEPA_TEST_AUDIT-}"; fi ;;
  *) exit 9 ;;
esac
`;

/** Another Node, by its own word. */
const OTHER_NODE = `#!/bin/sh
[ "$1" = --version ] && exec echo v99.0.0
exec ${JSON.stringify(process.execPath)} "$@"
`;

export const CLEAN = '{"vulnerabilities":{}}';

export class Fixture implements Disposable {
  readonly parent: string = mkdtempSync(join(tmpdir(), "cepa-fixture-"));
  readonly root: string = join(this.parent, "onion");
  /** What finds the `npm` and the Node above. */
  readonly path: string;

  constructor() {
    for (const path of ["release", "cli/output.ts", "library/checkout.ts", "runtime/errors.ts", "runtime/units.ts"]) {
      cpSync(join(repository, path), join(this.root, path), { recursive: true });
    }
    this.write("package.json", MANIFEST);
    this.write("package-lock.json", lockfileWith());
    this.write("library/pack.ts", packer('"export {};"'));
    this.write("release/licence-policy.ts", POLICY_SOURCE);
    this.write(".gitignore", "node_modules/\n");
    this.install();
    this.write("../bin/npm", NPM);
    this.write("../bin/node", OTHER_NODE);
    for (const program of ["npm", "node"]) chmodSync(join(this.parent, "bin", program), 0o755);
    this.path = [join(this.parent, "bin"), process.env["PATH"] ?? ""].join(delimiter);
    this.git("init", "--quiet", "--initial-branch=main");
    this.commit();
  }

  /** Writes a file below the root; what is no text as JSON. */
  write(path: string, contents: unknown): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof contents === "string" ? contents : `${JSON.stringify(contents, null, 2)}\n`);
  }

  /** As npm leaves `node_modules` behind. */
  install(): void {
    this.write("node_modules/.package-lock.json", { name, version, lockfileVersion: 3, packages: PACKAGES });
    for (const [path, { version, license }] of Object.entries(PACKAGES)) {
      this.write(`${path}/package.json`, { version, license });
    }
  }

  /** Answers with the id. */
  commit(): string {
    this.git("add", "--all");
    this.git("commit", "--quiet", "--allow-empty", "--message", "x");
    return this.git("rev-parse", "HEAD").trim();
  }

  git(...args: readonly string[]): string {
    const who = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    return execFileSync("git", [...who, ...args], { cwd: this.root, encoding: "utf8" });
  }

  [Symbol.dispose](): void {
    rmSync(this.parent, { recursive: true, force: true });
  }
}

const POLICY_SOURCE = `/** The list of the fixture. */
export interface LicenceException {
  readonly packages: readonly string[];
  readonly version: string;
  readonly licence: string;
  readonly because: string;
}
export interface LicencePolicy {
  readonly allowed: ReadonlySet<string>;
  readonly exceptions: readonly LicenceException[];
}
export const LICENCE_POLICY: LicencePolicy = { allowed: new Set(["MIT", "ISC", "Apache-2.0"]), exceptions: [] };
`;

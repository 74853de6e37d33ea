/** Lays out the package that is published: compiled code, declarations, and what it says of itself. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { entriesOf, type Manifest, readManifest } from "#library/checkout.ts";
import { compile } from "#library/compile.ts";
import { LibraryProblem, readSources } from "#library/sources.ts";

/** The oldest Node that the library runs on. */
export const NODE_FLOOR = ">=22";

/** Fills `directory`, which is made, from the repository at `root`. */
export function buildPackage(root: string, directory: string): void {
  const manifest = readManifest(root);
  const sources = readSources(root, entriesOf(manifest));
  mkdirSync(directory, { recursive: true });
  compile({ root, sources, out: join(directory, "dist"), emit: "all" });
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(publish(manifest, sources.packages), null, 2)}\n`);
  copyFileSync(join(root, "library", "README.md"), join(directory, "README.md"));
  copyFileSync(join(root, "LICENSE"), join(directory, "LICENSE"));
}

/** The `package.json` of the package: entries lead to what was compiled, dependencies are those that are loaded. */
function publish({ name, version, license, exports, dependencies }: Manifest, packages: readonly string[]): object {
  const entries = Object.entries(exports).map(([entry, source]) => {
    const compiled = source.replace(/^\.\/(.*)\.ts$/, "./dist/$1");
    return [entry, { types: `${compiled}.d.ts`, default: `${compiled}.js` }];
  });
  return {
    name,
    version,
    description: "A supervised actor runtime: typed protocols, bounded mailboxes, deadlines, restarts",
    license,
    type: "module",
    sideEffects: false,
    engines: { node: NODE_FLOOR },
    files: ["dist"],
    exports: Object.fromEntries(entries),
    dependencies: Object.fromEntries(packages.map((name) => [name, versionOf(name, dependencies)])),
  };
}

function versionOf(name: string, dependencies: Readonly<Record<string, string>>): string {
  const version = dependencies[name];
  if (version === undefined) throw new LibraryProblem(`${name} is imported and not in package.json`);
  return version;
}

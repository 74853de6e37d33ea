/** What this repository says of itself: the one place where the library's entries, version and tools are looked up. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What the library takes over from the repository's `package.json`. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Entry to source, e.g. `./runtime` to `./runtime/index.ts`: what users import, and what `examples/` imports. */
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

export const repository: string = join(import.meta.dirname, "..");

export function readManifest(root: string): Manifest {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
}

/** Sources of the entries, as paths from the root. */
export function entriesOf({ exports }: Manifest): readonly string[] {
  return Object.values(exports).map((source) => source.replace(/^\.\//, ""));
}

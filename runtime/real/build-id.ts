/** What tells one build of the sources from another: names, sizes and times of all source files, in a few milliseconds. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const SOURCES = ["runtime", "actors", "supervisor"];

export interface Build {
  /** From `package.json`. */
  readonly version: string;
  /** 16 lower-case hex digits. */
  readonly id: string;
}

/** `root` is the directory with `package.json`. */
export function readBuild(root: string): Build {
  const { version }: { readonly version: string } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const hash = createHash("sha256").update(version).update(process.version);
  for (const folder of SOURCES) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).sort()) {
      if (!name.endsWith(".ts")) continue;
      const facts = statSync(join(root, folder, name), { throwIfNoEntry: false });
      hash.update(`${folder}/${name} ${facts?.size} ${facts?.mtimeMs}\n`);
    }
  }
  return { version, id: hash.digest("hex").slice(0, 16) };
}

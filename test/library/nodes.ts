/** The Nodes that the library promises to run on: the lockfile beside this file says which. Two of them are 80 MB to load. */
import { join } from "node:path";
import { installLocked } from "#test/kit/locked-packages.ts";

export interface Nodes {
  /** Path of the program by major version. */
  readonly programs: Readonly<Record<string, string>>;
  /** Directory that holds `node/`, the types of the oldest. */
  readonly typeRoot: string;
}

/** Throws, with what npm says, when they cannot be installed. */
export function installNodes(): Nodes {
  const modules = installLocked(join(import.meta.dirname, "nodes"));
  const program = (major: string): string => join(modules, `node-${major}-linux-${process.arch}`, "bin", "node");
  return {
    programs: { "22": program("22"), "24": program("24"), "26": process.execPath },
    typeRoot: join(modules, "@types"),
  };
}

/**
 * The Nodes that the library promises to run on: the lockfile beside this file says which, the first use installs them.
 *
 * They are kept in `.cache`, one folder a lockfile, so that a change of the lockfile is a new installation.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { repository } from "#library/checkout.ts";

export interface Nodes {
  /** Path of the program by major version. */
  readonly programs: Readonly<Record<string, string>>;
  /** Directory that holds `node/`, the types of the oldest. */
  readonly typeRoot: string;
}

const manifests = join(import.meta.dirname, "nodes");
/** Two Nodes are 80 MB to load. */
const TIMEOUT_MS = 240_000;
const FILES = ["package.json", "package-lock.json", ".npmrc"];

/** Throws, with what npm says, when they cannot be installed. */
export function installNodes(): Nodes {
  const lockfile = readFileSync(join(manifests, "package-lock.json"));
  const digest = createHash("sha256").update(lockfile).digest("hex").slice(0, 16);
  const home = join(repository, ".cache", `nodes-${digest}`);
  if (!existsSync(home)) install(home);

  const modules = join(home, "node_modules");
  const program = (major: string): string => join(modules, `node-${major}-linux-${process.arch}`, "bin", "node");
  return {
    programs: { "22": program("22"), "24": program("24"), "26": process.execPath },
    typeRoot: join(modules, "@types"),
  };
}

/** Beside its place first: what stands there is whole. */
function install(home: string): void {
  mkdirSync(join(repository, ".cache"), { recursive: true });
  const staging = mkdtempSync(`${home}-`);
  try {
    for (const name of FILES) copyFileSync(join(manifests, name), join(staging, name));
    const { status, stderr, error } = spawnSync("npm", ["ci", "--ignore-scripts", "--loglevel=error"], {
      cwd: staging,
      encoding: "utf8",
      timeout: TIMEOUT_MS,
    });
    if (status !== 0) {
      throw new Error(`the Nodes of test/library/nodes cannot be installed: ${error?.message ?? stderr}`);
    }
    if (!existsSync(home)) renameSync(staging, home);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * Packages that only a test wants, from a lockfile of their own: the first use installs them.
 *
 * They are kept in `.cache`, one folder a lockfile, so that a change of the lockfile is a new installation.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { repository } from "#library/checkout.ts";

const TIMEOUT_MS = 240_000;
const FILES = ["package.json", "package-lock.json", ".npmrc"];

/** The folder `node_modules` of what `manifests` locks. Throws, with what npm says, when it cannot be installed. */
export function installLocked(manifests: string): string {
  const lockfile = readFileSync(join(manifests, "package-lock.json"));
  const digest = createHash("sha256").update(lockfile).digest("hex").slice(0, 16);
  const home = join(repository, ".cache", `${basename(manifests)}-${digest}`);
  if (!existsSync(home)) install(manifests, home);
  return join(home, "node_modules");
}

/** Beside its place first: what stands there is whole. */
function install(manifests: string, home: string): void {
  mkdirSync(join(repository, ".cache"), { recursive: true });
  const staging = mkdtempSync(`${home}-`);
  try {
    for (const name of FILES) copyFileSync(join(manifests, name), join(staging, name));
    const { status, stderr, error } = spawnSync("npm", ["ci", "--ignore-scripts", "--loglevel=error"], {
      cwd: staging,
      encoding: "utf8",
      timeout: TIMEOUT_MS,
    });
    if (status !== 0) throw new Error(`${manifests} cannot be installed: ${error?.message ?? stderr}`);
    moveTo(home, staging);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Somebody else may have been sooner, with the same. */
function moveTo(home: string, staging: string): void {
  try {
    renameSync(staging, home);
  } catch (error) {
    if (!existsSync(home)) throw error;
  }
}

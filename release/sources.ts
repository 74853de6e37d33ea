/** What the sources of a release say of packages: every lockfile in them, and the manifest beside it. */
import { lockProblems } from "#release/lock-rules.ts";
import { type Lockfile, readLockfile } from "#release/lockfile.ts";
import { malformed, type ReleaseMalformed, readObject } from "#release/malformed.ts";
import { fileIn, type Tarball } from "#release/tarball.ts";
import { type Gate, judged } from "#release/verdict.ts";
import { ok, type Result } from "#runtime/errors.ts";

export interface LockedSources {
  /** Path from the root, e.g. `bench/peers/package-lock.json`. */
  readonly path: string;
  readonly text: string;
  readonly lockfile: Lockfile;
  readonly manifestText: string;
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** That of the root first. The others are of what only tests and benchmarks install. */
export function locksIn(tarball: Tarball): Result<readonly [LockedSources, ...LockedSources[]], ReleaseMalformed> {
  const paths = tarball.members
    .map(({ path }) => path.replace(/^[^/]+\//, ""))
    .filter((path) => /(^|\/)package-lock\.json$/.test(path) && path !== "package-lock.json");
  const root = locksAt(tarball, "package-lock.json");
  if (!root.ok) return root;
  const others: LockedSources[] = [];
  for (const path of paths.sort()) {
    const read = locksAt(tarball, path);
    if (!read.ok) return read;
    others.push(read.value);
  }
  return ok([root.value, ...others]);
}

/** Whether all of them are fit for a release. */
export function lockGate(locks: readonly LockedSources[]): Gate {
  const problems = locks.flatMap(({ path, lockfile, manifest }) =>
    lockProblems(lockfile, manifest).map((problem) => `${path}: ${problem}`),
  );
  const count = locks.reduce((total, { lockfile }) => total + lockfile.packages.length, 0);
  const praise = `${count} entries of ${locks.length} lockfiles have a SHA-512, none names a host, and scripts of installations are decided about`;
  return judged("lockfile", problems, praise);
}

function locksAt(tarball: Tarball, path: string): Result<LockedSources, ReleaseMalformed> {
  const manifestPath = path.replace(/package-lock\.json$/, "package.json");
  const [bytes, manifestBytes] = [fileIn(tarball, path), fileIn(tarball, manifestPath)];
  if (bytes === undefined || manifestBytes === undefined)
    return malformed("lockfile", `${path} or ${manifestPath} is missing`);
  const [text, manifestText] = [textOf(bytes), textOf(manifestBytes)];
  const manifest = readObject(manifestText);
  if (manifest === undefined) return malformed("lockfile", `${manifestPath} is no JSON object`);
  const lockfile = readLockfile(text);
  if (!lockfile.ok) return malformed("lockfile", `${path}: ${lockfile.failure.cause}`);
  return ok({ path, text, lockfile: lockfile.value, manifestText, manifest });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

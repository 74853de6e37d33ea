/**
 * What a lockfile has to be for a release: it says of every package by which bytes it is known, leads to no host, and what
 * packages would run when they are installed was decided, each by name.
 */

import { type Lockfile, sha512Of } from "#release/lockfile.ts";
import { isRecord } from "#release/malformed.ts";

/** One line for each place where it is not. `manifest` is the `package.json` beside it. */
export function lockProblems(lockfile: Lockfile, manifest: Readonly<Record<string, unknown>>): readonly string[] {
  const { packages } = lockfile;
  if (packages.length === 0) return ["the lockfile has no packages"];
  return [
    ...packages.filter(({ isLink }) => isLink).map(({ path }) => `${path} is a link to somewhere else`),
    ...packages
      .filter((locked) => !locked.isLink && sha512Of(locked) === undefined)
      .map(({ path }) => `${path} has no SHA-512 that it could be known by`),
    ...packages
      .filter(({ resolved }) => resolved !== undefined)
      .map(({ path, resolved }) => `${path} comes from ${resolved}: a lockfile names no host and no other place`),
    ...scriptProblems(lockfile, manifest["allowScripts"]),
  ];
}

/** Both ways: a script that nobody decided about, and a decision about one that there is not. */
function scriptProblems({ packages }: Lockfile, allowScripts: unknown): readonly string[] {
  const decided = isRecord(allowScripts) ? allowScripts : {};
  const scripted = new Set(packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name));
  return [
    ...[...scripted]
      .filter((name) => typeof decided[name] !== "boolean")
      .map(
        (name) =>
          `${name} runs a script when it is installed, and allowScripts of package.json does not say whether it may`,
      ),
    ...Object.keys(decided)
      .filter((name) => !scripted.has(name))
      .map((name) => `allowScripts of package.json has ${name}, which runs no script`),
  ];
}

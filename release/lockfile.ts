/**
 * `package-lock.json`, as far as a release needs it: which packages there are, by which digest, and who needs whom.
 *
 * Only version 3 is read, which npm 7 and later write. An entry is a folder below `node_modules`; one package may be in
 * several folders.
 */
import { isRecord, malformed, type ReleaseMalformed, readObject } from "#release/malformed.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Of a lockfile that is read. Ours has 70 KiB. */
export const LOCKFILE_BYTES_MAX: number = 16 * MiB;
/** Entries of a lockfile that is read. Ours has 163. */
export const LOCKED_PACKAGES_MAX = 20_000;

export interface LockedPackage {
  /** Folder from the root, e.g. `node_modules/a/node_modules/b`. */
  readonly path: string;
  /** As it is published, whatever the folder is called. */
  readonly name: string;
  readonly version: string;
  /** As npm writes it: `sha512-` and base64; undefined where there is none. */
  readonly integrity: string | undefined;
  /** What the registry said; undefined where the package does not say it in one text. */
  readonly licence: string | undefined;
  /** Where from, if the lockfile says. */
  readonly resolved: string | undefined;
  /** Only what is a dependency for developing leads to it. */
  readonly isDev: boolean;
  /** It may be missing: of another machine, or a feature less. */
  readonly isOptional: boolean;
  readonly isLink: boolean;
  readonly hasInstallScript: boolean;
  /** Names of what it asks for, in any way. Some of it may not be there. */
  readonly needs: readonly string[];
}

export interface Lockfile {
  /** Empty where the manifest has none, as of what is not published. */
  readonly name: string;
  readonly version: string;
  /** Names of what the root asks for. */
  readonly needs: readonly string[];
  /** In the order of their paths. */
  readonly packages: readonly LockedPackage[];
}

export function readLockfile(text: string): Result<Lockfile, ReleaseMalformed> {
  if (text.length > LOCKFILE_BYTES_MAX) return malformed("lockfile", `it is larger than ${LOCKFILE_BYTES_MAX} bytes`);
  const value = readObject(text);
  if (value === undefined) return malformed("lockfile", "it is no JSON object");
  const { name = "", version = "", lockfileVersion, packages } = value;
  if (lockfileVersion !== 3) return malformed("lockfile", `its version is ${String(lockfileVersion)}, not 3`);
  if (typeof name !== "string" || typeof version !== "string" || !isRecord(packages)) {
    return malformed("lockfile", "packages are missing");
  }
  const { "": root, ...entries } = packages;
  if (!isRecord(root)) return malformed("lockfile", "the root is missing");
  const paths = Object.keys(entries).sort();
  if (paths.length > LOCKED_PACKAGES_MAX) return malformed("lockfile", `it has ${paths.length} packages`);
  const read: LockedPackage[] = [];
  for (const path of paths) {
    const locked = readPackage(path, entries[path]);
    if (locked === undefined) return malformed("lockfile", `${path} has no name or no version`);
    read.push(locked);
  }
  return ok({ name, version, needs: needsOf(root), packages: read });
}

/** The package that `name` means for a package in the folder `path`, as Node looks for it: "" is the root. */
export function resolve(
  byPath: ReadonlyMap<string, LockedPackage>,
  path: string,
  name: string,
): LockedPackage | undefined {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const found = byPath.get(folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`);
    if (found !== undefined || folder === "") return found;
  }
}

/** The digest of the package's own tarball, in hex; undefined where it is not known by SHA-512. */
export function sha512Of({ integrity = "" }: LockedPackage): string | undefined {
  const [, base64 = ""] = integrity.match(/^sha512-([A-Za-z0-9+/]{86}==)$/) ?? [];
  return base64 === "" ? undefined : Buffer.from(base64, "base64").toString("hex");
}

function readPackage(path: string, entry: unknown): LockedPackage | undefined {
  if (!isRecord(entry)) return undefined;
  const folder = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const { name = folder, integrity, license, resolved, link } = entry;
  // A link has no version of its own; the rules of lockfiles refuse it by name.
  const { version = link === true ? "" : undefined } = entry;
  if (typeof name !== "string" || name === "" || typeof version !== "string") return undefined;
  return {
    path,
    name,
    version,
    integrity: typeof integrity === "string" ? integrity : undefined,
    licence: typeof license === "string" ? license : undefined,
    resolved: typeof resolved === "string" ? resolved : undefined,
    isDev: entry["dev"] === true || entry["devOptional"] === true,
    isOptional: entry["optional"] === true,
    isLink: link === true,
    hasInstallScript: entry["hasInstallScript"] === true,
    needs: needsOf(entry),
  };
}

const GROUPS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

function needsOf(entry: Readonly<Record<string, unknown>>): readonly string[] {
  const names = GROUPS.flatMap((group) => {
    const wanted = entry[group];
    return isRecord(wanted) ? Object.keys(wanted) : [];
  });
  return [...new Set(names)].sort();
}

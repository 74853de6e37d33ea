/** What is installed below `node_modules`, held against the lockfile, and what it says of its licences. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Licensed } from "#release/licences.ts";
import type { LockedPackage, Lockfile } from "#release/lockfile.ts";
import { isRecord, readObject } from "#release/malformed.ts";

export interface Installed {
  /** Packages of the lockfile that are there, each with the licence that its own `package.json` names. */
  readonly packages: readonly Licensed[];
  /** One line for each that is there in another way than the lockfile says, or is not there and should be. */
  readonly problems: readonly string[];
}

/** `root` is the checkout. */
export function readInstalled(root: string, lockfile: Lockfile): Installed {
  const record = readObject(readText(join(root, "node_modules", ".package-lock.json")) ?? "")?.["packages"];
  if (!isRecord(record)) return { packages: [], problems: ["node_modules was not made by npm ci"] };
  const packages: Licensed[] = [];
  const problems: string[] = [];
  for (const locked of lockfile.packages) {
    const manifest = readObject(readText(join(root, locked.path, "package.json")) ?? "");
    if (manifest === undefined) {
      if (!locked.isOptional) problems.push(`${locked.path} is not installed`);
      continue;
    }
    problems.push(...differences(locked, manifest, record[locked.path]));
    packages.push({ name: locked.name, version: locked.version, licence: licenceIn(manifest) });
  }
  const known = new Set(lockfile.packages.map(({ path }) => path));
  for (const path of Object.keys(record)) {
    if (!known.has(path)) problems.push(`${path} is installed, and not in the lockfile`);
  }
  return { packages, problems };
}

/** `recorded` is what npm noted when it installed the package. */
function differences(
  { path, name, version, integrity, licence }: LockedPackage,
  manifest: Readonly<Record<string, unknown>>,
  recorded: unknown,
): readonly string[] {
  const problems: string[] = [];
  if (manifest["version"] !== version) problems.push(`${path} is installed as ${manifest["version"]}, not ${version}`);
  if (!isRecord(recorded) || recorded["integrity"] !== integrity) {
    problems.push(`${path} was installed with another digest than the lockfile has`);
  }
  if (licence !== undefined && licenceIn(manifest) !== licence) {
    problems.push(
      `${name} ${version} says ${licenceIn(manifest) ?? "nothing"} of its licence, and the lockfile ${licence}`,
    );
  }
  return problems;
}

/** The field `license`, or what older packages have: an object with a type, or a list of them to choose from. */
function licenceIn({ license, licenses }: Readonly<Record<string, unknown>>): string | undefined {
  const said = [license ?? licenses ?? []].flat().map((one: unknown) => (isRecord(one) ? one["type"] : one));
  const names = said.filter((one) => typeof one === "string" && one !== "");
  if (names.length === 0 || names.length < said.length) return undefined;
  return names.length === 1 ? names.join() : `(${names.join(" OR ")})`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

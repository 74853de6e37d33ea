/**
 * A bill of materials in CycloneDX 1.6, JSON, written from the lockfile: of an artefact, every package that it takes, with
 * digest, licence and who needs whom.
 *
 * The same lockfile gives the same bytes: there is no serial number by chance and no time in it. A package that is in several
 * folders in one version is one component.
 */
import { isAllowed } from "#release/licence.ts";
import type { LicencePolicy } from "#release/licence-policy.ts";
import { licenceOf } from "#release/licences.ts";
import { type LockedPackage, type Lockfile, resolve, sha512Of } from "#release/lockfile.ts";

export interface SbomOptions {
  readonly lockfile: Lockfile;
  /** The name of the artefact's file. */
  readonly artefact: string;
  /** In hex. */
  readonly sha256: string;
  readonly kind: "application" | "library";
  readonly licence: string;
  /** What the artefact asks for by name: nothing else of the lockfile is in its bill, but what that leads to. */
  readonly needs: readonly string[];
  readonly policy: LicencePolicy;
}

/** The whole file. */
export function writeSbom(options: SbomOptions): string {
  const { lockfile, artefact, sha256, kind, licence, needs, policy } = options;
  const { name, version } = lockfile;
  const root = `pkg:generic/${name}@${version}?file=${encodeURIComponent(artefact)}`;
  const groups = reachedBy(lockfile, needs);
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      tools: { components: [{ type: "application", name: "cepa release", version }] },
      component: {
        type: kind,
        "bom-ref": root,
        name,
        version,
        hashes: [{ alg: "SHA-256", content: sha256 }],
        licenses: licensesOf(licence, "declared"),
        purl: root,
      },
    },
    components: [...groups].map(([purl, packages]) => componentOf(purl, packages, policy)),
    dependencies: [
      { ref: root, dependsOn: refsOf(lockfile, "", needs) },
      ...[...groups].map(([purl, packages]) => ({
        ref: purl,
        dependsOn: [...new Set(packages.flatMap(({ path, needs }) => refsOf(lockfile, path, needs)))].sort(),
      })),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The name of a package among all packages of the world: `pkg:npm/%40scope/name@1.2.3`. */
export function purlOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `pkg:npm/${name.split("/").map(encodeURIComponent).join("/")}@${version}`;
}

/** What `needs` leads to, by package, in order. */
export function reachedBy(
  { packages }: Lockfile,
  needs: readonly string[],
): ReadonlyMap<string, readonly LockedPackage[]> {
  const byPath = new Map(packages.map((locked) => [locked.path, locked]));
  const reached = new Set<LockedPackage>();
  const follow = (path: string, names: readonly string[]): void => {
    for (const name of names) {
      const found = resolve(byPath, path, name);
      if (found !== undefined) reached.add(found);
    }
  };
  follow("", needs);
  // A set that grows while it is walked: every package once.
  for (const locked of reached) follow(locked.path, locked.needs);
  const sorted = [...reached].sort((one, other) => (purlOf(one) < purlOf(other) ? -1 : 1));
  return Map.groupBy(sorted, purlOf);
}

function refsOf({ packages }: Lockfile, path: string, names: readonly string[]): readonly string[] {
  const byPath = new Map(packages.map((locked) => [locked.path, locked]));
  const found = names.flatMap((name) => resolve(byPath, path, name) ?? []);
  return [...new Set(found.map(purlOf))].sort();
}

function componentOf(purl: string, packages: readonly LockedPackage[], policy: LicencePolicy): object {
  const [first] = packages;
  const { name = "", version = "" } = first ?? {};
  const [scope, bare] = name.startsWith("@") ? name.split("/", 2) : [undefined, name];
  const sha512 = packages.map(sha512Of).find((digest) => digest !== undefined);
  const said = first?.licence;
  const counts = first === undefined ? undefined : licenceOf(first, policy);
  return {
    type: "library",
    "bom-ref": purl,
    ...(scope === undefined ? {} : { group: scope }),
    name: bare,
    version,
    scope: scopeOf(packages),
    ...(sha512 === undefined ? {} : { hashes: [{ alg: "SHA-512", content: sha512 }] }),
    ...(counts === undefined ? {} : { licenses: licensesOf(counts, counts === said ? "declared" : "concluded") }),
    purl,
  };
}

/** `excluded` is CycloneDX's word for what is there to build and test alone. */
function scopeOf(packages: readonly LockedPackage[]): "required" | "optional" | "excluded" {
  if (packages.some(({ isDev, isOptional }) => !isDev && !isOptional)) return "required";
  return packages.some(({ isDev }) => !isDev) ? "optional" : "excluded";
}

/** One name is a licence, more are an expression: the schema wants them in different places. */
function licensesOf(licence: string, acknowledgement: "declared" | "concluded"): readonly object[] {
  const isOne = isAllowed(licence, new Set([licence]));
  if (isOne.ok && isOne.value && !licence.includes(" ")) return [{ license: { id: licence, acknowledgement } }];
  return [{ expression: licence, acknowledgement }];
}

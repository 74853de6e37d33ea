/** A bill of materials against the lockfile that it is about: what is missing in it, what is too much, what is said wrongly. */

import type { Licensed } from "#release/licences.ts";
import { isRecord, malformed, type ReleaseMalformed, readObject } from "#release/malformed.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Of a bill of materials that is read. Ours has 150 KiB. */
export const SBOM_BYTES_MAX: number = 16 * MiB;

export interface Component {
  readonly purl: string;
  readonly sha512: string | undefined;
  readonly licensed: Licensed;
}

export interface Sbom {
  /** Of the artefact that it is about, in hex. */
  readonly sha256: string | undefined;
  readonly components: readonly Component[];
}

export function readSbom(text: string): Result<Sbom, ReleaseMalformed> {
  if (text.length > SBOM_BYTES_MAX) return malformed("sbom", `it is larger than ${SBOM_BYTES_MAX} bytes`);
  const value = readObject(text);
  if (value === undefined) return malformed("sbom", "it is no JSON object");
  const { bomFormat, specVersion, metadata, components } = value;
  if (bomFormat !== "CycloneDX" || specVersion !== "1.6") return malformed("sbom", "it is not CycloneDX 1.6");
  const subject = isRecord(metadata) ? metadata["component"] : undefined;
  if (!isRecord(subject) || !Array.isArray(components)) return malformed("sbom", "it is about nothing");
  const read = components.map(readComponent);
  if (!read.every((component) => component !== undefined)) return malformed("sbom", "a component has no purl");
  return ok({ sha256: digestIn(subject, "SHA-256"), components: read });
}

/**
 * One line for each difference of `text` from `expected`, which was written from the lockfile. A bill that lists the same is
 * compared to the last byte: there is one way to write it.
 */
export function sbomProblems(text: string, expected: string): readonly string[] {
  if (text === expected) return [];
  const [read, wanted] = [readSbom(text), readSbom(expected)];
  if (!read.ok) return [`the bill of materials cannot be read: ${read.failure.cause}`];
  if (!wanted.ok) return [`no bill of materials can be written: ${wanted.failure.cause}`];
  const had = new Map(read.value.components.map((component) => [component.purl, component]));
  const should = new Map(wanted.value.components.map((component) => [component.purl, component]));
  const problems = [
    ...(read.value.sha256 === wanted.value.sha256 ? [] : ["it is about an artefact of another digest"]),
    ...(had.size === read.value.components.length ? [] : ["it lists a package twice"]),
    ...[...should.keys()].filter((purl) => !had.has(purl)).map((purl) => `it lacks ${purl}`),
    ...[...had.keys()]
      .filter((purl) => !should.has(purl))
      .map((purl) => `it has ${purl}, which is not in the lockfile`),
    ...[...should.values()].flatMap(({ purl, sha512, licensed }) => {
      const found = had.get(purl);
      if (found === undefined) return [];
      if (found.sha512 !== sha512) return [`it has ${purl} with another digest`];
      return found.licensed.licence === licensed.licence ? [] : [`it has ${purl} with another licence`];
    }),
  ];
  return problems.length > 0 ? problems : ["it says something else than the lockfile"];
}

function readComponent(component: unknown): Component | undefined {
  if (!isRecord(component)) return undefined;
  const { purl, group, name, version } = component;
  if (typeof purl !== "string" || typeof name !== "string" || typeof version !== "string") return undefined;
  const full = typeof group === "string" ? `${group}/${name}` : name;
  const licensed = { name: full, version, licence: licenceIn(component) };
  return { purl, sha512: digestIn(component, "SHA-512"), licensed };
}

function digestIn({ hashes }: Readonly<Record<string, unknown>>, algorithm: string): string | undefined {
  const found = Array.isArray(hashes) ? hashes.find((hash) => isRecord(hash) && hash["alg"] === algorithm) : undefined;
  return isRecord(found) && typeof found["content"] === "string" ? found["content"] : undefined;
}

/** All of its licences are to be kept to. */
function licenceIn({ licenses }: Readonly<Record<string, unknown>>): string | undefined {
  if (!Array.isArray(licenses) || licenses.length === 0) return undefined;
  const said = licenses.map((choice: unknown) => {
    if (!isRecord(choice)) return undefined;
    const { expression, license } = choice;
    return typeof expression === "string" ? expression : isRecord(license) ? license["id"] : undefined;
  });
  return said.every((one) => typeof one === "string") ? said.join(" AND ") : undefined;
}

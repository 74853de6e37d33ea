/**
 * The files of a release, all of which follow from two of them and a key:
 *
 * - `NAME-VERSION.tgz`, the library, and `NAME-VERSION-source.tar.gz`, the sources, from which a node is run;
 * - `NAME-VERSION.cdx.json` and `NAME-VERSION-source.cdx.json`: a bill of materials for each;
 * - `provenance.intoto.json`: a signed statement on where these four come from;
 * - `SHA256SUMS` of these five, and `SHA256SUMS.minisig`, its signature.
 */
import type { KeyObject } from "node:crypto";
import { sha256Of, writeChecksums } from "#release/checksums.ts";
import { sealEnvelope } from "#release/envelope.ts";
import type { LicencePolicy } from "#release/licence-policy.ts";
import { isRecord, malformed, type ReleaseMalformed, readObject } from "#release/malformed.ts";
import { signMinisign } from "#release/minisign.ts";
import { writeProvenance } from "#release/provenance.ts";
import { writeSbom } from "#release/sbom.ts";
import { fingerprintOf } from "#release/signing-key.ts";
import { type LockedSources, locksIn } from "#release/sources.ts";
import { fileIn, readTarball, type Tarball } from "#release/tarball.ts";
import { ok, type Result } from "#runtime/errors.ts";

export const PROVENANCE = "provenance.intoto.json";
export const CHECKSUMS = "SHA256SUMS";
export const SIGNATURE = "SHA256SUMS.minisig";

/** Bytes by the name of the file. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** What is in the two artefacts. */
export interface Contents {
  readonly name: string;
  readonly version: string;
  /** Of the file of the sources, and of the library. */
  readonly sourceFile: string;
  readonly libraryFile: string;
  readonly source: Tarball;
  readonly library: Tarball;
  readonly locks: readonly [LockedSources, ...LockedSources[]];
}

/** The artefacts are known by their names; other files are not looked at. */
export function readContents(files: Files): Result<Contents, ReleaseMalformed> {
  const [sourceFile, ...more] = [...files.keys()].filter((name) => name.endsWith("-source.tar.gz"));
  if (sourceFile === undefined || more.length > 0) return malformed("tarball", "there is not one tarball of sources");
  const libraryFile = sourceFile.replace(/-source\.tar\.gz$/, ".tgz");
  const [sourceBytes, libraryBytes] = [files.get(sourceFile), files.get(libraryFile)];
  if (sourceBytes === undefined || libraryBytes === undefined) return malformed("tarball", `${libraryFile} is missing`);
  const [source, library] = [readTarball(sourceBytes), readTarball(libraryBytes)];
  if (!source.ok) return malformed("tarball", `${sourceFile}: ${source.failure.cause}`);
  if (!library.ok) return malformed("tarball", `${libraryFile}: ${library.failure.cause}`);
  const locks = locksIn(source.value);
  if (!locks.ok) return locks;
  const { name, version } = locks.value[0].lockfile;
  if (sourceFile !== `${name}-${version}-source.tar.gz`) {
    return malformed("tarball", `${sourceFile} has the sources of ${name} ${version}`);
  }
  return ok({
    name,
    version,
    sourceFile,
    libraryFile,
    source: source.value,
    library: library.value,
    locks: locks.value,
  });
}

/** The bills of materials, by the names of their files. There is one way to write them. */
export function sbomsOf(files: Files, contents: Contents, policy: LicencePolicy): ReadonlyMap<string, string> {
  const { sourceFile, libraryFile, library, locks } = contents;
  const [{ lockfile, manifest }] = locks;
  const licence = String(manifest["license"]);
  const bill = (artefact: string, kind: "application" | "library", needs: readonly string[]): string =>
    writeSbom({
      ...{ lockfile, artefact, kind, needs, licence, policy },
      sha256: sha256Of(files.get(artefact) ?? new Uint8Array()),
    });
  return new Map([
    [libraryFile.replace(/\.tgz$/, ".cdx.json"), bill(libraryFile, "library", neededBy(library))],
    [sourceFile.replace(/\.tar\.gz$/, ".cdx.json"), bill(sourceFile, "application", lockfile.needs)],
  ]);
}

export interface SigningOptions {
  readonly key: KeyObject;
  readonly commit: string;
  readonly command: readonly string[];
  readonly tools: Readonly<Record<string, string>>;
  readonly policy: LicencePolicy;
}

/** All files of the release of two artefacts. The same artefacts, tools and key give the same bytes. */
export function composeRelease(artefacts: Files, options: SigningOptions): Result<Files, ReleaseMalformed> {
  const contents = readContents(artefacts);
  if (!contents.ok) return contents;
  const { key, commit, command, tools, policy } = options;
  const { name, version, locks } = contents.value;
  const files = new Map(artefacts);
  for (const [file, text] of sbomsOf(artefacts, contents.value, policy)) files.set(file, Buffer.from(text));
  const [{ lockfile, text }] = locks;
  const origin = {
    version,
    commit,
    command,
    tools,
    lockfile,
    lockfileSha256: sha256Of(text),
    fingerprint: fingerprintOf(key),
  };
  const statement = writeProvenance(digestsOf(files), origin);
  files.set(PROVENANCE, Buffer.from(sealEnvelope(key, statement)));
  const checksums = Buffer.from(writeChecksums(files));
  files.set(CHECKSUMS, checksums);
  files.set(SIGNATURE, Buffer.from(signMinisign(key, checksums, trustedComment(name, version, commit))));
  return ok(files);
}

/** What the signature of the checksums says beside them. */
export function trustedComment(name: string, version: string, commit: string): string {
  return `${name} ${version} of commit ${commit}`;
}

/** SHA-256 in hex, by name, in order. */
export function digestsOf(files: Files): ReadonlyMap<string, string> {
  const names = [...files.keys()].sort();
  return new Map(names.map((name) => [name, sha256Of(files.get(name) ?? new Uint8Array())]));
}

/** What the library asks for, by its own manifest. */
function neededBy(library: Tarball): readonly string[] {
  const { dependencies } = readObject(Buffer.from(fileIn(library, "package.json") ?? "").toString()) ?? {};
  return isRecord(dependencies) ? Object.keys(dependencies).sort() : [];
}

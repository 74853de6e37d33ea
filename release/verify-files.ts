/**
 * The checks of a release that take its files and a public key alone: no program, no network, no checkout.
 *
 * What cannot be read is told by the check that is about it; the checks that would need it are `not-checked`.
 */
import type { KeyObject } from "node:crypto";
import { readChecksums, sha256Of } from "#release/checksums.ts";
import { openEnvelope } from "#release/envelope.ts";
import type { LicencePolicy } from "#release/licence-policy.ts";
import { licenceProblems } from "#release/licences.ts";
import type { ReleaseMalformed } from "#release/malformed.ts";
import { type SignatureRefused, verifyMinisign } from "#release/minisign.ts";
import { materialsOf, type Provenance, readProvenance } from "#release/provenance.ts";
import {
  CHECKSUMS,
  type Contents,
  digestsOf,
  type Files,
  PROVENANCE,
  readContents,
  SIGNATURE,
  sbomsOf,
  trustedComment,
} from "#release/release.ts";
import { sbomProblems } from "#release/sbom-reader.ts";
import { lockGate } from "#release/sources.ts";
import { failed, type Gate, judged, notChecked } from "#release/verdict.ts";
import { unreachable } from "#runtime/errors.ts";

export interface VerifiedFiles {
  readonly gates: readonly Gate[];
  /** Undefined where the artefacts cannot be read. */
  readonly contents: Contents | undefined;
}

export function verifyFiles(files: Files, key: KeyObject, policy: LicencePolicy): VerifiedFiles {
  const contents = readContents(files);
  const first = [signatureGate(files, key, contents.ok ? contents.value : undefined), checksumGate(files)];
  if (!contents.ok) {
    const why = `the artefacts cannot be read: ${contents.failure.cause}`;
    const gates = [...first, ...["provenance", "sbom", "lockfile", "licences"].map((name) => notChecked(name, why))];
    return { gates, contents: undefined };
  }
  const gates = [
    ...first,
    provenanceGate(files, key, contents.value),
    sbomGate(files, contents.value, policy),
    lockGate(contents.value.locks),
    licenceGate(contents.value, policy),
  ];
  return { gates, contents: contents.value };
}

/** The list of checksums is signed with this key, for this version and commit. */
function signatureGate(files: Files, key: KeyObject, contents: Contents | undefined): Gate {
  const [checksums, signature] = [files.get(CHECKSUMS), files.get(SIGNATURE)];
  if (checksums === undefined || signature === undefined) {
    return failed("signature", `${checksums === undefined ? CHECKSUMS : SIGNATURE} is missing`);
  }
  const comment = verifyMinisign(key, checksums, textOf(signature));
  if (!comment.ok) return failed("signature", explain(SIGNATURE, comment.failure));
  const { name, version, source } = contents ?? {};
  const wanted = trustedComment(name ?? "", version ?? "", source?.comment ?? "");
  if (contents !== undefined && comment.value !== wanted) {
    return failed("signature", `${SIGNATURE} was made for "${comment.value}", and this is ${wanted}`);
  }
  return judged("signature", [], `${SIGNATURE} is the key's signature of ${CHECKSUMS}: ${comment.value}`);
}

/** Every file but the list and its signature is in the list, with its digest, and nothing else is. */
function checksumGate(files: Files): Gate {
  const bytes = files.get(CHECKSUMS);
  if (bytes === undefined) return failed("checksums", `${CHECKSUMS} is missing`);
  const listed = readChecksums(textOf(bytes));
  if (!listed.ok) return failed("checksums", `${CHECKSUMS} cannot be read: ${listed.failure.cause}`);
  const there = digestsOf(signedFiles(files));
  const problems = [
    ...[...listed.value].flatMap(([name, digest]) => {
      const found = there.get(name);
      if (found === undefined) return [`${name} is missing`];
      return found === digest ? [] : [`${name} has other bytes than were signed: its SHA-256 is ${found}`];
    }),
    ...[...there.keys()].filter((name) => !listed.value.has(name)).map((name) => `${name} is not in ${CHECKSUMS}`),
  ];
  return judged("checksums", problems, `${there.size} files have the SHA-256 of ${CHECKSUMS}`);
}

/** The statement is signed with this key, and about these files, this commit and these packages. */
function provenanceGate(files: Files, key: KeyObject, contents: Contents): Gate {
  const envelope = files.get(PROVENANCE);
  if (envelope === undefined) return failed("provenance", `${PROVENANCE} is missing`);
  const text = openEnvelope(key, textOf(envelope));
  if (!text.ok) return failed("provenance", explain(PROVENANCE, text.failure));
  const statement = readProvenance(text.value);
  if (!statement.ok) return failed("provenance", explain(PROVENANCE, statement.failure));
  const { version, commit, subjects, materials } = statement.value;
  const praise = `the statement is signed, about ${subjects.size} files of ${version}, commit ${commit}, and ${materials.size} materials`;
  return judged("provenance", provenanceProblems(files, contents, statement.value), praise);
}

function provenanceProblems(
  files: Files,
  { version, source, locks }: Contents,
  statement: Provenance,
): readonly string[] {
  const [{ lockfile, text }] = locks;
  const about = new Map(signedFiles(files));
  about.delete(PROVENANCE);
  const { comment: commit } = source;
  const materials = new Map([...materialsOf({ lockfile, lockfileSha256: sha256Of(text) }), ["source", commit ?? ""]]);
  return [
    ...(statement.version === version
      ? []
      : [`the statement is about ${statement.version}, the sources are ${version}`]),
    ...(statement.commit === commit
      ? []
      : [`the statement names the commit ${statement.commit}, the sources ${commit}`]),
    ...differences(digestsOf(about), statement.subjects, "the statement says of the file"),
    ...differences(materials, statement.materials, "the statement says of the material"),
  ];
}

/** Both ways. */
function differences(
  wanted: ReadonlyMap<string, string>,
  said: ReadonlyMap<string, string>,
  subject: string,
): readonly string[] {
  return [...new Set([...wanted.keys(), ...said.keys()])].flatMap((name) => {
    const [should, does] = [wanted.get(name), said.get(name)];
    if (should === does) return [];
    if (should === undefined) return [`${subject} ${name}, which is not there`];
    return [`${subject} ${name} ${does === undefined ? "nothing" : "another digest"}`];
  });
}

function sbomGate(files: Files, contents: Contents, policy: LicencePolicy): Gate {
  const wanted = sbomsOf(files, contents, policy);
  const problems = [...wanted].flatMap(([name, expected]) => {
    const bytes = files.get(name);
    if (bytes === undefined) return [`${name} is missing`];
    return sbomProblems(textOf(bytes), expected).map((problem) => `${name}: ${problem}`);
  });
  return judged("sbom", problems, `${[...wanted.keys()].join(" and ")} list what the lockfile has, and nothing else`);
}

function licenceGate({ locks }: Contents, policy: LicencePolicy): Gate {
  const packages = locks.flatMap(({ lockfile }) => lockfile.packages);
  return judged(
    "licences",
    licenceProblems(packages, policy),
    `${packages.length} entries of ${locks.length} lockfiles have licences of the list`,
  );
}

/** What is under the signature: all but the list and the signature of it. */
function signedFiles(files: Files): Files {
  return new Map([...files].filter(([name]) => name !== CHECKSUMS && name !== SIGNATURE));
}

function explain(name: string, failure: ReleaseMalformed | SignatureRefused): string {
  if (failure.code === "release.malformed") return `${name} cannot be read: ${failure.cause}`;
  const { cause } = failure;
  switch (cause) {
    case "another-key":
      return `${name} was signed with another key`;
    case "other-bytes":
      return `${name} is not the key's signature of what is here`;
    case "other-comment":
      return `${name} has another comment than was signed`;
    default:
      return unreachable(cause);
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

/** Verifies a release that somebody received: its files, and what takes the network, or the packages of a checkout. */
import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LicencePolicy } from "#release/licence-policy.ts";
import { audit } from "#release/real/audit.ts";
import { packLibrary } from "#release/real/build.ts";
import { type PlaceRefused, readRelease } from "#release/real/folder.ts";
import { Workspace } from "#release/real/workspace.ts";
import type { Contents, Files } from "#release/release.ts";
import { differenceOf } from "#release/tarball.ts";
import { type Gate, judged, notChecked } from "#release/verdict.ts";
import { verifyFiles } from "#release/verify-files.ts";
import { ok, type Result } from "#runtime/errors.ts";

export interface VerifyOptions {
  readonly directory: string;
  readonly key: KeyObject;
  readonly policy: LicencePolicy;
  /** The checkout that this runs from: its packages build the library again. */
  readonly root: string;
  /** Told what is begun, where that takes seconds. */
  readonly onStep?: ((step: string) => void) | undefined;
}

export interface Verified {
  /** Undefined where the artefacts cannot be read. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly commit: string | undefined;
  readonly gates: readonly Gate[];
}

export async function verifyRelease({
  directory,
  key,
  policy,
  root,
  onStep,
}: VerifyOptions): Promise<Result<Verified, PlaceRefused>> {
  const files = readRelease(directory);
  if (!files.ok) return files;
  const { gates, contents } = verifyFiles(files.value, key, policy);
  const commit = contents?.source.comment;
  onStep?.("asking the registry for advisories");
  const audited = await auditGate(contents);
  onStep?.("building the library of its sources");
  const more = [audited, await rebuiltGate(files.value, contents, gates, root)];
  return ok({ name: contents?.name, version: contents?.version, commit, gates: [...gates, ...more] });
}

async function auditGate(contents: Contents | undefined): Promise<Gate> {
  if (contents === undefined) return notChecked("audit", "the lockfile in the sources cannot be read");
  const [{ manifestText, text }] = contents.locks;
  return await audit(manifestText, text);
}

/** Whether the library is what its sources come to. Their code is run for that, so it must be signed. */
async function rebuiltGate(
  files: Files,
  contents: Contents | undefined,
  gates: readonly Gate[],
  root: string,
): Promise<Gate> {
  const name = "rebuilt";
  const isTrusted = ["signature", "checksums", "provenance"].every((wanted) =>
    gates.some((gate) => gate.name === wanted && gate.verdict === "pass"),
  );
  if (contents === undefined || !isTrusted)
    return notChecked(name, "code that is not known to be the signer's is not run");
  const { sourceFile, libraryFile, locks } = contents;
  if (locks[0].text !== textAt(join(root, "package-lock.json"))) {
    return notChecked(name, "it was made with other packages than this checkout has: verify it from one of its commit");
  }
  using workspace = new Workspace();
  const again = await packLibrary(files.get(sourceFile) ?? new Uint8Array(), root, {
    folder: workspace.directory,
    umask: "022",
    node: process.execPath,
    timeZone: "UTC",
    isNarrow: false,
  });
  if (!again.ok) return notChecked(name, `the library cannot be built here: ${again.failure.cause}`);
  const [made, bytes] = again.value;
  const received = files.get(libraryFile) ?? new Uint8Array();
  const isSame = made === libraryFile && Buffer.compare(bytes, received) === 0;
  const problems = isSame ? [] : [`${libraryFile} is not what its sources come to: ${differenceOf(received, bytes)}`];
  return judged(name, problems, `${libraryFile} is, byte for byte, what the sources beside it come to here`);
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

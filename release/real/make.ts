/**
 * Makes a release of the commit that is checked out: checks it, builds it twice, signs it, writes it and reads it back.
 *
 * Where a check fails there is no release. Where one could not be made there is one, and it is told.
 */
import type { KeyObject } from "node:crypto";
import { createPublicKey } from "node:crypto";
import type { LicencePolicy } from "#release/licence-policy.ts";
import { licenceProblems, staleExceptions } from "#release/licences.ts";
import type { ReleaseMalformed } from "#release/malformed.ts";
import { auditCheckout } from "#release/real/audit.ts";
import type { Unbuilt } from "#release/real/build.ts";
import { buildTwice } from "#release/real/build-twice.ts";
import { isFree, type PlaceRefused, readRelease, writeRelease } from "#release/real/folder.ts";
import { readInstalled } from "#release/real/installed.ts";
import { otherNode, type ProgramFailed, run, versionOf } from "#release/real/programs.ts";
import { type Contents, composeRelease, type Files, readContents } from "#release/release.ts";
import { makeKey, readPrivateKey } from "#release/signing-key.ts";
import { lockGate } from "#release/sources.ts";
import { type Gate, judged } from "#release/verdict.ts";
import { verifyFiles } from "#release/verify-files.ts";
import { must, ok, type Result } from "#runtime/errors.ts";

export interface CheckOptions {
  /** The checkout. */
  readonly root: string;
  readonly policy: LicencePolicy;
  /** Another Node than this one; looked for in `PATH` unless it is said. */
  readonly node?: string | undefined;
  /** Told what is begun, or done, where that takes seconds. */
  readonly onStep?: ((step: string) => void) | undefined;
}

export interface Checked {
  readonly name: string;
  readonly version: string;
  readonly commit: string;
  readonly artefacts: Files;
  readonly gates: readonly Gate[];
}

/** What the provenance says was run. */
const COMMAND = ["cepa", "release", "make"];

export type MakeFailure = Unbuilt | ProgramFailed | PlaceRefused | ReleaseMalformed;

/** All that is looked at before something is signed, but for the audit: it takes no network. */
export async function checkSources({
  root,
  policy,
  node,
  onStep,
}: CheckOptions): Promise<Result<Checked, MakeFailure>> {
  const head = await run("git", ["rev-parse", "--verify", "HEAD"], { cwd: root });
  if (!head.ok) return head;
  const commit = head.value.toString().trim();
  const status = await run("git", ["status", "--porcelain"], { cwd: root });
  if (!status.ok) return status;
  onStep?.(`building the commit ${commit.slice(0, 12)} twice`);
  const built = await buildTwice(root, commit, node ?? (await otherNode()), onStep);
  if (!built.ok) return built;
  const { files } = built.value.artefacts;
  const contents = readContents(files);
  if (!contents.ok) return contents;
  const { name, version, locks } = contents.value;
  onStep?.("looking at the packages and their licences");
  const gates = [
    committedGate(status.value.toString(), commit),
    built.value.gate,
    lockGate(locks),
    ...packageGates(root, contents.value, policy),
  ];
  return ok({ name, version, commit, artefacts: files, gates });
}

/** The rest of a release, made of what was built and verified in memory, under a key that is forgotten: what `make` would do. */
export async function rehearse(
  { commit, artefacts, gates }: Checked,
  policy: LicencePolicy,
): Promise<Result<readonly Gate[], ReleaseMalformed>> {
  const key = must(readPrivateKey(makeKey().privateKey), "a key that was just made can be read");
  const composed = composeRelease(artefacts, { key, commit, command: COMMAND, tools: await toolsHere(), policy });
  if (!composed.ok) return composed;
  return ok(furtherGates(gates, composed.value, key, policy));
}

export interface MakeOptions extends CheckOptions {
  readonly out: string;
  readonly key: KeyObject;
}

/** The release is in `out` unless a gate has failed. */
export async function makeRelease(options: MakeOptions): Promise<Result<Checked, MakeFailure>> {
  const { root, out, key, policy, onStep } = options;
  const free = isFree(out);
  if (!free.ok) return free;
  const checked = await checkSources(options);
  if (!checked.ok) return checked;
  const { commit, artefacts } = checked.value;
  onStep?.("asking the registry for advisories");
  const gates = [...checked.value.gates, await auditCheckout(root)];
  if (gates.some(({ verdict }) => verdict === "fail")) return ok({ ...checked.value, gates });
  onStep?.(`signing, writing to ${out} and reading back`);
  const composed = composeRelease(artefacts, { key, commit, command: COMMAND, tools: await toolsHere(), policy });
  if (!composed.ok) return composed;
  const written = writeRelease(out, composed.value);
  if (!written.ok) return written;
  const again = readRelease(out);
  if (!again.ok) return again;
  return ok({ ...checked.value, gates: [...gates, ...furtherGates(gates, again.value, key, policy)] });
}

/** What a receiver will look at, and has not been looked at yet. */
function furtherGates(gates: readonly Gate[], files: Files, key: KeyObject, policy: LicencePolicy): readonly Gate[] {
  const known = new Set(gates.map(({ name }) => name));
  return verifyFiles(files, createPublicKey(key), policy).gates.filter(({ name }) => !known.has(name));
}

/** A release names its commit, so nothing else may have had a hand in it. */
function committedGate(status: string, commit: string): Gate {
  const changed = status.split("\n").filter((line) => line !== "");
  const problems = changed.map((line) => `${line.slice(3)} is not committed, and a release is made of a commit`);
  return judged("committed", problems, `the checkout is the commit ${commit}`);
}

/** What is installed, and under which licences; of what is not installed here counts what the lockfile says. */
function packageGates(root: string, { locks }: Contents, policy: LicencePolicy): readonly Gate[] {
  const [{ lockfile }, ...others] = locks;
  const { packages, problems } = readInstalled(root, lockfile);
  const idOf = ({ name, version }: { readonly name: string; readonly version: string }) => `${name}@${version}`;
  const installed = new Set(packages.map(idOf));
  const elsewhere = [
    ...lockfile.packages.filter((locked) => !installed.has(idOf(locked))),
    ...others.flatMap((lock) => lock.lockfile.packages),
  ];
  const all = [...packages, ...elsewhere];
  return [
    judged("installed", problems, `${packages.length} packages are installed as the lockfile has them`),
    judged(
      "licences",
      [...licenceProblems(all, policy), ...staleExceptions(all, policy)],
      `${packages.length} installed packages have licences of the list, by their own word, and ${elsewhere.length} others by that of a lockfile`,
    ),
  ];
}

async function toolsHere(): Promise<Readonly<Record<string, string>>> {
  const [npm, git] = await Promise.all([versionOf("npm"), versionOf("git")]);
  return { node: process.versions.node, npm: npm ?? "unknown", git: git ?? "unknown" };
}

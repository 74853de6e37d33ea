/**
 * Whether known vulnerabilities are in the packages: a question to the registry, by `npm audit`.
 *
 * That command says "found 0 vulnerabilities" and ends with 0 where nobody answered it with advisories (`--offline`, a mirror
 * without them). So the same registry is asked first about a package that is known to be vulnerable. Where nothing comes of
 * that, or nothing that can be read, the packages are not checked.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord, readObject } from "#release/malformed.ts";
import { run, told } from "#release/real/programs.ts";
import { Workspace } from "#release/real/workspace.ts";
import { failed, type Gate, notChecked, pass } from "#release/verdict.ts";
import { minute } from "#runtime/units.ts";

/** The registry has so long for an answer. */
export const AUDIT_MS_MAX: number = 2 * minute;

const GATE = "audit";
/** Critical since 2020 (CVE-2020-7598), and mended in the version after it: who has advisories has this one. */
const CANARY = { name: "minimist", version: "0.0.8" } as const;

/** `manifest` and `lockfile` are the two files that npm reads. */
export async function audit(manifest: string, lockfile: string): Promise<Gate> {
  const { name, version } = CANARY;
  const dependencies = { [name]: version };
  const root = { name: "canary", version: "1.0.0", dependencies };
  const canary = await vulnerableIn(
    JSON.stringify(root),
    JSON.stringify({
      ...{ name: "canary", version: "1.0.0", lockfileVersion: 3, requires: true },
      packages: { "": root, [`node_modules/${name}`]: { version } },
    }),
  );
  if (typeof canary === "string") return notChecked(GATE, `the registry does not answer: ${canary}`);
  if (!canary.includes(name)) {
    return notChecked(
      GATE,
      `the registry has no advisories: it finds nothing in ${name} ${version}, which is vulnerable`,
    );
  }
  const found = await vulnerableIn(manifest, lockfile);
  if (typeof found === "string") return notChecked(GATE, `the registry does not answer: ${found}`);
  if (found.length > 0) return failed(GATE, `advisories are about ${found.join(", ")}: npm audit has them`);
  return pass(
    GATE,
    `no advisory of the registry is about a package of the lockfile; it has one about ${name} ${version}`,
  );
}

/** The same of the two files in a checkout. */
export async function auditCheckout(root: string): Promise<Gate> {
  let files: readonly [manifest: string, lockfile: string];
  try {
    files = [readFileSync(join(root, "package.json"), "utf8"), readFileSync(join(root, "package-lock.json"), "utf8")];
  } catch (error) {
    return notChecked(GATE, error instanceof Error ? error.message : String(error));
  }
  return await audit(...files);
}

/** Names of packages, or why that is not known. */
async function vulnerableIn(manifest: string, lockfile: string): Promise<readonly string[] | string> {
  using workspace = new Workspace();
  writeFileSync(join(workspace.directory, "package.json"), manifest);
  writeFileSync(join(workspace.directory, "package-lock.json"), lockfile);
  const options = ["--json", "--package-lock-only", "--audit-level=info", "--fetch-retries=0"];
  const answer = await run("npm", ["audit", ...options], {
    cwd: workspace.directory,
    timeoutMs: AUDIT_MS_MAX,
    answers: [0, 1],
  });
  if (!answer.ok) return told(answer.failure);
  const { vulnerabilities, message, error } = readObject(answer.value.toString()) ?? {};
  if (isRecord(vulnerabilities)) return Object.keys(vulnerabilities).sort();
  const summary = isRecord(error) ? error["summary"] : undefined;
  return String(message ?? summary ?? "npm audit says nothing that can be read")
    .split("\n", 1)
    .join();
}

/**
 * A bug that is another text in a source file: the command runs itself again in a process that reads the sources with it, and so
 * does every process that comes of that one, the node's own among them. The sources on disk stay as they are.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface Patch {
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
}

/** How the hook is told, and how a process knows that it has been. */
const VARIABLE = "CEPA_PLANT";
const TOLD = "CEPA_PLANT_TOLD";
const HOOK = pathToFileURL(join(import.meta.dirname, "..", "..", "test", "kit", "plant-hook.ts")).href;

/** Whether this process reads its sources with the patch. */
export function isPatched(patch: Patch): boolean {
  return process.env[VARIABLE] === JSON.stringify(patch);
}

/** This command, with the patch. Gives its exit code. */
export function runAgainPatched(patch: Patch): number {
  const { status } = spawnSync(process.execPath, process.argv.slice(1), { stdio: "inherit", env: patchedEnv(patch) });
  return status ?? 1;
}

/** Of processes that read their sources with the patch. The first of them that has read the file makes the file `told`. */
export function patchedEnv(patch: Patch, told: string = ""): NodeJS.ProcessEnv {
  const { NODE_OPTIONS = "", ...others } = process.env;
  const options = `${NODE_OPTIONS} --import=${HOOK}`.trim();
  return { ...others, NODE_OPTIONS: options, [VARIABLE]: JSON.stringify(patch), [TOLD]: told };
}

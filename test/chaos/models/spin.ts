/**
 * Runs spin on a Promela model: the checker that it writes is compiled, and asked for one claim, or for the assertions alone.
 *
 * A search that was cut off says nothing: neither one that was as deep as it may be, nor one whose last lines are missing.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Steps of a search. */
const DEPTH_MAX = 100_000;
/** Of any of the three programs. */
const RUN_MS_MAX = 60_000;

export interface SpinSearch {
  /** Names that the model is compiled with. */
  readonly defines: readonly string[];
  /** Of the model's `ltl`, under weak fairness; undefined: its assertions in every reachable state. */
  readonly claim: string | undefined;
}

export interface SpinFound {
  /** Whether everything held. */
  readonly holds: boolean;
  readonly statesStored: number;
  readonly output: string;
}

/** Reads `path`; the checker is made in `directory`, which is the caller's. */
export async function searchBySpin(
  path: string,
  directory: string,
  { defines, claim }: SpinSearch,
): Promise<SpinFound> {
  const options = { cwd: directory, timeout: RUN_MS_MAX, killSignal: "SIGKILL" } as const;
  await run("spin", ["-a", ...defines.map((name) => `-D${name}`), path], options);
  await run("cc", ["-O0", "-w", "-o", "pan", "pan.c"], options);
  const asked = claim === undefined ? ["-noclaim"] : ["-a", "-f", "-N", claim];
  const { stdout: output } = await run(join(directory, "pan"), [`-m${DEPTH_MAX}`, "-w18", ...asked], options);

  const errors = output.match(/depth reached (\d+), errors: (\d+)/);
  const stored = output.match(/(\d+) states, stored/);
  assert(errors !== null && stored !== null, `spin comes to an end:\n${output}`);
  const isCutOff = /max search depth too small|out of memory/.test(output) || Number(errors[1]) >= DEPTH_MAX;
  assert(!isCutOff, `spin searches to the end:\n${output}`);
  if (claim !== undefined) assert(output.includes(`(${claim})`), `spin is asked for ${claim}:\n${output}`);
  return { holds: errors[2] === "0", statesStored: Number(stored[1]), output };
}

/**
 * Proves that a check is worth having: it is run over sources with a bug planted in them, and must say so.
 *
 * A plant is a text in one source file and what stands there instead. It is applied in memory, in a process of its own,
 * and counts as caught only when the check it names fails with the words it names: a crash for another reason, a plant
 * that fits nowhere and a check that never loads the file are not the same thing.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";

/** Longest run of a check over planted sources, ms. A bug may well make it go on for ever. */
const PLANTED_RUN_MS_MAX = 60_000;

/** What a check with random runs or histories reads: so many at most, up to the first that says it. What else is set for longer runs does not count here. */
const SETTING = { CEPA_RUNS: "3000", CEPA_HISTORIES: "40", CEPA_SEED: "1", CEPA_SHRINK: "no" };

export interface Plant {
  /** What is wrong, as a sentence about the runtime. */
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
  /** The check that catches it: a test file, and the name of one test in it. */
  readonly check: { readonly file: string; readonly test: string };
  /** What that test then says. A pattern where it depends on what it meets first. */
  readonly says: string | RegExp;
}

export interface PlantedRun {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Fails unless the check catches the plant. */
export async function expectCaught(plant: Plant): Promise<void> {
  const { exitCode, output } = await runPlanted(plant);

  assert(!output.includes("the plant does not fit"), `${plant.name}: ${output}`);
  assert(output.includes(`planted: ${plant.file}`), `${plant.check.file} does not load ${plant.file}:\n${output}`);
  assert.notEqual(exitCode, null, `the check over "${plant.name}" did not end:\n${output}`);
  assert.notEqual(exitCode, 0, `"${plant.check.test}" does not notice: ${plant.name}`);
  const failed = output.split("\n").some((line) => /^ *not ok /.test(line) && line.endsWith(plant.check.test));
  assert(failed, `it is not "${plant.check.test}" that fails:\n${output}`);
  const { says } = plant;
  const isSaid = typeof says === "string" ? output.includes(says) : says.test(output);
  assert(isSaid, `"${says}" is not what it says:\n${output}`);
}

/**
 * Runs the named test of the check over the planted sources: as many runs as it takes, from one seed, so that what it
 * says is always the same, and nothing is shrunk.
 */
export function runPlanted({ file, from, to, check }: Omit<Plant, "name" | "says">): Promise<PlantedRun> {
  const root = join(import.meta.dirname, "..", "..");
  const pattern = `${check.test.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
  const options = ["--import", join(root, "test/kit/plant-hook.ts"), "--test-reporter=tap"];
  const isOfTests = (name: string): boolean => name.startsWith("CEPA_") || name === "NODE_TEST_CONTEXT";
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOfTests(name)));
  const child = spawn(process.execPath, [...options, `--test-name-pattern=${pattern}`, join(root, check.file)], {
    cwd: root,
    env: { ...env, CEPA_PLANT: JSON.stringify({ file, from, to }), ...SETTING },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PLANTED_RUN_MS_MAX,
    killSignal: "SIGKILL",
  });
  let output = "";
  const collect = (bytes: Buffer): void => {
    output += bytes.toString();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  return new Promise((resolve) => child.on("close", (exitCode) => resolve({ exitCode, output })));
}

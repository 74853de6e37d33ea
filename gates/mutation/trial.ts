/** Tries one mutant: tests that run it, one after another, until one notices. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { loadedText } from "#gates/javascript.ts";
import { type Mutant, planted } from "#gates/mutation/mutants.ts";
import type { Reaching } from "#gates/mutation/reach.ts";
import type { Fate } from "#gates/mutation/results.ts";
import type { TestRunner } from "#gates/mutation/test-run.ts";
import { second } from "#runtime/units.ts";

/** So many tests are asked; what none of them notices has survived, whatever others would say. */
const TESTS_MAX = 8;
/** A test over a mutant may take so many times as long as without it, and so long more: other programs use the machine, too. */
const LATE_TIMES = 5;
export const LATE_MS: number = 10 * second;

export interface Trial {
  readonly root: string;
  readonly path: string;
  /** Of the source, without types. */
  readonly text: string;
  readonly mutant: Mutant;
  readonly tests: readonly Reaching[];
  /** Where the mutant is written for the hook to read; of this trial alone. */
  readonly file: string;
  readonly lateMs: number;
}

/** Undefined: it was ended before it was known. */
export async function tryMutant(runner: TestRunner, trial: Trial): Promise<Fate | undefined> {
  const { root, path, text, mutant, tests, file, lateMs } = trial;
  if (tests.length === 0) return "u";
  const url = pathToFileURL(join(root, path)).href;
  writeFileSync(file, JSON.stringify({ url, text: loadedText(planted(text, mutant), url) }));
  for (const { test, durationMs } of tests.slice(0, TESTS_MAX)) {
    const verdict = await runner.run({ test, timeoutMs: LATE_TIMES * durationMs + lateMs, mutant: file });
    if (verdict === "ended") return undefined;
    if (verdict !== "passed") return verdict === "late" ? "t" : "k";
  }
  return "s";
}

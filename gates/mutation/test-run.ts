/**
 * One run of one test file in a process of its own, ended at its first failure or when it takes too long.
 *
 * Seeds are always the same and nothing is shrunk, so that a run over a mutant differs from the run without it in the mutant
 * alone. Children that a test starts are of its process group, and end with it.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";

export interface TestRun {
  /** From the root. */
  readonly test: string;
  readonly timeoutMs: number;
  /** Path of what `hook.ts` reads. Undefined: the sources as they are. */
  readonly mutant?: string;
  /** Where what it runs is written. */
  readonly coverage?: string;
}

/** `ended`: nobody waits for it any more, and it says nothing. */
export type RunVerdict = "passed" | "failed" | "late" | "ended";

const HOOK = join(import.meta.dirname, "hook.ts");

export class TestRunner {
  readonly #root: string;
  readonly #compileCache: string;
  readonly #stops = new Set<(because: RunVerdict) => void>();
  #isEnded = false;

  constructor(root: string, compileCache: string) {
    this.#root = root;
    this.#compileCache = compileCache;
  }

  async run({ test, timeoutMs, mutant, coverage }: TestRun): Promise<RunVerdict> {
    if (this.#isEnded) return "ended";
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    const env = {
      ...inherited,
      ...{ CEPA_SEED: "1", CEPA_SHRINK: "no", CEPA_PROVISION: "never" },
      ...(mutant === undefined ? {} : { CEPA_MUTANT: mutant, NODE_OPTIONS: `--import=${HOOK}` }),
      // Of what comes from a cache not every block is counted.
      ...(coverage === undefined
        ? { NODE_COMPILE_CACHE: this.#compileCache }
        : { NODE_COMPILE_CACHE: "", NODE_V8_COVERAGE: coverage }),
    };
    const options = ["--no-concurrent-sparkplug", "--test-reporter=tap", join(this.#root, test)];
    const child = spawn(process.execPath, options, {
      cwd: this.#root,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const group = child.pid;
    return await new Promise((resolve) => {
      let verdict: RunVerdict | undefined;
      const stop = (because: RunVerdict): void => {
        verdict ??= because;
        if (group !== undefined) endGroup(group);
      };
      this.#stops.add(stop);
      const timer = setTimeout(() => stop("late"), timeoutMs);
      let line = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const lines = (line + text).split("\n");
        line = lines.pop() ?? "";
        if (lines.some((said) => /^\s*not ok /.test(said))) stop("failed");
      });
      child.on("close", (code) => {
        clearTimeout(timer);
        this.#stops.delete(stop);
        if (group !== undefined) endGroup(group);
        resolve(verdict ?? (code === 0 ? "passed" : "failed"));
      });
    });
  }

  /** For who is interrupted, or has no more time: what runs is ended, and nothing is begun any more. */
  endAll(): void {
    this.#isEnded = true;
    for (const stop of this.#stops) stop("ended");
  }
}

/** It may be gone already. */
function endGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    return;
  }
}

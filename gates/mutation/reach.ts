/**
 * Which tests run which mutant, and how long each takes when nothing is wrong.
 *
 * Every test file runs once by itself, and V8 counts. What it ran is kept, with a digest of all sources that it loaded: it runs
 * again when one of them has changed. A test that fails or takes longer than `TEST_MS_MAX` is left out, and told.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CountedScript, Counts } from "#gates/coverage/counts.ts";
import type { MutatedSource } from "#gates/mutation/mutants.ts";
import type { TestRunner } from "#gates/mutation/test-run.ts";
import { minute, second } from "#runtime/units.ts";

/** Longest run of a test file that mutants are tried with. */
const TEST_MS_MAX = 60 * second;
/** One that takes longer than this has no end. */
const RUN_MS_MAX = 5 * minute;

export interface Reaching {
  readonly test: string;
  readonly durationMs: number;
}

/** As it is kept. */
interface KnownTest {
  readonly digest: string;
  /** Sources and tests that it loaded, from the root. */
  readonly loaded: readonly string[];
  readonly durationMs: number;
  /** Undefined: it cannot be used, because it failed or is too long. */
  readonly reached?: Readonly<Record<string, readonly number[]>>;
}

export interface ReachOptions {
  readonly root: string;
  readonly sources: ReadonlyMap<string, MutatedSource>;
  readonly runner: TestRunner;
  /** Where what is known is kept, and where processes write. */
  readonly folder: string;
}

export class Reach {
  readonly #options: ReachOptions;
  readonly #path: string;
  readonly #known: Map<string, KnownTest>;
  readonly #tests = new Map<string, Reaching[]>();

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#path = join(options.folder, "tests.json");
    mkdirSync(options.folder, { recursive: true });
    const kept = existsSync(this.#path) ? (JSON.parse(readFileSync(this.#path, "utf8")) as object) : {};
    this.#known = new Map(Object.entries(kept));
  }

  /** Looks at one test; false for one that cannot be used. */
  async look(test: string): Promise<boolean> {
    const before = this.#known.get(test);
    const isFresh = before !== undefined && before.digest === this.#digestOf(before.loaded);
    const known = isFresh ? before : await this.#measure(test);
    this.#known.set(test, known);
    const { durationMs, reached } = known;
    for (const [source, indices] of Object.entries(reached ?? {})) {
      for (const index of indices) {
        const tests = this.#tests.get(`${source} ${index}`) ?? [];
        this.#tests.set(`${source} ${index}`, tests);
        tests.push({ test, durationMs });
      }
    }
    return reached !== undefined;
  }

  /** Those that run a mutant: those of its module first, then the quickest. */
  testsOf(source: string, index: number): readonly Reaching[] {
    const own = `test/${source.replace(/\.ts$/, "")}`;
    const rank = ({ test, durationMs }: Reaching): number => {
      if (test.startsWith(`${own}.`)) return durationMs - 2 * TEST_MS_MAX;
      return dirname(test) === dirname(own) ? durationMs - TEST_MS_MAX : durationMs;
    };
    return (this.#tests.get(`${source} ${index}`) ?? []).toSorted((a, b) => rank(a) - rank(b));
  }

  save(): void {
    writeFileSync(this.#path, JSON.stringify(Object.fromEntries(this.#known)));
  }

  async #measure(test: string): Promise<KnownTest> {
    const { runner, folder } = this.#options;
    const coverage = mkdtempSync(join(folder, "v8-"));
    const beganMs = performance.now();
    const verdict = await runner.run({ test, timeoutMs: RUN_MS_MAX, coverage });
    const durationMs = Math.round(performance.now() - beganMs);
    const scripts = scriptsIn(coverage, this.#options.root);
    rmSync(coverage, { recursive: true });
    const loaded = [...new Set([test, ...scripts.map(({ path }) => path)])].sort();
    const known = { digest: this.#digestOf(loaded), loaded, durationMs };
    if (verdict !== "passed" || durationMs > TEST_MS_MAX) return known;
    return { ...known, reached: this.#reachedBy(scripts.filter(({ path }) => this.#options.sources.has(path))) };
  }

  #reachedBy(scripts: readonly LoadedScript[]): Readonly<Record<string, readonly number[]>> {
    const reached: Record<string, readonly number[]> = {};
    for (const [path, same] of Map.groupBy(scripts, (script) => script.path)) {
      const source = this.#options.sources.get(path);
      if (source === undefined) continue;
      const { text, mutants } = source;
      const counts = new Counts({ text, lines: mutants, branches: [] });
      for (const { script } of same) counts.add(script);
      const indices = mutants.flatMap(({ at }, index) => (counts.at(at) > 0 ? [index] : []));
      if (indices.length > 0) reached[path] = indices;
    }
    return reached;
  }

  #digestOf(paths: readonly string[]): string {
    const hash = createHash("sha256");
    for (const path of paths) {
      const file = join(this.#options.root, path);
      hash.update(path).update(existsSync(file) ? readFileSync(file) : "gone");
    }
    return hash.digest("hex").slice(0, 16);
  }
}

interface LoadedScript {
  readonly path: string;
  readonly script: CountedScript;
}

/** Of the processes of one run, the scripts of this checkout. */
function scriptsIn(folder: string, root: string): readonly LoadedScript[] {
  const base = `${pathToFileURL(root)}/`;
  return readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), "utf8")) as {
      readonly result: readonly CountedScript[];
    };
    return result
      .filter(({ url }) => url.startsWith(base) && url.endsWith(".ts") && !url.includes("/node_modules/"))
      .map((script) => ({ path: script.url.slice(base.length), script }));
  });
}

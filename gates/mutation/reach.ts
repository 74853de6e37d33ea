/**
 * Which tests run which mutant, and how long each takes when nothing is wrong.
 *
 * Every test file runs once by itself, and V8 counts. What it ran is kept at once, in a file of its own, with a digest of the
 * test and of all sources that it loaded: it runs again when one of them has changed, and whoever was interrupted goes on. A test
 * that fails or takes longer than `TEST_MS_MAX` is left out, and told.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CountedScript, Counts } from "#gates/coverage/counts.ts";
import { removeAbandoned } from "#gates/coverage/coverage.ts";
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

/** `ended`: the runner was, before it was seen. */
export type Seen = "usable" | "unusable" | "ended";

export class Reach {
  readonly #options: ReachOptions;
  readonly #folder: string;
  readonly #digests = new Map<string, string>();
  readonly #tests = new Map<string, Reaching[]>();

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#folder = join(options.folder, "tests");
    mkdirSync(this.#folder, { recursive: true });
    removeAbandoned(options.folder);
  }

  /** Looks at one test, if nobody did since it or something that it loads was changed. */
  async look(test: string): Promise<Seen> {
    const known = this.#freshOf(test) ?? (await this.#measure(test));
    if (known === undefined) return "ended";
    const { durationMs, reached } = known;
    for (const [source, indices] of Object.entries(reached ?? {})) {
      for (const index of indices) {
        const tests = this.#tests.get(`${source} ${index}`) ?? [];
        this.#tests.set(`${source} ${index}`, tests);
        tests.push({ test, durationMs });
      }
    }
    return reached === undefined ? "unusable" : "usable";
  }

  /** Whether it need not run to be looked at. */
  isKnown(test: string): boolean {
    return this.#freshOf(test) !== undefined;
  }

  /** Whether it was seen to load one of them, when it was last looked at. */
  hasLoaded(test: string, sources: ReadonlySet<string>): boolean {
    return this.#keptOf(test)?.loaded.some((path) => sources.has(path)) ?? false;
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

  #freshOf(test: string): KnownTest | undefined {
    const kept = this.#keptOf(test);
    return kept !== undefined && kept.digest === this.#digestOf(kept.loaded) ? kept : undefined;
  }

  #keptOf(test: string): KnownTest | undefined {
    const path = this.#pathOf(test);
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as KnownTest) : undefined;
  }

  #pathOf(test: string): string {
    return join(this.#folder, `${test.replaceAll("/", ".")}.json`);
  }

  async #measure(test: string): Promise<KnownTest | undefined> {
    const { runner, folder, root, sources } = this.#options;
    const coverage = mkdtempSync(join(folder, "v8-"));
    const beganMs = performance.now();
    const verdict = await runner.run({ test, timeoutMs: RUN_MS_MAX, coverage });
    const durationMs = Math.round(performance.now() - beganMs);
    const scripts = verdict === "ended" ? [] : scriptsIn(coverage, root);
    rmSync(coverage, { recursive: true });
    if (verdict === "ended") return undefined;
    const loaded = [...new Set([test, ...scripts.map(({ path }) => path)])].sort();
    const isUsable = verdict === "passed" && durationMs <= TEST_MS_MAX;
    const reached = isUsable ? this.#reachedBy(scripts.filter(({ path }) => sources.has(path))) : undefined;
    const known = { digest: this.#digestOf(loaded), loaded, durationMs, ...(reached === undefined ? {} : { reached }) };
    // Whole or not at all, for whoever is interrupted.
    writeFileSync(`${this.#pathOf(test)}.new`, JSON.stringify(known));
    renameSync(`${this.#pathOf(test)}.new`, this.#pathOf(test));
    return known;
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

  /** Of their texts, and of how many mutants each has: those are known by their numbers. */
  #digestOf(paths: readonly string[]): string {
    const hash = createHash("sha256");
    for (const path of paths) {
      hash.update(`${path} ${this.#options.sources.get(path)?.mutants.length} ${this.#fileDigestOf(path)}\n`);
    }
    return hash.digest("hex").slice(0, 16);
  }

  #fileDigestOf(path: string): string {
    const known = this.#digests.get(path);
    if (known !== undefined) return known;
    const file = join(this.#options.root, path);
    const digest = existsSync(file) ? createHash("sha256").update(readFileSync(file)).digest("hex") : "gone";
    this.#digests.set(path, digest);
    return digest;
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

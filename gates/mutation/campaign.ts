/** Tries mutants one after another, several at once, in the order of a seed, until all were tried or the runner is ended. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EQUIVALENT } from "#gates/mutation/equivalent.ts";
import { type Mutant, type MutatedSource, mutantsOf } from "#gates/mutation/mutants.ts";
import type { Reach } from "#gates/mutation/reach.ts";
import type { Fate, MutationResults } from "#gates/mutation/results.ts";
import { placeOf } from "#gates/mutation/score.ts";
import type { TestRunner } from "#gates/mutation/test-run.ts";
import { tryMutant } from "#gates/mutation/trial.ts";

/** What the score is of: what everything stands on. */
export const MUTATED: readonly string[] = ["runtime", "supervisor"];
/** Simulated seams are the tests' own equipment. */
const LEFT_OUT = /^(runtime|supervisor)\/simulated\//;

/** One place in the order. */
export interface Candidate {
  readonly path: string;
  readonly index: number;
  readonly mutant: Mutant;
}

/** Every source that is mutated, by path from the root. */
export function sourcesIn(root: string): Sources {
  const paths = MUTATED.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root })).filter(
    (path) => !LEFT_OUT.test(path),
  );
  return new Map(
    paths.sort().map((path) => {
      const source = readFileSync(join(root, path), "utf8");
      return [path, { ...mutantsOf(source), source }];
    }),
  );
}

type Sources = ReadonlyMap<string, MutatedSource & { readonly source: string }>;

/** All mutants of these sources that count, in the order of the seed: its beginning is a sample of them. */
export function orderOf(sources: Sources, seed: number): readonly Candidate[] {
  return [...sources]
    .flatMap(([path, { mutants, source }]) => {
      const lines = source.split("\n").map((line) => line.trim());
      const candidates = mutants.map((mutant, index) => ({ path, index, mutant }));
      return candidates.filter(({ mutant }) => !isLeftOut(path, mutant, lines[mutant.line - 1] ?? ""));
    })
    .map((candidate) => ({ candidate, place: placeOf(seed, candidate.path, candidate.index) }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ candidate }) => candidate);
}

/** The number of a limit is held equal to `specs/limits.md` by a test that reads the file, where a hook changes nothing. */
const LIMIT = /^export const [A-Z_]+_(MAX|MIN|MS|BYTES|SECONDS|CAPACITY|CREDIT)(: number)? = /;

function isLeftOut(path: string, { from, to }: Mutant, line: string): boolean {
  if (LIMIT.test(line)) return true;
  return EQUIVALENT.some(
    (known) => known.path === path && known.line === line && known.from === from && known.to === to,
  );
}

export interface CampaignOptions {
  readonly root: string;
  readonly sources: Sources;
  readonly runner: TestRunner;
  readonly reach: Reach;
  readonly results: MutationResults;
  /** A folder for what is planted. */
  readonly folder: string;
  readonly jobs: number;
  readonly lateMs: number;
  tried(candidate: Candidate, fate: Fate): void;
}

/** Tries those of `order` whose fate is not known, until the runner is ended. */
export async function runCampaign(order: readonly Candidate[], options: CampaignOptions): Promise<void> {
  const { results, sources, reach, root, runner, folder, lateMs } = options;
  const open = order.filter(({ path, index }) => results.fateOf(path, index) === ".").values();
  const work = async (job: number): Promise<void> => {
    for (const candidate of open) {
      const { path, index, mutant } = candidate;
      const source = sources.get(path);
      if (source === undefined) continue;
      const trial = { root, path, text: source.text, mutant, file: join(folder, `mutant-${job}.json`), lateMs };
      const fate = await tryMutant(runner, { ...trial, tests: reach.testsOf(path, index) });
      if (fate === undefined) return;
      results.set(path, index, fate);
      options.tried(candidate, fate);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, (_, job) => work(job)));
}

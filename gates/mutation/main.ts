/**
 * `cepa mutate [PATH…] [--minutes M] [--again] [--jobs N] [--seed N] [--json]`: plants small mistakes in runtime and supervisor,
 * one at a time, and says how many the tests notice.
 *
 * What became of each is kept in `results.jsonl` beside this file, which this command alone writes: what has not changed is not
 * tried again, and a run that was cut short goes on where it was.
 */
import "#cli/output.ts";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Candidate, MUTATED, orderOf, runCampaign, sourcesIn } from "#gates/mutation/campaign.ts";
import { Reach } from "#gates/mutation/reach.ts";
import { type Fate, MutationResults } from "#gates/mutation/results.ts";
import { type Score, scoreOf } from "#gates/mutation/score.ts";
import { TestRunner } from "#gates/mutation/test-run.ts";
import { LATE_MS } from "#gates/mutation/trial.ts";
import { minute } from "#runtime/units.ts";

/** Of issue 6: so many of a hundred have to be noticed. */
const SCORE_MIN = 80;
const JOBS_MAX = 16;

const HELP = `usage: cepa mutate [options] [path...]

Plants small mistakes in runtime/ and supervisor/, one at a time and in memory only, runs the tests that run the place, and
says how many are noticed. Each test file runs once before that, to see what it runs. A path is that of a source, or the
beginning of one. Exit code: 0 at least ${SCORE_MIN} % are noticed, 1 fewer, or too few were tried to say so, 2 a mistake in the command.

  --minutes M  stop after so long: what was tried till then is a sample, and the score has bounds
  --again      try what has survived once more, and what no test ran
  --jobs N     so many tests at once; as many as there are cores unless it is said
  --seed N     another order to try them in, 1 unless it is said
  --json       the last line has the figures and every survivor, as JSON
  -h, --help   print this

Examples:
  $ cepa mutate --minutes 30
  $ cepa mutate supervisor/backoff.ts
  $ cepa mutate runtime/bus.ts --again
`;

const root = join(import.meta.dirname, "..", "..");
const folder = join(root, ".cache", "mutation");
const { values, positionals } = readArguments();
const beganMs = performance.now();
const endMs = values.minutes === undefined ? Infinity : beganMs + numberOf("minutes", values.minutes, 100_000) * minute;
const jobs = values.jobs === undefined ? availableParallelism() : numberOf("jobs", values.jobs, JOBS_MAX);
const seed = numberOf("seed", values.seed, 2 ** 32);

const sources = sourcesIn(root);
const chosen = new Map([...sources].filter(([path]) => isChosen(path)));
if (chosen.size === 0) refuse(`no source of ${MUTATED.join(" or ")} begins with ${positionals.join(" or ")}`);
const results = new MutationResults(join(import.meta.dirname, "results.jsonl"));
for (const [path, { source, mutants }] of sources) results.begin(path, source, mutants.length);
const order = orderOf(chosen, seed);
if (values.again) {
  for (const { path, index } of order) if ("su".includes(results.fateOf(path, index))) results.set(path, index, ".");
}

const runner = new TestRunner(root, join(root, ".cache", "compile"));
process.on("SIGINT", () => {
  runner.endAll();
  keep();
  process.exit(130);
});

const reach = new Reach({ root, sources, runner, folder });
if (order.some(({ path, index }) => results.fateOf(path, index) === ".")) {
  await lookAtTests();
  let count = 0;
  await runCampaign(order, {
    ...{ root, sources, runner, reach, results, folder, jobs, lateMs: LATE_MS },
    goesOn: () => performance.now() < endMs,
    tried: (candidate, fate) => {
      count += 1;
      if (fate === "s" || fate === "u") note(`${nameOf(fate)} ${told(candidate)}`);
      if (count % 20 === 0) keep();
      if (process.stderr.isTTY || count % 50 === 0) note(`${count} tried`);
    },
  });
}
keep();
conclude();

/** Every test of what is mutated. */
async function lookAtTests(): Promise<void> {
  const tests = globSync(
    MUTATED.map((name) => `test/${name}/**/*.test.ts`),
    { cwd: root },
  ).sort();
  const open = tests.values();
  const unusable: string[] = [];
  let count = 0;
  const look = async (): Promise<void> => {
    for (const test of open) {
      if (!(await reach.look(test))) unusable.push(test);
      count += 1;
      if (count % 20 > 0) continue;
      reach.save();
      note(`${count} of ${tests.length} test files looked at`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, look));
  reach.save();
  if (unusable.length > 0) note(`left out, because they fail or take too long: ${unusable.sort().join(", ")}`);
}

function conclude(): void {
  const fates = order.map(({ path, index }) => results.fateOf(path, index));
  const all = scoreOf(fates);
  const folders = MUTATED.map((name) => ({
    folder: name,
    ...scoreOf(fates.filter((_, at) => order[at]?.path.startsWith(`${name}/`))),
  })).filter(({ population }) => population > 0);
  const survivors = order.filter(({ path, index }) => "su".includes(results.fateOf(path, index)));
  const passes = all.low >= SCORE_MIN;
  if (values.json) {
    const listed = survivors.map(({ path, index, mutant: { line, from, to } }) => ({
      ...{ path, line, from, to, fate: nameOf(results.fateOf(path, index)) },
    }));
    process.stdout.write(`${JSON.stringify({ passes, seed, ...all, folders, survivors: listed })}\n`);
  } else {
    for (const candidate of [...survivors].sort(byPlace)) {
      process.stdout.write(`${nameOf(results.fateOf(candidate.path, candidate.index))} ${told(candidate)}\n`);
    }
    for (const { folder: name, ...score } of folders) process.stdout.write(`${name.padEnd(12)}${scoreTold(score)}\n`);
    process.stdout.write(`${"all".padEnd(12)}${scoreTold(all)}\n`);
    process.stdout.write(`${passes ? "ok" : "FAIL"}: at least ${SCORE_MIN} % have to be noticed\n`);
  }
  process.exitCode = passes ? 0 : 1;
}

function scoreTold({ score, low, high, population, tried, killed, late, survived, unreached }: Score): string {
  const what = `${killed} noticed, ${late} without end, ${survived} survived, ${unreached} run by no test`;
  if (tried === population) return `${score.toFixed(1)} % of all ${population}: ${what}`;
  const bounds = `${low.toFixed(1)} to ${high.toFixed(1)} % at 95 %`;
  return `${score.toFixed(1)} % of a sample of ${tried} of ${population}, seed ${seed} (${bounds}): ${what}`;
}

function told({ path, mutant: { line, from, to } }: Candidate): string {
  return `${path}:${line}  ${short(from)} → ${short(to)}`;
}

function nameOf(fate: Fate): string {
  return fate === "u" ? "unrun   " : "survived";
}

function byPlace(a: Candidate, b: Candidate): number {
  return a.path === b.path ? a.mutant.at - b.mutant.at : a.path < b.path ? -1 : 1;
}

/** What a block is replaced with is worth a line, the block is not. */
function short(text: string): string {
  const flat = text.replaceAll(/\s+/g, " ");
  return flat.length <= 60 ? flat : `${flat.slice(0, 57)}...`;
}

function keep(): void {
  results.save(new Set(sources.keys()));
}

function isChosen(path: string): boolean {
  return positionals.length === 0 || positionals.some((start) => path.startsWith(start));
}

function readArguments() {
  try {
    const parsed = parseArgs({
      options: {
        minutes: { type: "string" },
        again: { type: "boolean", default: false },
        jobs: { type: "string" },
        seed: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
    if (!parsed.values.help) return parsed;
    process.stdout.write(HELP);
    return process.exit(0);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function numberOf(option: string, text: string, max: number): number {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= 1 && value <= max
    ? value
    : refuse(`--${option} is a whole number, 1 to ${max}, not "${text}"`);
}

function note(line: string): void {
  process.stderr.write(`cepa: ${line}\n`);
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}: see cepa mutate --help\n`);
  process.exit(2);
}

/**
 * `cepa mutate [PATH…] [--minutes M] [--again] [--jobs N] [--seed N] [--json]`: plants small mistakes in runtime and supervisor,
 * one at a time, and says how many the tests notice.
 *
 * What became of each is kept in `results.jsonl` beside this file, which this command alone writes: what has not changed is not
 * tried again, and a run that was cut short goes on where it was.
 */
import "#cli/output.ts";
import { globSync } from "node:fs";
import { availableParallelism, constants } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Candidate, MUTATED, orderOf, runCampaign, sourcesIn } from "#gates/mutation/campaign.ts";
import { Closures } from "#gates/mutation/closure.ts";
import { Reach } from "#gates/mutation/reach.ts";
import { type Fate, MutationResults } from "#gates/mutation/results.ts";
import { type Score, scoreOf } from "#gates/mutation/score.ts";
import { inOrder, type Survey, survey } from "#gates/mutation/survey.ts";
import { TestRunner } from "#gates/mutation/test-run.ts";
import { LATE_MS } from "#gates/mutation/trial.ts";
import { minute } from "#runtime/units.ts";

/** So many of a hundred have to be noticed. */
const SCORE_MIN = 80;
const JOBS_MAX = 16;
/** A week. */
const MINUTES_MAX = 10_080;

const HELP = `usage: cepa mutate [options] [path...]

Plants small mistakes in runtime/ and supervisor/, one at a time and in memory only, runs the tests that run the place, and
says how many are noticed. A path is that of a source, or the beginning of one.

Before that each test file that can load a source of them runs once, to see what it runs. What was seen is kept in .cache/mutation
until the test or something that it loads is changed. A run that was cut short is gone on with by the same command.

Exit code: 0 at least ${SCORE_MIN} % are noticed, 1 fewer, or too few were tried to say so, 2 a mistake in the command.

  --minutes M  stop after so long in all: what was tried till then is a sample, and the score has bounds
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

const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const root = join(import.meta.dirname, "..", "..");
const folder = join(root, ".cache", "mutation");
const { values, positionals } = readArguments();
/** Counted from the start of the process, as what is asked later is. */
const endMs = values.minutes === undefined ? Infinity : minutesOf(values.minutes) * minute;
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
for (const signal of INTERRUPTIONS) {
  process.on(signal, () => {
    runner.endAll();
    keep();
    process.exit(128 + constants.signals[signal]);
  });
}

const reach = new Reach({ root, sources, runner, folder });
if (endMs < Infinity) setTimeout(() => runner.endAll(), endMs - performance.now()).unref();
let surveyed: Survey | undefined;
if (isSomeOpen()) {
  surveyed = await lookAtTests();
  if (surveyed.looked === surveyed.of) await plantAll();
}
keep();
conclude();

function isSomeOpen(): boolean {
  return order.some(({ path, index }) => results.fateOf(path, index) === ".");
}

/** At every test that can load what is chosen, or was seen to. */
async function lookAtTests(): Promise<Survey> {
  const all = globSync(
    MUTATED.map((name) => `test/${name}/**/*.test.ts`),
    { cwd: root },
  );
  const closures = new Closures(root);
  const wanted = new Set(chosen.keys());
  const tests = inOrder(
    all.filter((test) => [...closures.of(test)].some((path) => wanted.has(path)) || reach.hasLoaded(test, wanted)),
    wanted,
  );
  const known = tests.filter((test) => reach.isKnown(test)).length;
  note(`${tests.length} of ${all.length} test files can load what is mutated; what ${known} of them run is known`);
  const seen = await survey(tests, {
    ...{ reach, jobs },
    looked: (count) => {
      if (count > known && count % 10 === 0) note(`${count} of ${tests.length} test files looked at`);
    },
  });
  const { looked, of, unusable } = seen;
  if (unusable.length > 0) note(`left out, because they fail or take too long: ${unusable.join(", ")}`);
  if (looked < of) {
    note(`the time is over: ${looked} of ${of} test files were looked at, and nothing was planted yet`);
    note("what was seen is kept: the same command goes on from there");
  }
  return seen;
}

async function plantAll(): Promise<void> {
  let count = 0;
  await runCampaign(order, {
    ...{ root, sources, runner, reach, results, folder, jobs, lateMs: LATE_MS },
    tried: (candidate, fate) => {
      count += 1;
      if (fate === "s" || fate === "u") note(`${nameOf(fate)} ${told(candidate)}`);
      if (count % 20 === 0) keep();
      if (process.stderr.isTTY || count % 50 === 0) note(`${count} tried`);
    },
  });
  if (isSomeOpen()) note("the time is over: the same command goes on from here");
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
    const looked = surveyed === undefined ? {} : { testsLookedAt: surveyed.looked, testsToLookAt: surveyed.of };
    process.stdout.write(`${JSON.stringify({ passes, seed, ...all, ...looked, folders, survivors: listed })}\n`);
  } else {
    for (const candidate of [...survivors].sort(byPlace)) {
      process.stdout.write(`${nameOf(results.fateOf(candidate.path, candidate.index))} ${told(candidate)}\n`);
    }
    for (const { folder: name, ...score } of folders) process.stdout.write(`${name.padEnd(12)}${scoreTold(score)}\n`);
    process.stdout.write(`${"all".padEnd(12)}${scoreTold(all)}\n`);
    const verdict = passes ? "ok" : all.high < SCORE_MIN ? "FAIL" : "too few were tried to say so";
    process.stdout.write(`${verdict}: at least ${SCORE_MIN} % have to be noticed\n`);
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

function minutesOf(text: string): number {
  const minutes = Number(text);
  return minutes > 0 && minutes <= MINUTES_MAX
    ? minutes
    : refuse(`--minutes is a number above 0, at most ${MINUTES_MAX}, not "${text}"`);
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

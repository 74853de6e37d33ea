/**
 * `cepa test [--name REGEX] [--timeout SECONDS] [--verbose] [--coverage] [PATH…]`: runs test files, each in a process of its
 * own.
 *
 * A PATH is a file, a folder, a glob, or a word that occurs in the path of a test file. Exit code: 0 when all passed,
 * 1 when one failed or too little was run, 2 when nothing matches.
 */
import "#cli/output.ts";
import { globSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { CoverageGate } from "#gates/coverage/gate.ts";
import { Reporter } from "#test/reporter.ts";

/** Longest time for one test, unless it is said; end-to-end tests move hundreds of MiB. */
const TEST_TIMEOUT_SECONDS = 300;
/** Nothing heard for so long after that: what still runs is ended. */
const SILENCE_MS_MAX = 30_000;
/** More files at once only make the end-to-end tests wait for each other's disks. */
const FILES_AT_ONCE_MAX = 4;
/** A fifth of the time a test waits for what it has started: so many files more than there are cores. */
const FILES_BESIDE = 1;

const HELP = `usage: cepa test [options] [path...]

Runs the tests, all of them or those of the paths. A path is a file, a folder, a glob, or a word that occurs in the path
of a test file. Exit code: 0 all passed, 1 one failed, or --coverage found too little, 2 nothing matches.

  --name REGEX       only tests whose name matches
  --timeout SECONDS  longest time for one test; ${TEST_TIMEOUT_SECONDS} unless it is said
  --verbose          print the name of every test
  --coverage         say which lines and branches of the sources the tests run; of all tests it is a gate: too little fails
  --json             with --coverage: the last line has all figures, as JSON
  -h, --help         print this

Examples:
  $ cepa test
  $ cepa test storage
  $ cepa test runtime/mailbox --name "drops the oldest"
  $ cepa test runtime supervisor --coverage
`;

const root = join(import.meta.dirname, "..");
const started = performance.now();
const { values, positionals } = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (values.json && !values.coverage) {
  process.stderr.write("cepa: --json is of the figures of --coverage: see cepa test --help\n");
  process.exit(2);
}
const files = [...new Set((positionals.length === 0 ? ["test"] : positionals).flatMap(select))].sort();

if (files.length === 0) {
  process.stderr.write(`cepa: no test file matches ${positionals.join(" ")}\n`);
  process.exit(2);
}

/** The runner gives up on a test, but not on a process that a test left running. */
const silence = new AbortController();
const timeoutMs = 1000 * timeoutSeconds(values.timeout);
const watchdog = setTimeout(() => silence.abort(), timeoutMs + SILENCE_MS_MAX);

const reporter = new Reporter(root, (line) => process.stdout.write(`${line}\n`), {
  verbose: values.verbose,
  partial: values.name !== undefined,
});
const isWhole = positionals.length === 0 && values.name === undefined;
const coverage = values.coverage ? new CoverageGate(root, { isWhole }) : undefined;
const stream = run({
  cwd: root,
  files,
  concurrency: Math.min(FILES_AT_ONCE_MAX, availableParallelism() + FILES_BESIDE),
  timeout: timeoutMs,
  signal: silence.signal,
  ...(values.name === undefined ? {} : { testNamePatterns: [new RegExp(values.name)] }),
});
stream.on("test:fail", () => {
  process.exitCode = 1;
});
for await (const event of stream) {
  watchdog.refresh();
  reporter.accept(event);
  if (event.type === "test:summary") coverage?.take();
}
clearTimeout(watchdog);
const { passed, failed } = reporter.end(performance.now() - started);
if (failed > 0 || passed === 0) process.exitCode = 1;
if (coverage?.end((line) => process.stdout.write(`${line}\n`), { json: values.json }) === false) process.exitCode = 1;

function readArguments() {
  try {
    return parseArgs({
      options: {
        name: { type: "string" },
        timeout: { type: "string", default: `${TEST_TIMEOUT_SECONDS}` },
        verbose: { type: "boolean", default: false },
        coverage: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    process.stderr.write(`cepa: ${error instanceof Error ? error.message : String(error)}\n`);
    return process.exit(2);
  }
}

function timeoutSeconds(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  process.stderr.write(`cepa: --timeout is a whole number of seconds, 1 to 99999, not "${text}"\n`);
  return process.exit(2);
}

/** Absolute paths of the test files that `selector` means. */
function select(selector: string): readonly string[] {
  const kind = statSync(resolve(root, selector), { throwIfNoEntry: false });
  if (kind?.isFile() && selector.endsWith(".test.ts")) return [resolve(root, selector)];
  const pattern = kind?.isDirectory() ? `${selector.replace(/\/+$/, "")}/**/*.test.ts` : selector;
  const matched = globSync(pattern, { cwd: root }).filter((path) => path.endsWith(".test.ts"));
  if (matched.length > 0) return matched.map((path) => resolve(root, path));
  // `runtime/mailbox.ts` means the tests of that module.
  const word = selector.replace(/\.ts$/, "");
  const all = globSync("test/**/*.test.ts", { cwd: root });
  return all.filter((path) => path.includes(word)).map((path) => join(root, path));
}

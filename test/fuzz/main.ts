/**
 * `cepa fuzz [FAMILY…|list|ledger|replay|keep]`: looks for bytes that a reader of bytes from elsewhere is wrong about.
 *
 * Standard output has the verdict, with `--json` as lines of JSON; what happens meanwhile goes to standard error.
 */
import "#cli/output.ts";
import { randomInt } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { didYouMean } from "#cli/did-you-mean.ts";
import { minute } from "#runtime/units.ts";
import { type Crash, fuzzFamily } from "#test/fuzz/campaign.ts";
import { changedLine } from "#test/fuzz/changed.ts";
import { Corpus } from "#test/fuzz/corpus.ts";
import { FAMILIES, familyNamed, slugOf, targetNamed } from "#test/fuzz/families.ts";
import {
  type FamilyHours,
  hoursOf,
  Ledger,
  type LedgerEntry,
  RELEASE_HOURS_MIN,
  sourcesOf,
} from "#test/fuzz/ledger.ts";
import { examine, Found } from "#test/fuzz/oracle.ts";
import { startProgress } from "#test/fuzz/progress.ts";
import type { Family, Target } from "#test/fuzz/target.ts";

const HELP = `usage: cepa fuzz [FAMILY...] [--minutes M] [--seed N] [--json]
       cepa fuzz list [--json]
       cepa fuzz ledger [--json]
       cepa fuzz replay FILE
       cepa fuzz keep FILE

Looks for bytes that a reader of bytes from elsewhere is wrong about: all families of readers, or those that are named. Inputs
that reach something new are kept in test/fuzz/corpus, and what was run is added to test/fuzz/ledger.jsonl: both belong to the
repository, and a release is made of what is committed. An input that something is wrong about is written to a file in .cache/fuzz.

  list     the families, what they read, and what their corpora have
  ledger   how long each family was fuzzed, of the ${RELEASE_HOURS_MIN} hours that a release needs
  replay   what is said of the input in FILE
  keep     the input in FILE belongs to the corpus for good: for a bug that is mended

  --minutes M   so long for each family, by the clock; 1 unless it is said. Seconds that are told are those of processors
  --seed N      what is left to chance follows from it, as far as the time goes; drawn unless it is said
  --json        a line for each family, and the last line is the verdict, as JSON
  -h, --help    print this

Corpus, ledger and what was found are elsewhere where CEPA_FUZZ_RECORDS says so.
Exit code: 0 nothing was found, 1 something was, or the ledger has too few hours; 2 a mistake in the command,
or a file that cannot be read or written.

Examples:
  $ cepa fuzz list
  $ cepa fuzz link --minutes 5
  $ cepa fuzz --minutes 60
  $ cepa fuzz replay .cache/fuzz/ranges.range.0123abcd.input
  $ cepa fuzz ledger
`;

const root = join(import.meta.dirname, "..", "..");
const records = process.env["CEPA_FUZZ_RECORDS"];
const recordsFolder = records ?? import.meta.dirname;
const corpus = new Corpus(join(recordsFolder, "corpus"));
const ledger = new Ledger(join(recordsFolder, "ledger.jsonl"));
const foundFolder = records === undefined ? join(root, ".cache", "fuzz") : join(records, "found");
const { values, positionals } = readArguments();
const [command = "", subject] = positionals;
refuseSurplus();
switch (command) {
  case "list":
    await list();
    break;
  case "ledger":
    sumUp();
    break;
  case "replay":
    await replay();
    break;
  case "keep":
    await keep();
    break;
  default:
    await run(positionals.length === 0 ? FAMILIES : positionals.map(chosenFamily));
}

async function list(): Promise<void> {
  const width = Math.max(...FAMILIES.map(({ name }) => name.length)) + 2;
  for (const family of FAMILIES) {
    const targets = await family.load();
    const inputs = targets.map((target) => corpus.read(family, target));
    const count = inputs.reduce((sum, { length }) => sum + length, 0);
    const bytes = inputs.flat().reduce((sum, input) => sum + input.bytes.length, 0);
    const { name, reads } = family;
    if (values.json) say({ family: name, reads, targets: targets.map(slugOf), inputs: count, bytes });
    else {
      process.stdout.write(`${name.padEnd(width)}${reads}\n`);
      process.stdout.write(`${"".padEnd(width)}${targets.map(slugOf).join(", ")}: ${count} inputs, ${bytes} bytes\n`);
    }
  }
}

function sumUp(): void {
  const families = FAMILIES.map(({ name }) => ({ name, sources: sourcesOf(root, name) }));
  const sums = hoursOf(entriesOrRefuse(), families);
  const isEnough = sums.every((sum) => sum.isEnough);
  if (!isEnough) process.exitCode = 1;
  if (values.json) {
    for (const sum of sums) say(sum);
    say({
      verdict: isEnough ? "pass" : "fail",
      hoursMin: RELEASE_HOURS_MIN,
      short: sums.filter((sum) => !sum.isEnough).length,
    });
    return;
  }
  const width = Math.max(...sums.map(({ family }) => family.length)) + 2;
  for (const sum of sums) process.stdout.write(`${sum.family.padEnd(width)}${hoursLine(sum)}\n`);
  const short = sums.filter((sum) => !sum.isEnough).length;
  const hours = sums.reduce((sum, each) => sum + Math.min(each.hours, RELEASE_HOURS_MIN), 0);
  process.stdout.write(
    isEnough
      ? `enough: every family was fuzzed for ${RELEASE_HOURS_MIN} hours\n`
      : `NOT enough for a release: ${short} of ${sums.length} families have less than ${RELEASE_HOURS_MIN} hours, ${Math.ceil(RELEASE_HOURS_MIN * sums.length - hours)} hours are missing\n`,
  );
}

function entriesOrRefuse(): readonly LedgerEntry[] {
  try {
    return ledger.read();
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}; mend or remove it`);
  }
}

function hoursLine({ hours, hoursNow, executions, runs, found }: FamilyHours): string {
  const share = Math.floor((100 * hours) / RELEASE_HOURS_MIN);
  const now = `${lengthOf(hoursNow)} over the sources as they are`;
  return `${lengthOf(hours)} of ${RELEASE_HOURS_MIN} hours (${share} %), ${now}; ${executions} executions in ${runs} runs, ${found} found`;
}

/** In a unit that shows that there is something. */
function lengthOf(hours: number): string {
  if (hours >= 1) return `${hours.toFixed(1)} h`;
  return hours * 60 >= 1 ? `${(hours * 60).toFixed(0)} min` : `${(hours * 3600).toFixed(0)} s`;
}

async function run(families: readonly Family[]): Promise<void> {
  const forMs = minutesOf(values.minutes) * minute;
  const seed = values.seed === undefined ? randomInt(2 ** 31) : seedOf(values.seed);
  refuseUnkept();
  let isOver = false;
  process.once("SIGINT", () => {
    isOver = true;
  });
  const entries: LedgerEntry[] = [];
  const crashes: Crash[] = [];
  const changed: string[] = [];
  const progress = startProgress(process.stderr, () => performance.now());
  for (const family of families) {
    if (isOver) break;
    const onProgress = progress(family);
    const fuzzed = await fuzzFamily(
      { root, corpus, ledger, foundFolder, isOver: () => isOver, onProgress },
      family,
      seed,
      forMs,
    );
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    entries.push(...fuzzed.entries);
    crashes.push(...fuzzed.crashes);
    changed.push(...fuzzed.changed);
    for (const entry of fuzzed.entries) tell(entry);
    for (const crash of fuzzed.crashes) cry(crash);
  }
  const executions = entries.reduce((sum, entry) => sum + entry.executions, 0);
  if (crashes.length > 0) process.exitCode = 1;
  const verdict = crashes.length > 0 ? "fail" : "pass";
  const seconds = Math.round(entries.reduce((sum, entry) => sum + entry.seconds, 0) * 1000) / 1000;
  if (values.json) {
    const paths = [ledger.path, ...changed].map((path) => relative(process.cwd(), path));
    say({ verdict, families: families.length, seed, executions, seconds, found: crashes.map(pathOf), changed: paths });
    return;
  }
  process.stdout.write(
    `${verdict}: ${executions} executions in ${seconds.toFixed(0)} s of processors, seed ${seed}, ${crashes.length} found\n`,
  );
  const folder = relative(process.cwd(), recordsFolder);
  process.stdout.write(`${changedLine({ folder, corpus: changed, isCheckout: records === undefined })}\n`);
}

/** Before anything is run: what could not be kept would be time that is lost. */
function refuseUnkept(): void {
  try {
    for (const folder of [join(recordsFolder, "corpus"), foundFolder]) {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
    }
    if (existsSync(ledger.path)) accessSync(ledger.path, constants.W_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    refuse(`what is found cannot be kept: ${why}: let CEPA_FUZZ_RECORDS name a folder that may be written`);
  }
}

function tell(entry: LedgerEntry): void {
  const { family, executions, seconds, reached, inputs, found } = entry;
  if (values.json) say({ ...entry, verdict: found > 0 ? "fail" : "pass" });
  else {
    const speed = Math.round(executions / Math.max(seconds, 0.001));
    process.stdout.write(
      `${found > 0 ? "FAIL" : "pass"}  ${family}: ${executions} executions in ${seconds.toFixed(0)} s of processors (${speed}/s), ${reached} ways reached, ${inputs} inputs in the corpus\n`,
    );
  }
}

function cry(crash: Crash): void {
  process.stderr.write(`cepa: ${crash.message}\ncepa: again: cepa fuzz replay ${pathOf(crash)}\n`);
}

function pathOf({ path }: Crash): string {
  return relative(process.cwd(), path);
}

async function replay(): Promise<void> {
  const { target, input } = await chosenInput();
  try {
    await examine(target, input);
  } catch (cause) {
    if (!(cause instanceof Found)) throw cause;
    process.stdout.write(`FAIL  ${cause.message}\n`);
    process.exitCode = 1;
    return;
  } finally {
    await target.close?.();
  }
  process.stdout.write(`pass  ${target.name}: nothing is wrong about these ${input.length} bytes\n`);
}

async function keep(): Promise<void> {
  const { family, target, input } = await chosenInput();
  const inputs = corpus.read(family, target).filter(({ bytes }) => Buffer.compare(bytes, input) !== 0);
  corpus.write(family, target, [...inputs, { bytes: input, isPinned: true }]);
  process.stdout.write(`${family.name}/${slugOf(target)} has these ${input.length} bytes from now on\n`);
}

/** The name of the file says of which target it is. */
async function chosenInput(): Promise<{
  readonly family: Family;
  readonly target: Target;
  readonly input: Uint8Array;
}> {
  if (subject === undefined) return refuse("say which file");
  if (!existsSync(subject)) return refuse(`there is no file ${subject}`);
  const [familyName = "", slug = ""] = basename(subject).split(".");
  const family = familyNamed(familyName);
  if (family === undefined) return refuse(`${subject} is not named FAMILY.TARGET.….input: cepa fuzz list has them`);
  const target = targetNamed(await family.load(), slug);
  if (target === undefined) return refuse(`${familyName} has no target ${slug}: cepa fuzz list has them`);
  try {
    return { family, target, input: new Uint8Array(readFileSync(subject)) };
  } catch (error) {
    return refuse(`${subject} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Families may be many. What a command is not about would be passed over. */
function refuseSurplus(): void {
  const taken = { list: 1, ledger: 1, replay: 2, keep: 2 }[command] ?? Number.POSITIVE_INFINITY;
  const surplus = positionals[taken];
  if (surplus !== undefined) refuse(`${command} takes no ${surplus}${taken > 1 ? " as well" : ""}`);
}

function chosenFamily(name: string): Family {
  const names = FAMILIES.map((family) => family.name);
  return familyNamed(name) ?? refuse(`there is no family ${name}${didYouMean(name, names)}: cepa fuzz list has them`);
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  return minutes > 0 && Number.isFinite(minutes) ? minutes : refuse(`--minutes ${text} is no number of minutes`);
}

function seedOf(text: string): number {
  const seed = Number(text);
  return /^\d+$/.test(text) && seed < 2 ** 32 ? seed : refuse(`${text} is no seed: a whole number below 2^32`);
}

function readArguments() {
  try {
    const { values: given, positionals: words } = parseArgs({
      options: {
        minutes: { type: "string", default: "1" },
        seed: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
    if (given.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    return { values: given, positionals: words };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}: see cepa fuzz --help\n`);
  process.exit(2);
}

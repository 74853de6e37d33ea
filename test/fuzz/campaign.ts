/** A family, fuzzed for a while: what is new goes into the corpus, what was run into the ledger, what was found into a file. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "#runtime/simulated/random.ts";
import { minute, second } from "#runtime/units.ts";
import type { Corpus, CorpusInput } from "#test/fuzz/corpus.ts";
import { slugOf } from "#test/fuzz/families.ts";
import { type FuzzReport, fuzz } from "#test/fuzz/fuzz.ts";
import { type Ledger, type LedgerEntry, sourcesOf } from "#test/fuzz/ledger.ts";
import { minimise } from "#test/fuzz/minimise.ts";
import { Found } from "#test/fuzz/oracle.ts";
import type { Family, Target } from "#test/fuzz/target.ts";

/** What is fuzzed longer is written down so often. */
const ROUND_MS_MAX: number = 30 * minute;

export interface Campaign {
  readonly root: string;
  readonly corpus: Corpus;
  readonly ledger: Ledger;
  /** Where inputs are written that something is wrong about. */
  readonly foundFolder: string;
  /** Somebody wants it to end: what was done until then counts. */
  readonly isOver: () => boolean;
  readonly onProgress: (target: Target, soFar: FuzzReport) => void;
}

export interface Crash {
  readonly target: string;
  readonly message: string;
  /** File of the input. */
  readonly path: string;
}

export interface Fuzzed {
  readonly entries: readonly LedgerEntry[];
  /** Of each target the first, after which it was left alone. */
  readonly crashes: readonly Crash[];
  /** Files of the corpus that are other ones than before, each once. */
  readonly changed: readonly string[];
}

export async function fuzzFamily(campaign: Campaign, family: Family, seed: number, forMs: number): Promise<Fuzzed> {
  const entries: LedgerEntry[] = [];
  const crashes: Crash[] = [];
  const changed = new Set<string>();
  const targets = await family.load();
  for (let leftMs = forMs, round = 0; leftMs > 0 && !campaign.isOver(); round += 1) {
    const sound = targets.filter((target) => !crashes.some((crash) => crash.target === slugOf(target)));
    if (sound.length === 0) break;
    const roundMs = Math.min(leftMs, ROUND_MS_MAX);
    leftMs -= roundMs;
    const ran = { executions: 0, reached: 0, ms: 0 };
    const found: Crash[] = [];
    for (const [index, target] of sound.entries()) {
      if (campaign.isOver()) break;
      const { report, crash, ms, isChanged } = await fuzzTarget(
        campaign,
        family,
        target,
        seed + round + index,
        roundMs / sound.length,
      );
      ran.executions += report.executions;
      ran.reached += report.reached;
      ran.ms += ms;
      if (crash !== undefined) found.push(crash);
      if (isChanged) changed.add(campaign.corpus.pathOf(family, target));
    }
    crashes.push(...found);
    const entry = entryOf(campaign, family, targets, { ...ran, seed: seed + round, found: found.length });
    campaign.ledger.append(entry);
    entries.push(entry);
  }
  return { entries, crashes, changed: [...changed] };
}

interface Ran {
  readonly report: Omit<FuzzReport, "kept">;
  readonly crash: Crash | undefined;
  /** Of processors, or of the clock where that says less. */
  readonly ms: number;
  /** Its corpus is another one than before. */
  readonly isChanged: boolean;
}

async function fuzzTarget(
  campaign: Campaign,
  family: Family,
  target: Target,
  seed: number,
  forMs: number,
): Promise<Ran> {
  const { corpus, isOver, onProgress } = campaign;
  const before = corpus.read(family, target);
  let soFar: FuzzReport = { executions: 0, reached: 0, kept: [] };
  let crash: Crash | undefined;
  const startedMs = performance.now();
  const cpuBefore = process.cpuUsage();
  try {
    soFar = await fuzz(target, {
      random: seededRandom(seed),
      forMs,
      corpus: before.map(({ bytes }) => bytes),
      isOver,
      onProgress: (report) => {
        soFar = report;
        onProgress(target, report);
      },
    });
  } catch (cause) {
    if (!(cause instanceof Found)) throw cause;
    crash = { target: slugOf(target), message: cause.message, path: keep(campaign, family, target, cause.input) };
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const ms = Math.min(performance.now() - startedMs, (user + system) / 1000);
  const kept = soFar.kept.map((bytes): CorpusInput => ({ bytes, isPinned: false }));
  // A target that is wrong about something may be so about what it is asked again.
  const isChanged = crash === undefined && corpus.write(family, target, await minimise(target, [...before, ...kept]));
  return { report: soFar, crash, ms, isChanged };
}

/** Its name says whose it is: see `cepa fuzz replay`. */
function keep({ foundFolder }: Campaign, family: Family, target: Target, input: Uint8Array): string {
  const digest = createHash("sha256").update(input).digest("hex").slice(0, 8);
  const path = join(foundFolder, `${family.name}.${slugOf(target)}.${digest}.input`);
  mkdirSync(foundFolder, { recursive: true });
  writeFileSync(path, input);
  return path;
}

function entryOf(
  { root, corpus }: Campaign,
  family: Family,
  targets: readonly Target[],
  ran: {
    readonly executions: number;
    readonly reached: number;
    readonly ms: number;
    readonly seed: number;
    readonly found: number;
  },
): LedgerEntry {
  const { executions, reached, ms, seed, found } = ran;
  return {
    family: family.name,
    date: new Date().toISOString(),
    commit: commitOf(root),
    sources: sourcesOf(root, family.name),
    engine: "own",
    seed,
    seconds: Math.round(ms) / second,
    executions,
    reached,
    inputs: targets.reduce((count, target) => count + corpus.read(family, target).length, 0),
    corpus: corpus.digest(family, targets),
    found,
  };
}

/** Of the checkout; `+` where what is fuzzed is not as it was committed. */
function commitOf(root: string): string {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const isChanged = git("status", "--porcelain", "--", "actors", "runtime", "client", "supervisor", "chaos") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    // A checkout without its history, or a machine without git.
    return "unknown";
  }
}

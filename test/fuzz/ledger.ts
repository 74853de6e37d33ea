/**
 * What was fuzzed, for how long: a line for each run of a family, added and never changed.
 *
 * Hours are those of processors, or of the clock where that says less: a machine that was busy with other things has not fuzzed.
 * What was run over other sources than there are now was run all the same, and is told apart.
 */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hour, second } from "#runtime/units.ts";

export interface LedgerEntry {
  readonly family: string;
  readonly date: string;
  /** That the sources were of; with `+` where they were changed since. */
  readonly commit: string;
  /** Digest of the sources of the readers. */
  readonly sources: string;
  readonly engine: "own";
  readonly seed: number;
  readonly seconds: number;
  readonly executions: number;
  readonly reached: number;
  /** Inputs in the corpus afterwards, and their digest. */
  readonly inputs: number;
  readonly corpus: string;
  /** Inputs that a target was wrong about. */
  readonly found: number;
}

/** Of each family, before a release. */
export const RELEASE_HOURS_MIN = 72;

export interface FamilyHours {
  readonly family: string;
  readonly hours: number;
  /** Of these, over the sources as they are. */
  readonly hoursNow: number;
  readonly executions: number;
  readonly runs: number;
  readonly found: number;
  readonly isEnough: boolean;
}

export class Ledger {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  append(entry: LedgerEntry): void {
    mkdirSync(dirname(this.path), { recursive: true });
    appendFileSync(this.path, `${JSON.stringify(entry)}\n`);
  }

  /** Throws for a line that is none. */
  read(): readonly LedgerEntry[] {
    let text = "";
    try {
      text = readFileSync(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    return text
      .split("\n")
      .filter(Boolean)
      .map((line, at) => entryIn(line) ?? raise(`line ${at + 1} of ${this.path} is no entry of a ledger`));
  }
}

function entryIn(line: string): LedgerEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // A merge that was left in the middle, mostly.
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("family" in value) || !("seconds" in value)) return undefined;
  return Number.isFinite(value.seconds) ? (value as LedgerEntry) : undefined;
}

function raise(message: string): never {
  throw new Error(message);
}

/** Of each of `families`, those without a run too. */
export function hoursOf(
  entries: readonly LedgerEntry[],
  families: readonly { readonly name: string; readonly sources: string }[],
): readonly FamilyHours[] {
  return families.map(({ name, sources }) => {
    const runs = entries.filter(({ family }) => family === name);
    const hoursIn = (some: readonly LedgerEntry[]): number =>
      (some.reduce((sum, { seconds }) => sum + seconds, 0) * second) / hour;
    const hours = hoursIn(runs);
    return {
      family: name,
      hours,
      hoursNow: hoursIn(runs.filter((run) => run.sources === sources)),
      executions: runs.reduce((sum, { executions }) => sum + executions, 0),
      runs: runs.length,
      found: runs.reduce((sum, { found }) => sum + found, 0),
      isEnough: hours >= RELEASE_HOURS_MIN,
    };
  });
}

const IMPORTED = /from "#((?:actors|runtime|client|supervisor|chaos)\/[^"]+)"/g;

/** Of the sources that the file of a family names: the readers, and what they are written with. */
export function sourcesOf(root: string, family: string): string {
  const text = readFileSync(join(root, "test", "fuzz", "families", `${family}.ts`), "utf8");
  const hash = createHash("sha256");
  for (const [, path = ""] of text.matchAll(IMPORTED)) hash.update(readFileSync(join(root, path)));
  return hash.digest("hex").slice(0, 16);
}

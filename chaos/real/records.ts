/** What runs have left behind: the plan and the outcome of each, to be run again, shrunk and shown. */
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTORS, type ExecutorName, type Outcome, VERDICTS, type Verdict } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { readPlan } from "#chaos/read-plan.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

export interface RunRecord {
  readonly plan: Plan;
  readonly outcome: Outcome;
  /** The bug that was planted in it. */
  readonly plant?: string | undefined;
}

/** The folder takes no file, and why. */
export interface RecordUnwritable extends Failure<"chaos.record-unwritable"> {
  readonly problem: string;
}

export class RunRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Gives its path. An earlier run of the same is replaced. */
  keep(record: RunRecord): Result<string, RecordUnwritable> {
    return this.#write(`${nameOf(record)}.json`, `${JSON.stringify(record)}\n`);
  }

  /** A plan that can be handed to `run`. */
  keepPlan(plan: Plan): Result<string, RecordUnwritable> {
    return this.#write(`${plan.scenario}-${plan.seed}.plan.json`, `${JSON.stringify(plan, undefined, 2)}\n`);
  }

  keepPage(record: RunRecord, html: string): Result<string, RecordUnwritable> {
    return this.#write(`${nameOf(record)}.html`, html);
  }

  /** The newest one of `seed`, or of all. A file that is none is passed over. */
  newest(seed: number | undefined): RunRecord | undefined {
    const names = this.#names().filter((name) => seed === undefined || name.endsWith(`-${seed}.json`));
    const newestFirst = names
      .map((name) => join(this.#folder, name))
      .map((path) => ({ path, atMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .toSorted((one, other) => other.atMs - one.atMs);
    for (const { path } of newestFirst) {
      const record = readRecord(path);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#folder).filter((name) => name.endsWith(".json") && !name.endsWith(".plan.json"));
    } catch {
      return []; // Nothing was run yet.
    }
  }

  /** Whole, or not at all. */
  #write(name: string, text: string): Result<string, RecordUnwritable> {
    const path = join(this.#folder, name);
    try {
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(`${path}.${process.pid}`, text);
      renameSync(`${path}.${process.pid}`, path);
      return ok(path);
    } catch (error) {
      return fail({ code: "chaos.record-unwritable", problem: error instanceof Error ? error.message : String(error) });
    }
  }
}

function nameOf({ outcome: { scenario, seed, executor } }: RunRecord): string {
  return `${scenario}-${executor}-${seed}`;
}

function readRecord(path: string): RunRecord | undefined {
  let given: Partial<RunRecord>;
  try {
    given = JSON.parse(readFileSync(path, "utf8")) as Partial<RunRecord>;
  } catch {
    return undefined; // It was cut short, or is no file.
  }
  const plan = readPlan(JSON.stringify(given?.plan ?? null));
  const { executor, verdict, checks } = given?.outcome ?? {};
  const isOutcome = EXECUTORS.includes(executor as ExecutorName) && VERDICTS.includes(verdict as Verdict);
  if (!plan.ok || !isOutcome || checks === undefined || given.outcome === undefined) return undefined;
  return { plan: plan.value, outcome: given.outcome, plant: given.plant };
}

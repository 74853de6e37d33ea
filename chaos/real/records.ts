/** What runs have left behind: the plan and the outcome of each, to be run again, shrunk and shown. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";

export interface RunRecord {
  readonly plan: Plan;
  readonly outcome: Outcome;
  /** The bug that was planted in it. */
  readonly plant?: string | undefined;
}

export class RunRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Gives its path. An earlier run of the same is replaced. */
  keep(record: RunRecord): string {
    mkdirSync(this.#folder, { recursive: true });
    const { scenario, seed, executor } = record.outcome;
    const path = join(this.#folder, `${scenario}-${executor}-${seed}.json`);
    writeFileSync(path, `${JSON.stringify(record)}\n`);
    return path;
  }

  /** A plan that can be handed to `run`. */
  keepPlan(plan: Plan): string {
    mkdirSync(this.#folder, { recursive: true });
    const path = join(this.#folder, `${plan.scenario}-${plan.seed}.plan.json`);
    writeFileSync(path, `${JSON.stringify(plan, undefined, 2)}\n`);
    return path;
  }

  keepPage(record: RunRecord, html: string): string {
    mkdirSync(this.#folder, { recursive: true });
    const { scenario, seed, executor } = record.outcome;
    const path = join(this.#folder, `${scenario}-${executor}-${seed}.html`);
    writeFileSync(path, html);
    return path;
  }

  /** The newest one of `seed`, or of all. */
  newest(seed: number | undefined): RunRecord | undefined {
    const names = this.#names().filter((name) => seed === undefined || name.endsWith(`-${seed}.json`));
    const [newest] = names
      .map((name) => join(this.#folder, name))
      .map((path) => ({ path, atMs: modifiedMs(path) }))
      .toSorted((one, other) => other.atMs - one.atMs);
    return newest === undefined ? undefined : (JSON.parse(readFileSync(newest.path, "utf8")) as RunRecord);
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#folder).filter((name) => name.endsWith(".json") && !name.endsWith(".plan.json"));
    } catch {
      return []; // Nothing was run yet.
    }
  }
}

function modifiedMs(path: string): number {
  return statSync(path).mtimeMs;
}

/** Many simulated runs, one after the other in as many threads as there are cores, each under a seed of its own. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { HUNT_FAILED_MAX, HUNT_INVALID_EVERY_MIN, HUNT_RUN_MS_MAX, huntedPlan } from "#chaos/hunt.ts";
import { brokenOf, type Outcome, type Verdict } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import type { RunRecord, RunRecords } from "#chaos/real/records.ts";
import { lineOf } from "#chaos/seeds.ts";
import { minute, second } from "#runtime/units.ts";

const HUNTER = join(import.meta.dirname, "hunter.ts");
/** Of what did not hold, in a line; all of it is in the record. */
const BROKEN_LENGTH = 200;
const SAY_EVERY_MS: number = 10 * second;

export interface HuntOptions {
  /** The seed of the first run; the others follow. */
  readonly first: number;
  /** So many that are valid, and more where there is time left. */
  readonly runs: number;
  readonly forMs: number;
  /** A bug of simulations, by its name. */
  readonly plant?: string | undefined;
}

export interface HuntSurroundings {
  /** Runs that failed are kept there. */
  readonly records: RunRecords;
  readonly note: (line: string) => void;
  /** What plays a plan: the module of a thread. */
  readonly hunter?: string;
  /** Longest real time of a run. */
  readonly runMsMax?: number;
}

export interface FailedRun {
  readonly scenario: string;
  readonly seed: number;
  /** The first of what did not hold. */
  readonly broken: string;
}

export interface HuntReport {
  readonly first: number;
  readonly verdict: Verdict;
  readonly runs: number;
  readonly failed: readonly FailedRun[];
  /** Of the runs, those that have not tried what their plan says: a fault had no effect, and nothing else was wrong. */
  readonly invalid: number;
  readonly events: number;
  /** Effects of each kind of fault. */
  readonly faults: Readonly<Record<string, number>>;
  readonly simulatedMinutes: number;
  readonly threads: number;
  readonly seconds: number;
}

/** What a run came to, or why it did not come to anything. */
type Ended = Outcome | string;

export async function hunt(options: HuntOptions, surroundings: HuntSurroundings): Promise<HuntReport> {
  const { first, runs, forMs, plant } = options;
  const { records, note, hunter: module = HUNTER, runMsMax = HUNT_RUN_MS_MAX } = surroundings;
  const startedMs = performance.now();
  const threads = availableParallelism();
  const failed: FailedRun[] = [];
  const faults: Record<string, number> = {};
  const sum = { begun: 0, ended: 0, invalid: 0, events: 0, simulatedMs: 0 };
  let saidMs = startedMs;

  const keep = (record: RunRecord): void => {
    const kept = records.keep(record);
    if (!kept.ok) note(`this run cannot be replayed: ${kept.failure.problem}`);
  };
  const isOver = (): boolean => {
    const hasTime = performance.now() - startedMs < forMs;
    return failed.length >= HUNT_FAILED_MAX || (sum.begun - sum.invalid >= runs && !hasTime);
  };
  const take = (plan: Plan, ended: Ended): void => {
    sum.ended += 1;
    sum.simulatedMs += plan.durationMs;
    const broken = typeof ended === "string" ? ended : toldOf(ended);
    if (typeof ended !== "string") {
      sum.events += ended.events;
      for (const [kind, { effects }] of Object.entries(ended.faults)) faults[kind] = (faults[kind] ?? 0) + effects;
    }
    if (typeof ended !== "string" && broken !== undefined && isInvalid(ended)) {
      sum.invalid += 1;
      note(`invalid: ${plan.scenario} ${plan.seed}, ${broken}`);
    } else if (broken !== undefined) {
      failed.push({ scenario: plan.scenario, seed: plan.seed, broken });
      if (typeof ended !== "string") keep({ plan, outcome: { ...ended, samples: [] }, plant });
      note(
        plant === undefined ? `failed, for chaos/seeds.txt: ${lineOf(plan, broken)}` : `${plant} was seen: ${broken}`,
      );
    }
    const nowMs = performance.now();
    if (nowMs - saidMs < SAY_EVERY_MS) return;
    saidMs = nowMs;
    note(`${sum.ended} of ${Math.max(runs, sum.begun)} runs, ${failed.length} failed, ${sum.events} events`);
  };

  const hunter = async (): Promise<void> => {
    let thread = new Hunter(module, plant);
    try {
      while (!isOver()) {
        const plan = huntedPlan((first + sum.begun) % 2 ** 32);
        sum.begun += 1;
        const ended = await thread.run(plan, runMsMax);
        take(plan, ended);
        if (typeof ended !== "string") continue;
        await thread.close();
        thread = new Hunter(module, plant);
      }
    } finally {
      await thread.close();
    }
  };
  await Promise.all(Array.from({ length: threads }, hunter));

  return {
    first,
    verdict: failed.length === 0 && sum.invalid * HUNT_INVALID_EVERY_MIN <= sum.ended ? "pass" : "fail",
    runs: sum.ended,
    failed,
    invalid: sum.invalid,
    events: sum.events,
    faults,
    simulatedMinutes: Math.round(sum.simulatedMs / minute),
    threads,
    seconds: Math.round((performance.now() - startedMs) / second),
  };
}

function toldOf({ verdict, reason, checks }: Outcome): string | undefined {
  if (verdict === "pass") return undefined;
  const [name, said] = brokenOf(checks) ?? ["not run", reason ?? ""];
  const [line = ""] = said.split("\n");
  return `${name}: ${line.length > BROKEN_LENGTH ? `${line.slice(0, BROKEN_LENGTH)} ...` : line}`;
}

function isInvalid({ verdict, checks }: Outcome): boolean {
  // Another check would say more.
  return verdict === "fail" && brokenOf(checks)?.[0] === "faults-took-effect";
}

class Hunter {
  readonly #thread: Worker;
  #settle: (ended: Ended) => void = () => undefined;

  constructor(module: string, plant: string | undefined) {
    this.#thread = new Worker(module, { workerData: { plant } });
    this.#thread.on("message", (outcome: Outcome) => this.#settle(outcome));
    this.#thread.on("error", (error) => this.#settle(`its thread ended: ${String(error)}`));
    this.#thread.on("exit", (code) => this.#settle(`its thread ended with ${code}`));
  }

  /** A sentence where the thread ended in the midst of it, or has to be ended. */
  async run(plan: Plan, msMax: number): Promise<Ended> {
    return await new Promise<Ended>((resolve) => {
      const hangs = (): void => this.#settle(`it hung for ${msMax / second} s`);
      const patience = setTimeout(hangs, msMax);
      this.#settle = (ended) => {
        clearTimeout(patience);
        resolve(ended);
      };
      this.#thread.postMessage(plan);
    });
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}

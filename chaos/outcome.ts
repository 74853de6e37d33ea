/** What a run came to. */
import { CHECKS, type CheckName, type CheckResult, type Checks } from "#chaos/checks.ts";
import type { FaultKind } from "#chaos/fault.ts";
import type { Recovery } from "#chaos/recovery.ts";

/** `not-run`: a part of the plan cannot be done here. It is never taken for a pass. */
export const VERDICTS = ["pass", "fail", "not-run"] as const;
export type Verdict = (typeof VERDICTS)[number];

export const EXECUTORS = ["sim", "process", "os"] as const;
export type ExecutorName = (typeof EXECUTORS)[number];

/** Faults of one kind, over a run. */
export interface FaultTally {
  readonly planned: number;
  readonly injected: number;
  /** Times that they did something. */
  readonly effects: number;
}

/** The node and its clients over one stretch of time. */
export interface Sample {
  readonly atMs: number;
  /** Requests that were answered with what was asked for, and otherwise. */
  readonly served: number;
  readonly refused: number;
  readonly unanswered: number;
  /** Of the requests in this stretch, ms; undefined where there were none. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Of actors and cells, since the node was first started, as far as it was seen. */
  readonly restarts: number;
  /** Of the fullest mailbox; undefined where the node did not say. */
  readonly depth: number | undefined;
  readonly faults: number;
}

export interface Outcome {
  readonly scenario: string;
  readonly executor: ExecutorName;
  readonly seed: number;
  readonly verdict: Verdict;
  /** Why it was not run. */
  readonly reason?: string;
  /** The bug that was planted in the node: what failed is no failure of the product. */
  readonly plant?: string;
  readonly faults: Readonly<Partial<Record<FaultKind, FaultTally>>>;
  /** Observable events of a simulation; requests elsewhere. */
  readonly events: number;
  /** SHA-256 over them, in hex. Of a simulation it is the same again. */
  readonly digest: string;
  /** Of a simulation: `Simulation.stepCount`. */
  readonly steps?: number;
  /** `pass`, or what did not hold, first of all. */
  readonly checks: Readonly<Partial<Record<CheckName | "run-to-its-end", string>>>;
  /** Answers by what they were. */
  readonly tally: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
  /** From when all had healed; missing where the run did not come so far. */
  readonly recovery?: Recovery;
}

/** What a run is told by, whatever comes of it. */
export type RunFacts = Pick<Outcome, "scenario" | "executor" | "seed">;

/** Nothing of the plan was tried. */
export function notRun(facts: RunFacts, reason: string): Outcome {
  const nothing = { faults: {}, samples: [], tally: {}, checks: {}, events: 0, digest: "" };
  return { ...facts, verdict: "not-run", reason, ...nothing };
}

const NAMES = Object.keys(CHECKS) as readonly CheckName[];

/**
 * A line for each check that the run was to make: one that it never made has not passed. `defect` is what ended it before its
 * end.
 */
export function judged(checks: Checks, wanted: readonly CheckName[], defect: string | undefined): Outcome["checks"] {
  const relevant = NAMES.filter((name) => wanted.includes(name) || checks.of(name).looked > 0);
  const said = Object.fromEntries(relevant.map((name) => [name, sayingOf(checks.of(name))]));
  return defect === undefined ? said : { ...said, "run-to-its-end": defect };
}

function sayingOf({ looked, broken, said }: CheckResult): string {
  if (looked === 0) return "not checked";
  return broken === 0 ? "pass" : `${said[0]?.trimEnd() ?? "broken"}${broken > 1 ? ` (and ${broken - 1} more)` : ""}`;
}

/** What says most of all that did not hold, with its name; undefined where all did. */
export function brokenOf(checks: Outcome["checks"]): readonly [name: string, said: string] | undefined {
  const broken = Object.entries(checks).filter(([, said]) => said !== "pass");
  const isLesser = ([name, said]: (typeof broken)[number]): boolean =>
    said === "not checked" || name === "faults-took-effect";
  return broken.find((one) => !isLesser(one)) ?? broken[0];
}

export function verdictOf(checks: Outcome["checks"]): Verdict {
  const said = Object.values(checks);
  return said.length > 0 && said.every((word) => word === "pass") ? "pass" : "fail";
}

/** A scenario: what is tried, where, and the plan that follows from a seed. */
import type { CheckName } from "#chaos/checks.ts";
import type { Fault } from "#chaos/fault.ts";
import type { ExecutorName } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import type { Random } from "#runtime/random.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB, second } from "#runtime/units.ts";

export interface Scenario {
  /** After what it tries. */
  readonly name: string;
  /** In a sentence. */
  readonly aim: string;
  /** Executors that can bring all of its faults about. */
  readonly executors: readonly ExecutorName[];
  /** Clients work for so long, unless it is told otherwise. */
  readonly durationMs: number;
  /** Producers that publish events; without any by default. */
  readonly producers?: number;
  /** Default 30 s. */
  readonly settlesWithinMs?: number;
  /** What goes wrong within so long. */
  readonly faults: (random: Random, durationMs: number) => readonly Fault[];
}

/** Every run checks all of these. */
export const WANTED: readonly CheckName[] = [
  "nothing-acknowledged-is-lost",
  "bytes-are-right",
  "names-are-linearizable",
  "objects-are-linearizable",
  "served-while-nothing-is-wrong",
  "readyz-says-what-is",
  "ready-again",
  "clients-are-served-again",
  "everything-runs-again",
  "supervision-keeps-its-rules",
  "nothing-is-left",
  "faults-took-effect",
];

/** Packs fill, descriptors run out and uploads wait in every run. */
export const SMALL_CONFIG: string = `[storage]
packSealBytes = ${512 * KiB}
openPacksMax = 2
reserveBytes = ${16 * MiB}
reserveFileBytes = ${64 * KiB}
readDescriptorsMax = 2
`;

const CLIENTS = 4;
const PAUSE_MS = 400;

export interface PlanOptions {
  readonly seed: number;
  readonly durationMs?: number | undefined;
}

export function planOf(scenario: Scenario, { seed, durationMs = scenario.durationMs }: PlanOptions): Plan {
  return {
    scenario: scenario.name,
    seed,
    durationMs,
    settlesWithinMs: scenario.settlesWithinMs ?? 30 * second,
    clients: CLIENTS,
    pauseMs: PAUSE_MS,
    ...(scenario.producers === undefined ? {} : { producers: scenario.producers }),
    config: SMALL_CONFIG,
    // What goes wrong is drawn apart from what the clients do: one more draw here does not change them.
    faults: scenario.faults(seededRandom(seed ^ 0x5f3759df), durationMs),
  };
}

/** Those of a node without ingest. */
export const CELLS = ["data", "ops"] as const;

/** A short run has some faults all the same. */
const FAULTS_MIN = 3;

/**
 * One fault after another, `usuallyMs` apart on average, with some time before the first and after the last. Until the next one
 * `roomMs` pass at least: of two that lie over each other, the second may have nothing left to do.
 */
export function spread(
  random: Random,
  durationMs: number,
  usuallyMs: number,
  faultAt: (atMs: number, roomMs: number) => Fault,
): readonly Fault[] {
  const everyMs = Math.min(usuallyMs, Math.floor(durationMs / (FAULTS_MIN + 1)));
  const faults: Fault[] = [];
  for (let atMs = everyMs; atMs < durationMs - everyMs; atMs += Math.round(everyMs / 2) + random.below(everyMs)) {
    faults.push(faultAt(atMs, Math.round(everyMs / 2)));
  }
  return faults;
}

/** At least one. */
export type Choice<Item> = readonly [Item, ...Item[]];

/** Any of them. */
export function one<Item>(random: Random, [first, ...others]: Choice<Item>): Item {
  return others[random.below(others.length + 1) - 1] ?? first;
}

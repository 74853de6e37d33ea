/**
 * A fault plan: what goes wrong in a run, and under what load. It is data, so that a run can be kept, shrunk and run again,
 * by another executor too.
 */
import type { Fault } from "#chaos/fault.ts";

/** Faults of one plan. */
export const PLAN_FAULTS_MAX = 10_000;
/** Longest plan. */
export const PLAN_MS_MAX: number = 7 * 24 * 3_600_000;
/** Producers that publish at once. */
export const PLAN_PRODUCERS_MAX = 16;
/** Clients that work at once. */
export const PLAN_CLIENTS_MAX = 256;

export interface Plan {
  /** What the run tries, as a scenario is named. */
  readonly scenario: string;
  /** All that is left to chance follows from it: what clients do, and in a simulation everything else. */
  readonly seed: number;
  /** Clients work, and faults come, for so long. */
  readonly durationMs: number;
  /** When all has healed, the node is ready again within so long. */
  readonly settlesWithinMs: number;
  readonly clients: number;
  /** Longest pause of a client between two requests. */
  readonly pauseMs: number;
  /** Producers that publish events, with pauses as long; without any the node need not have the cell `work`. */
  readonly producers?: number;
  /** Contents of the node's configuration file. */
  readonly config: string;
  /** By their time. */
  readonly faults: readonly Fault[];
}

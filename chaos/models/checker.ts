/**
 * The checker of TLA+ modules: `tla-checker`, wrapped. It is not TLC; `TCommit` and `TwoPhase`, whose counts of states are
 * known, calibrate it.
 *
 * - Only a whole exploration holds: a limit that was met, a module that cannot be read and a warning are failures.
 * - It works on the thread that calls it, and its memory grows by about a kilobyte a state.
 */
import { check_spec_with_options as checkSpec, initSync } from "tla-checker";
import type { Disk } from "#runtime/disk/disk.ts";
import { assert, must } from "#runtime/errors.ts";

/** States of one exploration. More, and it fails. */
export const MODEL_STATES_MAX = 1_000_000;
/** States on the shortest way to one. More, and it fails. */
export const MODEL_DEPTH_MAX = 100_000;

/** A module with what TLC would be told of it. */
export interface Model {
  /** TLA+. */
  readonly source: string;
  /** A `.cfg`. */
  readonly config: string;
}

/**
 * `violated`: something that it says does not hold. `exceeded`: it was not explored to its end. `broken`: it cannot be read
 * or evaluated. None of them is a pass.
 */
export type ModelProblem = "violated" | "exceeded" | "broken";

export interface Explored {
  /** Undefined where all of it was explored, and all that it says holds. */
  readonly problem: ModelProblem | undefined;
  /** In the checker's words. */
  readonly message: string;
  readonly statesExplored: number;
  /** Of a violation: the states that lead to it, and for liveness those that come again for ever. */
  readonly trace: readonly string[];
}

interface Bounds {
  readonly statesMax?: number;
  readonly depthMax?: number;
}

/** Loads the checker's code. Once a process; again does nothing. */
export async function loadChecker(disk: Disk): Promise<void> {
  const path = new URL(import.meta.resolve("tla-checker/tla_checker_bg.wasm")).pathname;
  initSync({ module: Uint8Array.from(must(await disk.readFile(path), "the checker's code")) });
}

/** Every reachable state, every invariant in it, and every property of all behaviours. */
export function explore({ source, config }: Model, bounds: Bounds = {}): Explored {
  const { statesMax = MODEL_STATES_MAX, depthMax = MODEL_DEPTH_MAX } = bounds;
  const options = { max_states: statesMax, max_depth: depthMax, allow_deadlock: true, cfg_source: config };
  const result = recordOf(JSON.parse(checkSpec(source, JSON.stringify(options))));
  const warnings = listOf(result["warnings"]);
  const statesExplored = Number(result["states_explored"]);
  const trace = listOf(result["trace"]).map(String);
  if (result["success"] !== true) {
    const problem = problemOf(String(result["error_type"]));
    return { problem, message: `${result["error_type"]}: ${result["error_message"]}`, statesExplored, trace };
  }
  // What it warns of it may have left out.
  if (warnings.length > 0)
    return { problem: "broken", message: warnings.map(String).join("; "), statesExplored, trace };
  return { problem: undefined, message: "", statesExplored, trace };
}

function problemOf(type: string): ModelProblem {
  if (type === "InvariantViolation" || type === "LivenessViolation") return "violated";
  return type.endsWith("Exceeded") ? "exceeded" : "broken";
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  assert(typeof value === "object" && value !== null && !Array.isArray(value), "the checker answers with an object");
  return Object.fromEntries(Object.entries(value));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

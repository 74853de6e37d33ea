/**
 * What the root says of a configuration file that was read while the node runs and is not put in force.
 *
 * The file is optional: where none is in force a missing one means what is in force, the defaults. One that was in force
 * and is gone is told and changes nothing before the next start, because an editor may be about to put another there.
 */
import type { Failure } from "#runtime/errors.ts";

export interface ConfigRefusal {
  /** A cell, or `root`. */
  readonly by: string;
  readonly problem: string;
}

/** `hasFile`: what is in force comes from a file. Undefined where there is nothing to tell. */
export function configRefusal(failure: Failure, hasFile: boolean): ConfigRefusal | undefined {
  const problem = "problem" in failure ? String(failure.problem) : failure.code;
  if (!hasFile && failure.code === "config.unreadable" && problem === "disk.not-found") return undefined;
  return { by: "by" in failure ? String(failure.by) : "root", problem };
}

/**
 * Whether a child that exited comes back, and who goes down, and comes back up, with it.
 *
 * Pure: it is given names in start order and answers with names. The supervisor does the stopping and starting, and
 * leaves out `temporary` siblings, which OTP never brings back; this module only decides.
 */
import { assert, type ExitReason, isAbnormal, unreachable } from "#runtime/errors.ts";
import type { RestartType } from "#supervisor/child-spec.ts";
import type { CrashReason } from "#supervisor/crash-reason.ts";

/** Who goes down, and comes up again, with a child that exits: nobody, everybody, or those that started after it. */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";

export interface RestartPlan {
  /** Still running and to be stopped first: the reverse of start order. */
  readonly stop: readonly string[];
  /** To be started afterwards, the exited child among them: in start order. */
  readonly start: readonly string[];
}

export function planRestart(strategy: Strategy, startOrder: readonly string[], exited: string): RestartPlan {
  const index = startOrder.indexOf(exited);
  assert(index >= 0, "only a child of this supervisor can exit under it");

  const start = affected(strategy, startOrder, index);
  const stop = start.filter((name) => name !== exited).reverse();
  return { stop, start };
}

function affected(strategy: Strategy, startOrder: readonly string[], index: number): readonly string[] {
  switch (strategy) {
    case "one-for-one":
      return startOrder.slice(index, index + 1);
    case "one-for-all":
      return startOrder;
    case "rest-for-one":
      return startOrder.slice(index);
    default:
      return unreachable(strategy);
  }
}

/** A start that failed is abnormal, whatever the exit says. */
export function mustRestart(restart: RestartType, word: CrashReason, reason: ExitReason): boolean {
  switch (restart) {
    case "permanent":
      return true;
    case "transient":
      return word === "start-failed" || isAbnormal(reason);
    case "temporary":
      return false;
    default:
      return unreachable(restart);
  }
}

/**
 * Whether a child that exited comes back, and who goes down, and comes back up, with it. Pure: the supervisor does the
 * stopping and starting.
 */
import { assert, type ExitReason, isAbnormal, unreachable } from "#runtime/errors.ts";
import type { RestartType } from "#supervisor/child-spec.ts";
import type { CrashReason } from "#supervisor/crash-reason.ts";

/** Who goes down, and comes up again, with a child that exits: nobody, everybody, or those that started after it. */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";

/**
 * The siblings that go down, and come back up, with `exited`: in start order. The caller leaves out `temporary` ones,
 * which OTP never brings back.
 */
export function siblingsOf<C>(strategy: Strategy, startOrder: readonly C[], exited: C): readonly C[] {
  switch (strategy) {
    case "one-for-one":
      return [];
    case "one-for-all":
      return startOrder.filter((child) => child !== exited);
    case "rest-for-one": {
      const index = startOrder.indexOf(exited);
      assert(index >= 0, "only a child of this supervisor can exit under it");
      return startOrder.slice(index + 1);
    }
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

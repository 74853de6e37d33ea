/**
 * Why a child went down, in one word. The set is closed because the words are label values and travel on the bus; what
 * exactly happened is in the log and in the child's last errors.
 */
import { type ExitReason, unreachable } from "#runtime/errors.ts";
import { InjectedPanic } from "#runtime/failpoints.ts";

/** One word for an exit: a throw, one at an armed failpoint, a kill, an end by itself, or an `init` that failed. */
export type CrashReason = "defect" | "injected" | "killed" | "exited" | "start-failed";

/** The word for an exit of a life that was up. */
export function crashReasonOf(reason: ExitReason): CrashReason {
  switch (reason.kind) {
    case "crashed":
      return reason.defect instanceof InjectedPanic ? "injected" : "defect";
    case "killed":
      return "killed";
    case "normal":
    case "shutdown":
      return "exited";
    default:
      return unreachable(reason);
  }
}

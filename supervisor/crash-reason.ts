/**
 * Why a child went down, in one word. The set is closed because the words are label values and travel on the bus; what
 * exactly happened is in the log and in the child's last errors.
 */
import { type ExitReason, unreachable } from "#runtime/errors.ts";

/** One word for an exit: a throw, a kill, an end by itself, or an `init` that failed. */
export type CrashReason = "defect" | "killed" | "exited" | "start-failed";

/** The word for an exit of a life that was up. */
export function crashReasonOf(reason: ExitReason): CrashReason {
  switch (reason.kind) {
    case "crashed":
      return "defect";
    case "killed":
      return "killed";
    case "normal":
    case "shutdown":
      return "exited";
    default:
      return unreachable(reason);
  }
}

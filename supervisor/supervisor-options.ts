/** What a supervisor is told when it is made, and what it tells its owner. */
import type { ExitReason } from "#runtime/errors.ts";
import type { Supervised } from "#supervisor/child.ts";
import type { Budget } from "#supervisor/child-spec.ts";
import type { ChronicleOptions } from "#supervisor/chronicle.ts";
import type { LivesOptions } from "#supervisor/lives.ts";
import type { Strategy } from "#supervisor/strategy.ts";

export interface SupervisorOptions<S extends Strategy = Strategy> extends ChronicleOptions, LivesOptions {
  readonly strategy: S;
  /** Over all children; a quarantine does not count. */
  readonly intensity: Budget;
  /** In start order; children of one rung start, and stop, at the same time. */
  readonly rungs: readonly (readonly Supervised[])[];
  /** The intensity was exceeded and every child has been stopped: the owner must end. */
  readonly onEscalate: (cause: Escalation) => void;
  /** A dynamic child is not there any more: its name is free. */
  readonly onForget?: (child: string) => void;
  /** Something in `status` may have changed. */
  readonly onChange?: () => void;
}

/** The exit that was one too many. */
export interface Escalation {
  readonly child: string;
  readonly reason: ExitReason;
}

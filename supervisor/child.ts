/**
 * What a supervisor needs of anything that it keeps alive: an actor, a cell, an external server.
 *
 * A child is an address with lives, not a life: the same value is started again after every exit.
 */
import type { ExitReason, Failure, Result } from "#runtime/errors.ts";
import type { Budget, RestartType } from "#supervisor/child-spec.ts";

/** The child did not come up. Nothing of the attempt is left; to the supervisor it is an exit like any other. */
export interface StartFailed extends Failure<"supervisor.start-failed"> {
  readonly child: string;
  readonly reason: ExitReason;
}

export interface Child {
  readonly name: string;
  /**
   * Begins a life, and waits first for what the previous one left. Bounded by the child itself. Never called while a
   * life is under way.
   */
  start(): Promise<Result<void, StartFailed>>;
  /**
   * Ends the life in an orderly way, also while it is still starting; settles when nothing of it is left. The
   * supervisor calls `kill` when `withinMs` have passed.
   */
  stop(withinMs: number): Promise<void>;
  /** Ends the life at once, through the ordinary exit path. Does nothing when there is none. */
  kill(): void;
  /** Whether `kill` would end anything now. Left out: as long as the supervisor takes it for alive. */
  hasLife?(): boolean;
  /**
   * Runs once for every life that ended by itself or by `kill`, and never after `stop` has settled. A failed start is
   * reported by `start` alone.
   */
  onExit(run: (reason: ExitReason) => void): void;
  /** No life will follow soon (quarantine, stop): whoever waits for one is told so. Only called between lives. */
  refuse?(): void;
  /** Runs when a life says how ready it is. */
  onHealth?(run: (state: "ready" | "degraded", reason: string | undefined) => void): void;
}

/** How one child is kept alive. `WorkerSpec` is one. */
export interface ChildSpec {
  readonly name: string;
  readonly restart: RestartType;
  /** Past it the child is quarantined. */
  readonly budget: Budget;
  /** Longest orderly stop; afterwards `kill`. */
  readonly shutdownMs: number;
}

export interface Supervised {
  readonly spec: ChildSpec;
  readonly child: Child;
}

/** One life of a cell, seen from the root: where to send orders, what comes back, how it ends. */
import type { ExitReason, Failure, Result } from "#runtime/errors.ts";
import type { Order, Report } from "#supervisor/wire.ts";

export interface CellLife {
  /** Of the process that hosts it. */
  readonly pid: number;
  /** False when nobody is there to hear it. */
  send(order: Order): boolean;
  onReport(receive: (report: Report) => void): void;
  /** Runs once, when nothing of the life is left; also when it was over before the call. */
  onEnd(run: (reason: ExitReason) => void): void;
  /** Ends it without asking. */
  kill(): void;
}

/** The place for a life could not be made: no process, no memory, no file. */
export interface HostFailed extends Failure<"supervisor.host-failed"> {
  readonly cell: string;
  readonly cause: string;
}

/** Makes places for lives: a process each, or in the root's own process (profile `single`). */
export interface CellHost {
  open(cell: string): Promise<Result<CellLife, HostFailed>>;
}

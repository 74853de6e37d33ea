/**
 * The words in which the tree is written (OTP's): what a child is, and how it is kept alive. Data only.
 */
import type { Strategy } from "#supervisor/strategy.ts";

/** `permanent` is always restarted, `transient` only after an abnormal exit, `temporary` never. */
export type RestartType = "permanent" | "transient" | "temporary";

/** More than `restartsMax` restarts within `periodMs` exceeds the budget. */
export interface Budget {
  readonly restartsMax: number;
  readonly periodMs: number;
}

/** The user lane of an actor: how much waits there, and what happens to one message more. */
export interface MailboxSpec {
  /** Messages in the user lane. */
  readonly capacity: number;
  readonly overflow: "reject" | "drop-oldest";
}

/** An actor as a child: how it is kept alive, and within which limits it works. */
export interface WorkerSpec {
  readonly kind: "worker";
  readonly name: string;
  readonly restart: RestartType;
  /** Past it the child is quarantined. */
  readonly budget: Budget;
  readonly mailbox: MailboxSpec;
  /** Tasks that `ctx.later` may have in flight; at the limit the user lane waits. */
  readonly laterMax: number;
  /** Longest time for `terminate` and for closing the scope; past it its cell is killed. */
  readonly shutdownMs: number;
}

export interface CellSpec {
  readonly kind: "cell";
  readonly name: string;
  readonly strategy: Strategy;
  /** Over all children; past it the cell exits and its own supervisor decides. */
  readonly intensity: Budget;
  /** How often the process itself may be restarted before it is quarantined. */
  readonly budget: Budget;
  /** The node is not ready without it. */
  readonly required: boolean;
  readonly workers: readonly WorkerSpec[];
}

export interface NodeSpec {
  readonly strategy: Strategy;
  readonly intensity: Budget;
  /** In start order; stop order is the reverse. */
  readonly cells: readonly CellSpec[];
}

/** A worker is permanent unless it says otherwise: it is there to serve. */
export function worker(spec: Omit<WorkerSpec, "kind" | "restart"> & { readonly restart?: RestartType }): WorkerSpec {
  return { kind: "worker", restart: "permanent", ...spec };
}

export function cell(
  name: string,
  spec: Omit<CellSpec, "kind" | "name" | "workers">,
  workers: readonly WorkerSpec[],
): CellSpec {
  return { kind: "cell", name, ...spec, workers };
}

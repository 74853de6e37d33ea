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

/** The external programs that a node knows how to run. What each is and how it is asked, `supervisor/root/servers` says. */
export const SERVERS = ["postgres", "redis"] as const;
export type ServerName = (typeof SERVERS)[number];

/** An external program as a child of the node, which a cell may need. */
export interface ServerSpec {
  readonly name: ServerName;
  /** Past it the program is quarantined. */
  readonly budget: Budget;
  /** Longest orderly stop; afterwards it is killed. */
  readonly shutdownMs: number;
}

/** What whoever sends to a node may do with its broker: patterns of keys. */
export interface ProducerRights {
  readonly writes: readonly string[];
  readonly reads: readonly string[];
}

/** Those of every node, and settings that name one more stream each, where they name any: `auth.legacyRegisterStream`. */
export interface ProducerSpec extends ProducerRights {
  readonly named: ProducerRights;
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
  /**
   * The node has the cell only where this section of its configuration says `enabled = true`. Left out: always. One that a
   * node need not have starts after the others, and after its servers, and stops before them.
   */
  readonly enabledBy?: string;
  /** What its actors work with; each runs here unless the configuration has a URL for it. */
  readonly servers?: readonly ServerName[];
  readonly workers: readonly WorkerSpec[];
}

export interface NodeSpec {
  readonly strategy: Strategy;
  readonly intensity: Budget;
  /** In start order; stop order is the reverse. */
  readonly cells: readonly CellSpec[];
  readonly servers?: readonly ServerSpec[];
  readonly producers?: ProducerSpec;
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

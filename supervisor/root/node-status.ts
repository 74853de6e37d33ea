/** The node as a whole, put together from what the supervisor and the cells say. Pure. */
import type { ActorStatus, NodeStatus } from "#runtime/actor-module.ts";
import type { CellSpec } from "#supervisor/child-spec.ts";
import type { ChildStatus } from "#supervisor/entry.ts";

/** One cell: its spec, how the root's supervisor sees it, and what it said last. */
export interface CellView {
  readonly spec: CellSpec;
  readonly child: ChildStatus;
  readonly pid: number;
  readonly residentBytes: number;
  /** Empty while the cell is down. */
  readonly actors: readonly ActorStatus[];
}

/** A server: how the root's supervisor sees it. */
export interface ServerView {
  readonly child: ChildStatus;
  readonly pid: number;
}

export function nodeStatus(
  cells: readonly CellView[],
  servers: readonly ServerView[],
  shuttingDown: boolean,
): NodeStatus {
  const actors = cells.flatMap(actorsOf);
  return {
    cells: cells.map(({ child, pid, residentBytes }) => {
      const { name, state, restarts } = child;
      return { name, pid, state, restarts, residentBytes };
    }),
    servers: servers.map(({ child, pid }) => {
      const { name, state, restarts, reason } = child;
      return { name, pid, state, restarts, reason };
    }),
    actors,
    unavailable: actors.filter((actor) => isGivenUp(actor, cells)).map(unavailable),
    shuttingDown,
  };
}

/** The actors of a cell that is down share its state. */
function actorsOf({ spec, child, actors }: CellView): readonly ActorStatus[] {
  return spec.workers.map((worker) => {
    const told = actors.find((actor) => actor.name === worker.name);
    if (told !== undefined) return told;
    const mailbox = { depth: 0, capacity: worker.mailbox.capacity };
    const state = child.state === "running" ? "starting" : child.state;
    return { name: worker.name, cell: spec.name, state, incarnation: 0, restarts: 0, mailbox, reason: child.reason };
  });
}

/** Failed at least once, and does not serve, also while it is tried again: for an optional actor nobody waits. */
function isGivenUp({ cell, state, reason }: ActorStatus, cells: readonly CellView[]): boolean {
  if (cells.some(({ spec }) => spec.name === cell && spec.required)) return false;
  // What starts for the first time has no reason yet.
  if (state === "starting") return reason !== undefined;
  return state === "backing-off" || state === "quarantined" || state === "probing";
}

function unavailable({ name, state, reason }: ActorStatus): { readonly actor: string; readonly reason: string } {
  return { actor: name, reason: reason ?? state };
}

/** The root's word for the node, and what this cell knows better: whom it has no link to at the moment. */
import type { ActorStatus, NodeStatus } from "#runtime/actor-module.ts";
import type { Links } from "#supervisor/cell/seams.ts";

export function seenFrom(status: NodeStatus, links: Pick<Links, "isConnected"> | undefined): NodeStatus {
  if (!status.actors.some((actor) => isOutOfReach(actor, links))) return status;
  const actors = status.actors.map((actor) =>
    isOutOfReach(actor, links)
      ? { ...actor, state: "unreachable", reason: `no link to the cell ${actor.cell}` }
      : actor,
  );
  return { ...status, actors };
}

function isOutOfReach({ cell, state }: ActorStatus, links: Pick<Links, "isConnected"> | undefined): boolean {
  return (state === "running" || state === "degraded") && links?.isConnected(cell) === false;
}

/**
 * Whether the node serves, derived from the states of the actors on the way of an object.
 *
 * Reads fail open: they are ready unless an actor on the way is known to be down. Writes fail closed: they are ready
 * only while every one of them is known to run undegraded and nothing else closes the gate (seed 003 §2.4).
 */
import type { ActorStatus, NodeStatus } from "#runtime/actor-module.ts";

const onTheWay = ["storage", "index", "overlay"] as const;

export interface Readiness {
  readonly ready: boolean;
  /** What is not as it should be, also where it does not keep this kind of request from being served. */
  readonly reasons: readonly string[];
}

export function readinessFor(kind: "reads" | "writes", status: NodeStatus, gateReasons: readonly string[]): Readiness {
  const states = onTheWay.map((name) => ({ name, actor: status.actors.find((actor) => actor.name === name) }));
  const reasons = states.flatMap(({ name, actor }) => (actor?.state === "running" ? [] : [sentence(name, actor)]));
  if (status.shuttingDown) reasons.push("node: shutting down");
  reasons.push(...gateReasons);
  const ready = kind === "writes" ? reasons.length === 0 : states.every(({ actor }) => mayServe(actor));
  return { ready, reasons };
}

function mayServe(actor: ActorStatus | undefined): boolean {
  return actor === undefined || actor.state === "running" || actor.state === "degraded";
}

function sentence(name: string, actor: ActorStatus | undefined): string {
  if (actor === undefined) return `${name}: unknown`;
  return actor.reason === undefined ? `${name}: ${actor.state}` : `${name}: ${actor.state}: ${actor.reason}`;
}

/**
 * Whether the node serves, derived from the states of the actors on the way of an object by the kernel's own rule
 * (`HealthState`): reads fail open, writes fail closed (seed 003 §2.4).
 */
import type { ActorStatus, NodeStatus } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import { HealthState, type Readiness, type ServiceState } from "#runtime/health.ts";

const both = { reads: true, writes: true };
const needs = { storage: both, index: both, overlay: both };

/** `gateReasons` are the gateway's own reasons to refuse writes; with them, or while the node stops, writes are closed. */
export function readinessFor(
  kind: "reads" | "writes",
  status: NodeStatus,
  gateReasons: readonly string[],
  clock: Clock,
): Readiness {
  const health = new HealthState({ clock, needs, onChange: () => undefined });
  for (const actor of status.actors) health.report(actor.name, serviceState(actor), reasonOf(actor));
  const closed = status.shuttingDown ? ["the node is shutting down", ...gateReasons] : gateReasons;
  if (closed.length > 0) health.setIncident(closed.join("; "));
  return kind === "reads" ? health.readsReady() : health.writesReady();
}

function serviceState({ state }: ActorStatus): ServiceState {
  if (state === "running") return "ready";
  return state === "degraded" ? "degraded" : "down";
}

/** A supervisor's word for the state says more than "down". */
function reasonOf({ state, reason }: ActorStatus): string | undefined {
  if (state === "running" || state === "degraded") return reason;
  return reason === undefined ? state : `${state}: ${reason}`;
}

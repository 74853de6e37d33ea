/**
 * Whether the node serves, derived from the states of the actors on the way of an object by the kernel's own rule
 * (`HealthState`): reads fail open, writes fail closed (seed 003 §2.4).
 */
import { reportActor } from "#runtime/actor-health.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import { HealthState, type Readiness } from "#runtime/health.ts";

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
  for (const actor of status.actors) reportActor(health, actor);
  const closed = status.shuttingDown ? ["the node is shutting down", ...gateReasons] : gateReasons;
  if (closed.length > 0) health.setIncident(closed.join("; "));
  return kind === "reads" ? health.readsReady() : health.writesReady();
}

/** What a supervisor says of an actor, as the health of a service. */
import type { ActorStatus } from "#runtime/actor-module.ts";
import type { HealthState, ServiceState } from "#runtime/health.ts";

/** An actor that is down has the supervisor's word for its state as the reason: it says more than "down". */
export function reportActor(health: HealthState, { name, state, reason }: ActorStatus): void {
  const service = serviceState(state);
  if (service !== "down") health.report(name, service, reason);
  else health.report(name, service, reason === undefined ? state : `${state}: ${reason}`);
}

function serviceState(state: string): ServiceState {
  if (state === "running") return "ready";
  return state === "degraded" ? "degraded" : "down";
}

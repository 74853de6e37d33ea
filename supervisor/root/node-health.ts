/**
 * The health of the node's actors, by the kernel's own rule (`HealthState`): what is announced, and what the node still
 * waits for.
 */

import { reportActor } from "#runtime/actor-health.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import { HealthState, type Readiness } from "#runtime/health.ts";
import type { KernelEvent } from "#runtime/kernel-event.ts";

type Health = Extract<KernelEvent, { readonly type: "Health" }>;

const both = { reads: true, writes: true };

/** Who is healthy. Cells speak for their actors; for a cell without a process the root does. */
export class NodeHealth {
  readonly #state: HealthState;
  /** Actor → the cell that spoke for it. */
  readonly #homes = new Map<string, string>();

  /** `announce` hears every change once, with the cell that the actor lives in. */
  constructor(clock: Clock, announce: (cell: string, event: Health) => void) {
    this.#state = new HealthState({
      clock,
      needs: {},
      onChange: ({ service, ok }) => announce(this.#homes.get(service) ?? "", { type: "Health", service, ok }),
    });
  }

  heard(cell: string, { service, ok }: Health): void {
    this.#homes.set(service, cell);
    this.#state.report(service, ok ? "ready" : "down");
  }

  /** An actor that never was healthy is not announced: it did not cease to be. */
  look({ cells }: NodeStatus): void {
    const down = new Set(cells.filter(({ pid }) => pid === 0).map(({ name }) => name));
    for (const [service, cell] of this.#homes) {
      if (down.has(cell)) this.#state.report(service, "down", `${cell} is down`);
    }
  }
}

/**
 * Whether every actor runs, or is optional and declared unavailable; else the reasons. Degraded is not ready, because it
 * closes writes.
 */
export function readinessOf({ actors, unavailable, shuttingDown }: NodeStatus, clock: Clock): Readiness {
  const declared = new Set(unavailable.map(({ actor }) => actor));
  const awaited = actors.filter(({ name }) => !declared.has(name));
  const needs = Object.fromEntries(awaited.map(({ name }) => [name, both]));
  const health = new HealthState({ clock, needs, onChange: () => undefined });
  for (const actor of awaited) reportActor(health, actor);
  if (shuttingDown) health.close("the node is shutting down");
  return health.writesReady();
}

/**
 * What every service says about itself, and what follows for the node: live, ready for reads, ready for writes.
 *
 * - **Reads fail open**: they are refused only when a service they need is known to be down. A service that is
 *   degraded, or has not reported yet, does not close them.
 * - **Writes fail closed**: they are accepted only while every service they need says `ready`, and no incident is open.
 * - The node is **live** unless every needed service is known to be down: then nothing here can serve anybody.
 *
 * It is told; it never asks. An announcement is made when a service becomes ready or ceases to be (seed 003 §2.4).
 */
import type { Clock } from "#runtime/clock.ts";
import { assert } from "#runtime/errors.ts";

/**
 * `degraded`: works, with a reason why not fully. `down`: does not work, somebody is trying to change that.
 * `unavailable`: cannot run here, by lack of a prerequisite or by configuration.
 */
export type ServiceState = "ready" | "degraded" | "down" | "unavailable";

export interface ServiceHealth {
  readonly service: string;
  readonly state: ServiceState;
  /** For people; at most `healthReasonLengthMax` characters. */
  readonly reason?: string | undefined;
  /** Monotonic ms since which it is in this state. */
  readonly sinceMs: number;
}

/** What the node cannot do without this service. Neither: an optional one, it closes nothing. */
export interface ServiceNeed {
  readonly reads: boolean;
  readonly writes: boolean;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, or what would be better: one line each, also given while `ready`. */
  readonly reasons: readonly string[];
}

export interface HealthOptions {
  readonly clock: Clock;
  /** What the node needs, known before anybody reports. */
  readonly needs: Readonly<Record<string, ServiceNeed>>;
  /** `ok` is true exactly while the service is `ready`. Called after the change, once per change of `ok`. */
  readonly onChange: (health: { readonly service: string; readonly ok: boolean }) => void;
}

/** Services in one registry. They are the actors of the tree, so more is a defect. */
export const healthServicesMax = 256;
/** Longest reason kept; the rest is cut. */
export const healthReasonLengthMax = 200;

export class HealthState {
  readonly #options: HealthOptions;
  readonly #services = new Map<string, ServiceHealth>();
  #incident: string | undefined;
  #closing: string | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** A service's word about itself, or its supervisor's about it. Repeating a state keeps `sinceMs`. */
  report(service: string, state: ServiceState, reason?: string): void {
    const before = this.#services.get(service);
    assert(
      before !== undefined || this.#services.size < healthServicesMax,
      "health knows a bounded number of services",
    );
    const sinceMs = before?.state === state ? before.sinceMs : this.#options.clock.nowMs();
    this.#services.set(service, { service, state, reason: reason?.slice(0, healthReasonLengthMax), sinceMs });

    const ok = state === "ready";
    if (before === undefined || (before.state === "ready") !== ok) this.#options.onChange({ service, ok });
  }

  /** In an incident window writes are refused with this reason; undefined ends it. */
  setIncident(reason: string | undefined): void {
    this.#incident = reason?.slice(0, healthReasonLengthMax);
  }

  /** The node is going down: neither reads nor writes are taken from here on. */
  close(reason: string): void {
    this.#closing = reason.slice(0, healthReasonLengthMax);
  }

  /** All that reported, by name. */
  services(): readonly ServiceHealth[] {
    return [...this.#services.values()].sort((one, other) => (one.service < other.service ? -1 : 1));
  }

  isLive(): boolean {
    const needed = Object.keys(this.#options.needs);
    return needed.length === 0 || needed.some((service) => !isDown(this.#services.get(service)));
  }

  readsReady(): Readiness {
    const needed = this.#needed("reads");
    const ready = this.#closing === undefined && !needed.some(([, health]) => isDown(health));
    return { ready, reasons: this.#reasons(needed, this.#closing, this.#incident) };
  }

  writesReady(): Readiness {
    const needed = this.#needed("writes");
    const ready =
      this.#closing === undefined &&
      this.#incident === undefined &&
      needed.every(([, health]) => health?.state === "ready");
    return { ready, reasons: this.#reasons(needed, this.#closing, this.#incident) };
  }

  #needed(kind: keyof ServiceNeed): readonly (readonly [string, ServiceHealth | undefined])[] {
    const { needs } = this.#options;
    const names = Object.keys(needs).filter((service) => needs[service]?.[kind]);
    return names.map((service) => [service, this.#services.get(service)]);
  }

  #reasons(
    needed: readonly (readonly [string, ServiceHealth | undefined])[],
    ...nodeReasons: readonly (string | undefined)[]
  ): readonly string[] {
    const ofNode = nodeReasons.filter((reason) => reason !== undefined);
    const ofServices = needed
      .filter(([, health]) => health?.state !== "ready")
      .map(([service, health]) => describeHealth(service, health));
    return [...ofNode, ...ofServices];
  }
}

function isDown(health: ServiceHealth | undefined): boolean {
  return health?.state === "down" || health?.state === "unavailable";
}

function describeHealth(service: string, health: ServiceHealth | undefined): string {
  if (health === undefined) return `${service} has not reported yet`;
  return `${service} is ${health.state}${health.reason === undefined ? "" : `: ${health.reason}`}`;
}

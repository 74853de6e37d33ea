/** How ready an actor says that it is. */
export interface OwnHealth {
  readonly state: "ready" | "degraded";
  readonly reason: string | undefined;
}

/** Shared by all that never say anything else: an idle actor is small. */
export const READY: OwnHealth = { state: "ready", reason: undefined };

/**
 * Waiting until a simulation has nothing left to do at its present time.
 *
 * The platform runs a macrotask only when no promise turn is pending, however long their chains; and a seeded scheduler is
 * driven by promise turns. So one real macrotask is the end of all of it, and where it falls depends on nothing outside.
 */
import { unguarded } from "#runtime/real/guard.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";

/** Settles when every promise turn has run, those that they began too. It does not move any simulated clock. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => unguarded(() => realScheduler.macrotask(resolve)));
}

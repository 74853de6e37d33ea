/** The two shapes that a fault under way has. */
import type { Injection } from "#chaos/world.ts";

/** It happened, or it did not, and there is nothing to heal. */
export function happened(effects: number): Injection {
  return { heal: async () => undefined, effects: () => effects };
}

/** It goes on until it is healed. What it did is counted meanwhile. */
export function lasting(heal: () => unknown, effects: () => number): Injection {
  return {
    heal: async () => {
      await heal();
    },
    effects,
  };
}

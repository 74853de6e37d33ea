/** What the workload of names needs of a node: its HTTP edge, a clock and chance. */
import type { WorldAnswer, WorldRequest } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";

export interface NamesPort {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether what is sent has reached the node a millisecond later, as in a simulation: then a history settles it (OVL-27). */
  readonly arrivesAtOnce: boolean;
  /** Undefined where no answer came. */
  request(request: WorldRequest, client?: string): Promise<WorldAnswer | undefined>;
  /**
   * Undefined while something is wrong with the node or on the client's way to it; two that are the same: nothing was wrong in
   * between, so it is served.
   */
  day(client: string): number | undefined;
}

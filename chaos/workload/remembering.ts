/** How long nodes of runs with events remember tokens while their Postgres is away (`auth.revocationLateMs`). */
import type { Random } from "#runtime/random.ts";
import { minute, second } from "#runtime/units.ts";

/**
 * Every other one for so long that it spills what comes meanwhile; the others as long as where nothing is said, so that most of it
 * waits to be decided.
 */
export function lateMsOf(random: Random): number {
  return random.below(2) === 0 ? 1 * second : 1 * minute;
}

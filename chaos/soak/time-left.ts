/** How long a soak still takes, in a few words: its rounds, if those to come take as long as those that are done. */
import { minute, second } from "#runtime/units.ts";

/** A time that is shorter is told in seconds. */
const SECONDS_MS_MAX: number = 2 * minute;

export function timeLeft(done: number, rounds: number, elapsedMs: number): string {
  const leftMs = (elapsedMs / done) * (rounds - done);
  if (leftMs < SECONDS_MS_MAX) return `some ${Math.ceil(leftMs / second)} s left`;
  return `some ${Math.round(leftMs / minute)} min left`;
}

/** What a node that does nothing holds. */
import { minute } from "#runtime/units.ts";

/** Looks, and the time between two of them: it meets no rhythm that a node has. */
const LOOKS = 10;
const LOOK_MS = 97;

/**
 * Timers, as most of some looks find them: now and then one of them is just being handled, and one look in so many meets
 * several of those at once. `wait` lets time pass.
 */
export async function timersAtRest(wait: (ms: number) => Promise<void>, armed: () => number): Promise<number> {
  await wait(1 * minute);
  const seen: number[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    await wait(LOOK_MS);
    seen.push(armed());
  }
  const timesOf = (count: number): number => seen.filter((other) => other === count).length;
  return seen.toSorted((one, other) => timesOf(other) - timesOf(one) || one - other)[0] ?? 0;
}

/**
 * What doubles each time and ends at `max`: the ceiling of the pause before another try. Whoever pauses draws anything up to it,
 * so that those that failed together do not all come back together.
 */
export function doubled(first: number, times: number, max: number): number {
  return Math.min(max, first * 2 ** Math.min(times, 32));
}

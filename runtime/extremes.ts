/**
 * The least and the greatest of any number of numbers. `Math.min(...numbers)` puts all of them on the stack, and throws where
 * they are more than some hundred thousand: it is for lists that do not grow with what is stored.
 */

/** Infinity where there are none. */
export function least(numbers: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY;
  for (const number of numbers) found = Math.min(found, number);
  return found;
}

/** `floor` where none is greater. */
export function greatest(numbers: Iterable<number>, floor: number): number {
  let found = floor;
  for (const number of numbers) found = Math.max(found, number);
  return found;
}

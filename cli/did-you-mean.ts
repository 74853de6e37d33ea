/**
 * What somebody meant who gave a name that there is not, where one is near: said as the command line says it of its commands. For
 * lists that are too long to be told whole. Knows nothing but JavaScript, so that every command can have it.
 */

/** Of three characters one may be wrong, and never more than so many. */
const MISTAKES_MAX = 3;

/** ` (did you mean X?)`, to be put behind what was given, or nothing. */
export function didYouMean(given: string, known: readonly string[]): string {
  const mistakesMax = Math.min(MISTAKES_MAX, Math.floor(given.length / 3));
  const [nearest] = known
    .map((name) => ({ name, mistakes: mistakesIn(given, name) }))
    .filter(({ mistakes }) => mistakes <= mistakesMax)
    .toSorted((one, other) => one.mistakes - other.mistakes);
  return nearest === undefined ? "" : ` (did you mean ${nearest.name}?)`;
}

/** Characters that are missing, surplus or others, and neighbours that have changed places. */
function mistakesIn(given: string, name: string): number {
  if (Math.abs(given.length - name.length) > MISTAKES_MAX) return Number.POSITIVE_INFINITY;
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: name.length + 1 }, (_, at) => at);
  for (let line = 1; line <= given.length; line += 1) {
    const next = [line];
    for (let at = 1; at <= name.length; at += 1) {
      const isSame = given[line - 1] === name[at - 1];
      const isTurned = given[line - 1] === name[at - 2] && given[line - 2] === name[at - 1];
      const changed = cost(row, at - 1) + (isSame ? 0 : 1);
      const turned = isTurned ? cost(before, at - 2) + 1 : changed;
      next.push(Math.min(changed, turned, cost(row, at) + 1, cost(next, at - 1) + 1));
    }
    [before, row] = [row, next];
  }
  return cost(row, name.length);
}

function cost(row: readonly number[], at: number): number {
  return row[at] ?? Number.POSITIVE_INFINITY;
}

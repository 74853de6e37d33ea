/** Problems as one sentence: how many there are, and the first of them. */

/** So many are said; of a million the first are enough. */
const SAID = 10;

/** Undefined where there are none. */
export function told(problems: readonly string[]): string | undefined {
  if (problems.length === 0) return undefined;
  const more = problems.length > SAID ? `; ${problems.length - SAID} more` : "";
  return `${problems.slice(0, SAID).join("; ")}${more}`;
}

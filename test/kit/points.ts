/** Which of many places a test visits: some of them; with `CEPA_POINTS=N` every Nth, and with `all` every one. */

/** Undefined where each test takes its own few. */
export const POINTS_STEP: number | undefined = stepOf(process.env["CEPA_POINTS"]);

/** The first and the last among them, and every `step`th. */
export function pointsOf<Point>(all: readonly Point[], step: number): readonly Point[] {
  return all.filter((_, at) => at % (POINTS_STEP ?? step) === 0 || at === all.length - 1);
}

/** The numbers of so many calls, which are counted from 1. */
export function countTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

/** Some of the points of a test that would last too long if it took them all. */
export interface Part {
  /** Follows the name of the test. */
  readonly name: string;
  of<Point>(points: readonly Point[]): readonly Point[];
}

/** So many where every point is taken, less where fewer are. */
export function partsOf(count: number): readonly Part[] {
  const partCount = Math.ceil(count / (POINTS_STEP ?? count));
  if (partCount === 1) return [{ name: "", of: (points) => points }];
  return Array.from({ length: partCount }, (_, part) => ({
    name: `, part ${part + 1} of ${partCount}`,
    of: (points) => points.filter((_point, at) => at % partCount === part),
  }));
}

function stepOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const step = text === "all" ? 1 : Number(text);
  if (!Number.isSafeInteger(step) || step < 1) throw new Error(`CEPA_POINTS is all or a count, not ${text}`);
  return step;
}

/** Which of many places a test visits: some of them, or, with `CEPA_POINTS=all`, every one. */

/** The first and the last among them, and every `step`th. */
export function pointsOf<Point>(all: readonly Point[], step: number): readonly Point[] {
  if (process.env["CEPA_POINTS"] === "all") return all;
  return all.filter((_, at) => at % step === 0 || at === all.length - 1);
}

/** Some of the points of a test that would last too long if it took them all. */
export interface Part {
  /** Follows the name of the test. */
  readonly name: string;
  of<Point>(points: readonly Point[]): readonly Point[];
}

/** So many where every point is taken; else the only one. */
export function partsOf(count: number): readonly Part[] {
  if (process.env["CEPA_POINTS"] !== "all" || count === 1) return [{ name: "", of: (points) => points }];
  return Array.from({ length: count }, (_, part) => ({
    name: `, part ${part + 1} of ${count}`,
    of: (points) => points.filter((_point, at) => at % count === part),
  }));
}

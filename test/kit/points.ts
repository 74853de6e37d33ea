/** Which of many places a test visits: some of them, or, with `CEPA_POINTS=all`, every one. */

/** The first and the last among them, and every `step`th. */
export function pointsOf<Point>(all: readonly Point[], step: number): readonly Point[] {
  if (process.env["CEPA_POINTS"] === "all") return all;
  return all.filter((_, at) => at % step === 0 || at === all.length - 1);
}

/** How much of each part has to be run by the tests, in per cent. */

export interface Threshold {
  readonly name: string;
  /** Whose path begins so. */
  readonly folders: readonly string[];
  readonly linesMin: number;
  readonly branchesMin: number;
}

/** What a user or an operator runs, and what judges it. */
const JUDGED: readonly string[] = [
  ...["runtime", "supervisor", "actors", "client", "cli"],
  ...["chaos", "library", "release", "gates"],
];

/** What is measured: everything that is not a test. Benchmarks and examples are told, and not judged: who reads them judges them. */
export const MEASURED: readonly string[] = [...JUDGED, "bench", "examples"];

/** 85 of all (seed 003 §13), and more of what everything stands on. */
export const THRESHOLDS: readonly Threshold[] = [
  { name: "kernel and supervisor", folders: ["runtime", "supervisor"], linesMin: 95, branchesMin: 90 },
  { name: "all", folders: JUDGED, linesMin: 85, branchesMin: 85 },
];

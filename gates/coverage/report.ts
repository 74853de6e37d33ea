/** What a coverage says, in a table and as JSON: the figures of each folder, of each threshold, and the worst files. */
import type { FileFigures } from "#gates/coverage/counts.ts";
import type { Coverage } from "#gates/coverage/coverage.ts";
import type { Threshold } from "#gates/coverage/thresholds.ts";

/** So many files are named in a table. JSON has all. */
const WORST_MAX = 15;

export interface Figures {
  readonly lines: number;
  readonly linesRun: number;
  readonly branches: number;
  readonly branchesTaken: number;
}

export interface Verdict extends Figures {
  readonly name: string;
  readonly linesMin: number;
  readonly branchesMin: number;
  readonly passes: boolean;
}

/** A threshold that nothing falls under has nothing to show for it, and fails. */
export function judge({ files }: Coverage, thresholds: readonly Threshold[]): readonly Verdict[] {
  return thresholds.map(({ name, folders, linesMin, branchesMin }) => {
    const figures = sumOf([...files].filter(([path]) => folders.some((folder) => path.startsWith(`${folder}/`))));
    const passes =
      figures.lines > 0 &&
      figures.linesRun * 100 >= figures.lines * linesMin &&
      figures.branchesTaken * 100 >= figures.branches * branchesMin;
    return { name, linesMin, branchesMin, ...figures, passes };
  });
}

/** By folder of the root, in the order of the paths. */
export function byFolder(files: Iterable<readonly [string, FileFigures]>): ReadonlyMap<string, Figures> {
  const groups = Map.groupBy(files, ([path]) => path.slice(0, path.indexOf("/")));
  return new Map([...groups].map(([folder, some]) => [folder, sumOf(some)]));
}

/** Where nothing is judged, only a part of the tests was run: what that does not load at all is left out of every figure. */
export function tableOf(coverage: Coverage, verdicts: readonly Verdict[]): string {
  const isWhole = verdicts.length > 0;
  const files = [...coverage.files].filter(([, { linesRun }]) => isWhole || linesRun > 0);
  const worst = files
    .map(([path, figures]) => ({ path, missed: missedOf(figures), figures }))
    .filter(({ missed, path }) => missed > 0 && !/^(bench|examples)\//.test(path))
    .sort((a, b) => b.missed - a.missed)
    .slice(0, WORST_MAX);
  return [
    ...(isWhole ? [] : ["not judged: part of the tests. Of the files that they load:", ""]),
    row("coverage of", "lines", "branches"),
    ...[...byFolder(files)].map(([folder, figures]) => row(folder, ...shares(figures))),
    ...(isWhole ? ["", ...verdicts.map(judged)] : []),
    "",
    ...worst.map(
      ({ path, figures }) => `${row(path, ...shares(figures))}  not run: ${spans(figures.linesMissed, LINES_SAID)}`,
    ),
    "",
    `${coverage.processes} processes and threads counted${broken(coverage)}`,
  ].join("\n");
}

/** One line; the figures of every file, with the lines that were not run and those of decisions with a branch left out. */
export function jsonOf(coverage: Coverage, verdicts: readonly Verdict[]): string {
  const { files, ...counted } = coverage;
  const told = [...files].map(([path, { linesMissed, branchesMissed, ...figures }]) => ({
    path,
    ...figures,
    linesMissed: spans(linesMissed),
    branchesMissed: spans(branchesMissed),
  }));
  const folders = [...byFolder(files)].map(([folder, figures]) => ({ folder, ...figures }));
  return JSON.stringify({ verdicts, folders, ...counted, files: told });
}

/** So many characters of lines are said in a table. */
const LINES_SAID = 40;

/** `3-5, 9`, cut after so many characters. */
export function spans(lines: readonly number[], charactersMax: number = Infinity): string {
  const found: { from: number; to: number }[] = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last?.to === line - 1) last.to = line;
    else found.push({ from: line, to: line });
  }
  const text = found.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax)}…`;
}

function sumOf(files: readonly (readonly [string, FileFigures])[]): Figures {
  const sum = { lines: 0, linesRun: 0, branches: 0, branchesTaken: 0 };
  for (const [, { lines, linesRun, branches, branchesTaken }] of files) {
    sum.lines += lines;
    sum.linesRun += linesRun;
    sum.branches += branches;
    sum.branchesTaken += branchesTaken;
  }
  return sum;
}

function missedOf({ lines, linesRun, branches, branchesTaken }: Figures): number {
  return lines - linesRun + branches - branchesTaken;
}

function shares({ lines, linesRun, branches, branchesTaken }: Figures): readonly [string, string] {
  return [share(linesRun, lines), share(branchesTaken, branches)];
}

/** Rounded down: 94.99 is not 95. */
function share(part: number, whole: number): string {
  return whole === 0 ? "-" : `${(Math.floor((part / whole) * 1000) / 10).toFixed(1)} %`;
}

function judged(verdict: Verdict): string {
  const { name, linesMin, branchesMin, passes } = verdict;
  return `${row(name, ...shares(verdict))}  ${passes ? "ok  " : "FAIL"} at least ${linesMin} % and ${branchesMin} %`;
}

function row(name: string, lines: string, branches: string): string {
  return `${name.padEnd(44)}${lines.padStart(9)}${branches.padStart(10)}`;
}

function broken({ broken: count, otherTexts }: Coverage): string {
  const cut = count === 0 ? "" : `; ${count} did not write to the end`;
  return otherTexts === 0 ? cut : `${cut}; a source with another text ${otherTexts} times, which does not count`;
}

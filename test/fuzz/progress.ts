/** What is under way: on a terminal a line that is drawn in its place, elsewhere a line every ten seconds. */
import { second } from "#runtime/units.ts";
import type { FuzzReport } from "#test/fuzz/fuzz.ts";
import type { Family, Target } from "#test/fuzz/target.ts";

export const PROGRESS_MS: number = 10 * second;
const DRAWING_MS = second / 4;

export interface Screen {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

type Progress = (family: Pick<Family, "name">) => (target: Pick<Target, "name">, soFar: FuzzReport) => void;

/** The time counts over all families: many that are short are not a line each. */
export function startProgress(screen: Screen, nowMs: () => number): Progress {
  let shownMs = nowMs();
  return (family) =>
    (target, { executions, reached, kept }) => {
      if (nowMs() - shownMs < (screen.isTTY ? DRAWING_MS : PROGRESS_MS)) return;
      shownMs = nowMs();
      const line = `${family.name}, ${target.name}: ${executions} executions, ${reached} ways reached, ${kept.length} inputs`;
      screen.write(screen.isTTY ? `\r\u001b[K${line}` : `cepa: ${line}\n`);
    };
}

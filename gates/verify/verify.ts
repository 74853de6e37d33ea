/** One stage after the other, and what became of each. */
import type { Stage } from "#gates/verify/stages.ts";
import { minute, second } from "#runtime/units.ts";

export type Verdict = "pass" | "fail" | "not-run";

export interface Verified {
  readonly stage: string;
  readonly verdict: Verdict;
  readonly seconds: number;
}

export interface Verification {
  readonly stages: readonly Stage[];
  readonly minutes: number;
  readonly nowMs: () => number;
  /** Its exit code; null where a signal ended it. */
  readonly run: (stage: Stage, command: readonly string[]) => Promise<number | null>;
}

/** Of a command that could not look at all that it is there for. */
const NOT_RUN_CODE = 3;

export async function verify({ stages, minutes, nowMs, run }: Verification): Promise<readonly Verified[]> {
  const endMs = nowMs() + minutes * minute;
  const verified: Verified[] = [];
  let isHopeless = false;
  for (const stage of stages) {
    if (isHopeless) {
      verified.push({ stage: stage.name, verdict: "not-run", seconds: 0 });
      continue;
    }
    const beganMs = nowMs();
    const leftMs = endMs - beganMs;
    const more = stage.takesTime === true && leftMs > 0 ? ["--minutes", `${leftMs / minute}`] : [];
    const verdict = verdictOf(await run(stage, [...stage.command, ...more]));
    verified.push({ stage: stage.name, verdict, seconds: Math.round((nowMs() - beganMs) / second) });
    isHopeless = stage.isFirst === true && verdict !== "pass";
  }
  return verified;
}

/** What was not run has not passed. */
export function isPassed(verified: readonly Verified[]): boolean {
  return verified.length > 0 && verified.every(({ verdict }) => verdict === "pass");
}

function verdictOf(code: number | null): Verdict {
  if (code === 0) return "pass";
  return code === NOT_RUN_CODE ? "not-run" : "fail";
}

/**
 * What a check of a release came to. There are three answers, and the third one is not the first: what could not be looked
 * at, because a tool, the network or another file was missing, is `not-checked`, and a release of which that is said of
 * anything has not passed.
 */
import { unreachable } from "#runtime/errors.ts";

export type Verdict = "pass" | "fail" | "not-checked";

export interface Gate {
  readonly name: string;
  readonly verdict: Verdict;
  /** One sentence: what was looked at, what is wrong, or what was missing. */
  readonly reason: string;
}

export function pass(name: string, reason: string): Gate {
  return { name, verdict: "pass", reason };
}

export function failed(name: string, reason: string): Gate {
  return { name, verdict: "fail", reason };
}

export function notChecked(name: string, reason: string): Gate {
  return { name, verdict: "not-checked", reason };
}

/** Passed where there is nothing wrong; else what is, the first of it and how much more. */
export function judged(name: string, problems: readonly string[], praise: string): Gate {
  const [first] = problems;
  if (first === undefined) return pass(name, praise);
  return failed(name, problems.length === 1 ? first : `${first} (and ${problems.length - 1} more)`);
}

/** Of all together: a pass takes one gate at least. */
export function verdictOf(gates: readonly Gate[]): Verdict {
  if (gates.some(({ verdict }) => verdict === "fail")) return "fail";
  return gates.length > 0 && gates.every(({ verdict }) => verdict === "pass") ? "pass" : "not-checked";
}

/** Zero says that all was checked and passed, and nothing else does. */
export function exitCodeOf(verdict: Verdict): number {
  switch (verdict) {
    case "pass":
      return 0;
    case "fail":
      return 1;
    case "not-checked":
      return 3;
    default:
      return unreachable(verdict);
  }
}

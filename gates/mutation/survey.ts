/**
 * Looks at tests before anything is planted, to see what each of them runs, several at once, until the time is over.
 *
 * Without the whole of it nothing can be planted: a mutant would survive the tests that nobody has looked at.
 */
import type { Reach } from "#gates/mutation/reach.ts";

export interface SurveyOptions {
  readonly reach: Reach;
  readonly jobs: number;
  /** Of one that was looked at, now or before. */
  looked(count: number): void;
}

export interface Survey {
  readonly looked: number;
  readonly of: number;
  /** They fail, or take too long. */
  readonly unusable: readonly string[];
}

/** It ends before all were looked at where the runner was ended. */
export async function survey(tests: readonly string[], { reach, jobs, looked }: SurveyOptions): Promise<Survey> {
  const open = tests.values();
  const unusable: string[] = [];
  let count = 0;
  const work = async (): Promise<void> => {
    for (const test of open) {
      const seen = await reach.look(test);
      if (seen === "ended") return;
      if (seen === "unusable") unusable.push(test);
      count += 1;
      looked(count);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return { looked: count, of: tests.length, unusable: unusable.sort() };
}

/** The nearest first: those of the folder of the tests that `paths` have. */
export function inOrder(tests: readonly string[], paths: Iterable<string>): readonly string[] {
  const own = new Set([...paths].map((path) => `test/${path.replace(/\.ts$/, "")}`));
  const isNear = (test: string): boolean => own.has(test.replace(/\.test\.ts$/, ""));
  return tests.toSorted((a, b) => Number(isNear(b)) - Number(isNear(a)) || (a < b ? -1 : 1));
}

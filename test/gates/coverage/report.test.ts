/** What is made of a coverage: verdicts at both sides of their thresholds, and lines as spans. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Coverage } from "#gates/coverage/coverage.ts";
import { judge, spans } from "#gates/coverage/report.ts";

const threshold = { name: "kernel", folders: ["runtime"], linesMin: 95, branchesMin: 90 };

function coverage(path: string, linesRun: number, branchesTaken: number): Coverage {
  const figures = { lines: 100, linesRun, branches: 100, branchesTaken, linesMissed: [], branchesMissed: [] };
  return { files: new Map([[path, figures]]), processes: 1, broken: 0, otherTexts: 0 };
}

describe("coverage: verdicts", () => {
  for (const [what, linesRun, branchesTaken, passes] of [
    ["as much as is wanted", 95, 90, true],
    ["a line too few", 94, 90, false],
    ["a branch too few", 95, 89, false],
  ] as const) {
    it(`of ${what}: ${passes ? "it passes" : "it fails"}`, () => {
      const [verdict] = judge(coverage("runtime/a.ts", linesRun, branchesTaken), [threshold]);

      assert.equal(verdict?.passes, passes);
    });
  }

  it("of nothing: it fails, since nothing was looked at", () => {
    const [verdict] = judge(coverage("runtimes/a.ts", 100, 100), [threshold]);

    assert.deepEqual([verdict?.lines, verdict?.passes], [0, false]);
  });
});

describe("coverage: spans of lines", () => {
  it("join neighbours, and are cut where they are too long", () => {
    assert.equal(spans([1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
    assert.equal(spans([1, 3, 5, 7], 4), "1, 3…");
    assert.equal(spans([]), "");
  });
});

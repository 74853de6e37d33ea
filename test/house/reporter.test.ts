/** The reporter of the project's own tests, which decides whether a run was green. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TestEvent } from "node:test/reporters";
import { Reporter, type Totals } from "#test/reporter.ts";

const FILE = "/p/test/a.test.ts";

function report(events: readonly unknown[]): { readonly lines: readonly string[]; readonly totals: Totals } {
  const lines: string[] = [];
  const reporter = new Reporter("/p", (line) => lines.push(line));
  for (const event of events) reporter.accept(event as TestEvent);
  return { lines, totals: reporter.end(1000) };
}

function verdict(kind: "pass" | "fail", name: string, file: string, error?: Error): unknown {
  return { type: `test:${kind}`, data: { name, file, nesting: 0, details: { type: "test", error } } };
}

function summary(file: string): unknown {
  return { type: "test:summary", data: { file, duration_ms: 5 } };
}

describe("reporter", () => {
  it("counts what passed, and names what failed with its error", () => {
    const error = new Error("1 test failed", { cause: new Error("2 is not 3") });

    const { lines, totals } = report([
      verdict("pass", "adds", FILE),
      verdict("fail", "counts", FILE, error),
      summary(FILE),
    ]);

    assert.deepEqual(totals, { passed: 1, failed: 1, skipped: 0 });
    assert.equal(lines[0], "FAIL test/a.test.ts  1 passed, 1 failed  5 ms");
    assert.match(lines[1] ?? "", /FAILED test\/a\.test\.ts\n {2}counts\n {4}2 is not 3/);
  });

  it("prints what a test says of itself below its file, and not what the runner says", () => {
    const said = (message: string, file?: string): unknown => ({
      type: "test:diagnostic",
      data: { message, file, nesting: 1 },
    });
    const start = (name: string, nesting: number): unknown => ({ type: "test:start", data: { name, nesting } });

    const { lines } = report([
      start("points", 0),
      start("of a put", 1),
      verdict("pass", "of a put", FILE),
      said("41 points", FILE),
      summary(FILE),
      said("tests 1"),
    ]);

    assert.deepEqual(lines.slice(0, 2), ["ok   test/a.test.ts  1 passed  5 ms", "       of a put: 41 points"]);
    assert.equal(lines.length, 3);
  });

  it("counts the tests of a shared suite for the file that ran it", () => {
    const suite = "/p/test/suite.ts";
    const other = "/p/test/b.test.ts";

    const { lines, totals } = report([
      verdict("pass", "holds", suite),
      verdict("pass", FILE, FILE),
      summary(FILE),
      verdict("pass", "holds", suite),
      verdict("fail", "lasts", suite, new Error("no")),
      summary(other),
    ]);

    assert.deepEqual(totals, { passed: 2, failed: 1, skipped: 0 });
    assert.deepEqual(lines.slice(0, 2), [
      "ok   test/a.test.ts  1 passed  5 ms",
      "FAIL test/b.test.ts  1 passed, 1 failed  5 ms",
    ]);
  });

  it("fails a file that ran no test, and one that ended early", () => {
    const early = Object.assign(new Error("test failed"), { exitCode: null, signal: "SIGKILL" });

    const none = report([verdict("pass", FILE, FILE), summary(FILE)]);
    const killed = report([verdict("pass", "adds", FILE), verdict("fail", FILE, FILE, early), summary(FILE)]);

    assert.deepEqual([none.totals.failed, killed.totals.failed], [1, 1]);
    assert.match(none.lines.join("\n"), /it ran no test/);
    assert.match(killed.lines.join("\n"), /it was ended by SIGKILL/);
  });
});

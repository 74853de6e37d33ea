/**
 * Prints a test run plainly: one line a file, with what its tests say of themselves (how many points they tried), the failures
 * whole at the end, then one line of totals.
 *
 * Given to Node's test runner as its reporter; `verbose` prints the name of every test.
 */
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

interface FileTally {
  passed: number;
  failed: number;
  skipped: number;
  durationMs: number;
}

interface FailedTest {
  readonly file: string;
  readonly name: string;
  readonly error: unknown;
}

/** What a run came to. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface ReporterOptions {
  /** Prints the name of every test. */
  readonly verbose?: boolean;
  /** Only some tests were asked for: a file in which none of them is found has not failed. */
  readonly partial?: boolean;
}

type Verdict = Extract<TestEvent, { type: "test:pass" | "test:fail" }>;

export class Reporter {
  readonly #root: string;
  readonly #print: (line: string) => void;
  readonly #verbose: boolean;
  readonly #partial: boolean;
  readonly #files = new Map<string, FileTally>();
  /** Of the file whose turn it is: the tests that a suite shared by several files has defined. */
  #shared = emptyTally();
  readonly #failures: FailedTest[] = [];
  /** What the tests of the file whose turn it is have said. */
  readonly #notes: string[] = [];
  /** Names of the suites around the test that comes next, by nesting. */
  readonly #path: string[] = [];

  constructor(root: string, print: (line: string) => void, { verbose = false, partial = false }: ReporterOptions = {}) {
    this.#root = root;
    this.#print = print;
    this.#verbose = verbose;
    this.#partial = partial;
  }

  accept(event: TestEvent): void {
    switch (event.type) {
      case "test:start":
        this.#path.length = event.data.nesting;
        this.#path[event.data.nesting] = event.data.name;
        return;
      case "test:pass":
      case "test:fail":
        this.#judge(event);
        return;
      case "test:diagnostic":
        // The runner's own are of no file.
        if (event.data.file !== undefined)
          this.#notes.push(`${this.#path.at(event.data.nesting)}: ${event.data.message}`);
        return;
      case "test:stderr":
        this.#print(event.data.message.trimEnd());
        return;
      case "test:summary":
        if (event.data.file !== undefined) this.#endFile(event.data.file, event.data.duration_ms);
        return;
      default:
        return;
    }
  }

  /** Prints the failures, then the totals. */
  end(durationMs: number): Totals {
    const totals = { passed: 0, failed: 0, skipped: 0 };
    for (const { passed, failed, skipped } of this.#files.values()) {
      totals.passed += passed;
      totals.failed += failed;
      totals.skipped += skipped;
    }
    for (const { file, name, error } of this.#failures)
      this.#print(`\nFAILED ${file}\n  ${name}\n${indent(tell(error))}`);
    const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
    const seconds = (durationMs / 1000).toFixed(1);
    this.#print(
      `\n${totals.passed} passed, ${totals.failed} failed${skipped} in ${this.#files.size} files, ${seconds} s`,
    );
    return totals;
  }

  #judge({ type, data }: Verdict): void {
    const file = data.file ?? "";
    if (data.name === file) {
      this.#judgeFile(file, type === "test:fail" ? data.details.error : undefined);
      return;
    }
    const tally = file.endsWith(".test.ts") ? this.#tallyOf(file) : this.#shared;
    // A suite counts only when it fails for itself: its tests are counted already.
    const suite = data.details.type === "suite";
    const error = type === "test:fail" ? causeOf(data.details.error) : undefined;
    const inherited = suite && typeof error === "string" && /subtests? failed/.test(error);
    if (type === "test:fail" && !inherited) {
      tally.failed += 1;
      const name = [...this.#path.slice(0, data.nesting), data.name].join(" › ");
      this.#failures.push({ file: this.#short(file), name, error });
    } else if (!suite && data.skip !== undefined) tally.skipped += 1;
    else if (!suite && type === "test:pass") tally.passed += 1;
    if (this.#verbose)
      this.#print(`${"  ".repeat(data.nesting)}${type === "test:pass" ? "ok  " : "FAIL"} ${data.name}`);
  }

  /** The runner's verdict on a file as a whole: it could not be loaded, ended early, or ended well without any test. */
  #judgeFile(path: string, error: Error | undefined): void {
    const tally = this.#withShared(path);
    if (error === undefined && (this.#partial || tally.passed > 0)) return;
    const file = this.#short(path);
    tally.failed += 1;
    this.#failures.push({ file, name: error === undefined ? "it ran no test" : endOf(error), error });
    this.#print(`FAIL ${file}  the file itself failed`);
  }

  #endFile(file: string, durationMs: number): void {
    const tally = this.#withShared(file);
    tally.durationMs = durationMs;
    const mark = tally.failed > 0 ? "FAIL" : "ok  ";
    const failed = tally.failed > 0 ? `, ${tally.failed} failed` : "";
    const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : "";
    this.#print(
      `${mark} ${this.#short(file)}  ${tally.passed} passed${failed}${skipped}  ${Math.round(durationMs)} ms`,
    );
    for (const note of this.#notes.splice(0)) this.#print(`       ${note}`);
  }

  #tallyOf(file: string): FileTally {
    const tally = this.#files.get(file) ?? emptyTally();
    this.#files.set(file, tally);
    return tally;
  }

  /** The runner tells file after file, each to its end. */
  #withShared(file: string): FileTally {
    const tally = this.#tallyOf(file);
    tally.passed += this.#shared.passed;
    tally.failed += this.#shared.failed;
    tally.skipped += this.#shared.skipped;
    this.#shared = emptyTally();
    return tally;
  }

  #short(file: string): string {
    return relative(this.#root, file);
  }
}

function emptyTally(): FileTally {
  return { passed: 0, failed: 0, skipped: 0, durationMs: 0 };
}

/** The runner wraps what a test threw. */
function causeOf(error: Error): unknown {
  return error.cause ?? error;
}

/** How the process of a file ended. */
function endOf(error: Error): string {
  const { exitCode, signal } = { exitCode: undefined, signal: undefined, ...error };
  if (exitCode === undefined) return "it failed outside its tests";
  return signal === undefined || signal === null ? `it exited with ${String(exitCode)}` : `it was ended by ${signal}`;
}

function tell(error: unknown): string {
  if (error === undefined) return "A test file with nothing to test proves nothing.";
  if (!(error instanceof Error)) return typeof error === "string" ? error : inspect(error);
  // The runner's own frames say nothing about the test.
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line) && !line.includes("node:"));
  return [error.message, ...frames].join("\n");
}

function indent(text: string): string {
  return text.replace(/^/gm, "    ");
}

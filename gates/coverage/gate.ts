/**
 * The coverage of a run of the tests, and what it is judged by.
 *
 * Only all tests together can be judged: of a part of them the figures are told, and no verdict. Whoever makes one hands
 * `NODE_V8_COVERAGE` on to every process from then on. They compile what they run: of code that comes
 * from a cache V8 does not count every block.
 */
import { join } from "node:path";
import { CoverageCollector } from "#gates/coverage/coverage.ts";
import { jsonOf, judge, tableOf } from "#gates/coverage/report.ts";
import { MEASURED, THRESHOLDS } from "#gates/coverage/thresholds.ts";

export class CoverageGate {
  readonly #collector: CoverageCollector;
  readonly #isWhole: boolean;

  constructor(root: string, { isWhole }: { readonly isWhole: boolean }) {
    this.#collector = new CoverageCollector({ root, folders: MEASURED, scratch: join(root, ".cache", "coverage") });
    this.#isWhole = isWhole;
    process.env["NODE_V8_COVERAGE"] = this.#collector.folder;
    process.env["NODE_COMPILE_CACHE"] = "";
  }

  take(): void {
    this.#collector.take();
  }

  /** Prints what came of it; false where it is judged, and is too little. */
  end(print: (line: string) => void, { json }: { readonly json: boolean }): boolean {
    const coverage = this.#collector.end();
    const verdicts = this.#isWhole ? judge(coverage, THRESHOLDS) : [];
    print(`\n${tableOf(coverage, verdicts)}`);
    if (json) print(jsonOf(coverage, verdicts));
    return verdicts.every(({ passes }) => passes);
  }
}

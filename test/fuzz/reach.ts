/**
 * Which blocks of this repository's own sources an execution went through, as V8 counts them.
 *
 * One at a time in a process: what is counted is everything that ran since the last look.
 */
import { type Profiler, Session } from "node:inspector";

/** Sources that count: what is fuzzed, not what fuzzes. */
const OWN = /\/(actors|runtime|client)\//;

export class Reach {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /**
   * What ran since the last look: for each function how often each of its blocks did, roughly. Two executions that differ in
   * a branch, or in how long a loop went on, differ in one of these.
   */
  look(): ReadonlySet<string> {
    const shapes = new Set<string>();
    for (const { scriptId, functions } of this.#take()) {
      for (const { ranges } of functions) {
        const blocks = ranges.map(({ startOffset, endOffset, count }) => `${startOffset}-${endOffset}×${rough(count)}`);
        if ((ranges[0]?.count ?? 0) > 0) shapes.add(`${scriptId}:${blocks.join(",")}`);
      }
    }
    return shapes;
  }

  close(): void {
    this.#session.disconnect();
  }

  /** The answer comes before `post` returns. */
  #take(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (_, answer) => {
      taken = answer.result.filter(({ url }) => OWN.test(url));
    });
    return taken;
  }
}

/** Once, twice and often are different things; 40 and 41 times are not. */
function rough(count: number): number {
  return count < 4 ? count : 2 ** Math.floor(Math.log2(count));
}

/**
 * Which blocks of this repository's own sources an execution went through, as V8 counts them.
 *
 * One at a time in a process: what is counted is everything that ran since the last look. A look takes as long as hundreds of
 * executions, so there is a close one, after a single execution, and one from afar, after as many as you like.
 */
import { type Profiler, Session } from "node:inspector";

/** Sources that count: what is fuzzed, not what fuzzes. */
const OWN = /\/(actors|runtime|client|supervisor|chaos)\//;

type Ranges = Profiler.FunctionCoverage["ranges"];
/** Offsets in a source. */
type Stretch = readonly [start: number, end: number];

/** Of functions by their places: what of them is still missing. */
export type News = ReadonlyMap<string, readonly Stretch[]>;

export class Reach {
  readonly #session = new Session();
  /** Of each function that ever ran: what of it never did. */
  readonly #missing = new Map<string, readonly Stretch[]>();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /**
   * What one execution did: for each function how often each of its blocks ran, roughly. Two executions that differ in a
   * branch, or in how long a loop went on, differ in one of these.
   */
  lookClosely(): ReadonlySet<string> {
    const ways = new Set<string>();
    for (const { scriptId, functions } of this.#take()) {
      for (const { ranges } of functions) {
        this.#missing.set(...this.#missingIn(scriptId, ranges));
        const blocks = ranges.map(({ startOffset, endOffset, count }) => `${startOffset}-${endOffset}×${rough(count)}`);
        ways.add(`${scriptId}:${blocks.join(",")}`);
      }
    }
    return ways;
  }

  /** What went where nothing had been before, since the last look; undefined where nothing did. It counts once it is noted. */
  lookFromAfar(): News | undefined {
    const news = new Map<string, readonly Stretch[]>();
    for (const { scriptId, functions } of this.#take()) {
      for (const { ranges } of functions) {
        const [name, left] = this.#missingIn(scriptId, ranges);
        const before = this.#missing.get(name);
        if (before === undefined || lengthOf(left) < lengthOf(before)) news.set(name, left);
      }
    }
    return news.size === 0 ? undefined : news;
  }

  note(news: News): void {
    for (const [name, left] of news) {
      const before = this.#missing.get(name);
      this.#missing.set(name, before === undefined ? left : common(before, left));
    }
  }

  close(): void {
    this.#session.disconnect();
  }

  /** What of a function is still missing, with what ran of it now. */
  #missingIn(scriptId: string, ranges: Ranges): readonly [name: string, left: readonly Stretch[]] {
    const [whole] = ranges;
    const name = `${scriptId}:${whole?.startOffset}-${whole?.endOffset}`;
    const missing = ranges
      .filter(({ count }) => count === 0)
      .map(({ startOffset, endOffset }): Stretch => [startOffset, endOffset]);
    const before = this.#missing.get(name);
    return [name, before === undefined ? missing : common(before, missing)];
  }

  /** Functions that ran. The answer comes before `post` returns. */
  #take(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (_, answer) => {
      taken = answer.result
        .filter(({ url }) => OWN.test(url))
        .map((script) => ({
          ...script,
          functions: script.functions.filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0),
        }));
    });
    return taken;
  }
}

/** What is in both. */
function common(some: readonly Stretch[], others: readonly Stretch[]): readonly Stretch[] {
  return some.flatMap(([start, end]) =>
    others.map(([from, to]): Stretch => [Math.max(start, from), Math.min(end, to)]).filter(([from, to]) => from < to),
  );
}

function lengthOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((length, [start, end]) => length + end - start, 0);
}

/** Once, twice and often are different things; 40 and 41 times are not. */
function rough(count: number): number {
  return count < 4 ? count : 2 ** Math.floor(Math.log2(count));
}

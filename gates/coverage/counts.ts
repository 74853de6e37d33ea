/**
 * How often each place of a source was come to, summed over every process that loaded it.
 *
 * V8 says it in ranges, one inside another: at a place counts the innermost. A function has two counts at its first
 * character, how often it was made and how often it was called; what is asked about a place is what its surroundings did, so
 * a function that begins there does not count.
 */
import type { Branch, Outline } from "#gates/coverage/outline.ts";
import { loadedText } from "#gates/javascript.ts";

/** As V8 writes it. */
export interface CountedRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

export interface CountedFunction {
  /** The function itself, then blocks of it whose count is another one. */
  readonly ranges: readonly CountedRange[];
}

export interface CountedScript {
  readonly url: string;
  readonly functions: readonly CountedFunction[];
}

/** How much of what there is to run was run, and the lines of what was not. */
export interface FileFigures {
  readonly lines: number;
  readonly linesRun: number;
  readonly branches: number;
  readonly branchesTaken: number;
  readonly linesMissed: readonly number[];
  /** Lines of decisions of which a branch was not taken. */
  readonly branchesMissed: readonly number[];
}

export class Counts {
  readonly #outline: Outline;
  /** Every offset that is asked about, in order. */
  readonly #places: readonly number[];
  readonly #counts = new Map<number, number>();

  constructor(outline: Outline) {
    this.#outline = outline;
    const branches = outline.branches.flatMap(({ at, instead = at }) => [at, instead]);
    this.#places = [...new Set([...outline.lines.map(({ at }) => at), ...branches])].sort((a, b) => a - b);
  }

  /** False, and nothing is counted, for a script of other text: a source with a bug planted in it is loaded under its name. */
  add({ url, functions }: CountedScript): boolean {
    if (functions[0]?.ranges[0]?.endOffset !== loadedText(this.#outline.text, url).length) return false;
    const ranges = functions
      .flatMap(({ ranges: [whole, ...blocks] }) => [
        ...(whole === undefined ? [] : [{ ...whole, isWhole: true }]),
        ...blocks.map((block) => ({ ...block, isWhole: false })),
      ])
      .sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
    const open: typeof ranges = [];
    let next = 0;
    for (const at of this.#places) {
      for (let range = ranges[next]; range !== undefined && range.startOffset <= at; range = ranges[next]) {
        // Looked at again for the next place, by which it is no function that begins there.
        if (range.isWhole && range.startOffset === at && at > 0) break;
        while ((open.at(-1)?.endOffset ?? Infinity) <= range.startOffset) open.pop();
        open.push(range);
        next += 1;
      }
      while ((open.at(-1)?.endOffset ?? Infinity) <= at) open.pop();
      this.#counts.set(at, this.at(at) + (open.at(-1)?.count ?? 0));
    }
    return true;
  }

  at(place: number): number {
    return this.#counts.get(place) ?? 0;
  }

  figures(): FileFigures {
    const { lines, branches } = this.#outline;
    const all = new Set(lines.map(({ line }) => line));
    const run = new Set(lines.filter(({ at }) => this.at(at) > 0).map(({ line }) => line));
    const missed = branches.filter((branch) => !this.#wasTaken(branch));
    return {
      lines: all.size,
      linesRun: run.size,
      branches: branches.length,
      branchesTaken: branches.length - missed.length,
      linesMissed: [...all].filter((line) => !run.has(line)).sort((a, b) => a - b),
      branchesMissed: [...new Set(missed.map(({ line }) => line))],
    };
  }

  #wasTaken({ at, instead }: Branch): boolean {
    return this.at(at) > (instead === undefined ? 0 : this.at(instead));
  }
}

/**
 * The choices of one run, and which run comes next: a depth-first walk over a tree that is not known before.
 *
 * Each point of choice remembers which of its members turned out to have nothing to do: what follows is the same with
 * and without their turn, so they are tried, passed over, and never a branch.
 */
import { assert } from "#runtime/errors.ts";

interface Point {
  readonly count: number;
  index: number;
  /** Members before `index` that had nothing to do. */
  readonly idle: number[];
  /** Another member had something to do in an earlier run. */
  isOld: boolean;
}

export class Choices {
  readonly #points: Point[] = [];
  readonly #only: readonly number[] | undefined;
  #depth = 0;

  /** `only` makes these choices and takes the first possible one afterwards. */
  constructor(only: readonly number[] | undefined) {
    this.#only = only;
  }

  /** What was chosen in this run. */
  get path(): readonly number[] {
    return this.#points.slice(0, this.#depth).map(({ index }) => index);
  }

  /**
   * Lets one of `count` members run: `run` answers whether it had something to do. False when this run is one that was
   * there before.
   */
  take(count: number, run: (index: number) => boolean): boolean {
    const point = this.#points[this.#depth] ?? this.#open(count);
    assert(point.count === count, "a program is a function of the choices made for it");
    this.#depth += 1;
    for (const index of point.idle) run(index);
    while (point.index < count) {
      if (run(point.index)) return true;
      point.idle.push(point.index);
      point.index += 1;
    }
    // Where nobody had anything to do there is nothing to choose.
    return !point.isOld;
  }

  /** Goes on to the next run. False when there is none. */
  advance(): boolean {
    this.#depth = 0;
    for (let last = this.#points.at(-1); last !== undefined; last = this.#points.at(-1)) {
      last.index += 1;
      last.isOld = true;
      if (last.index < last.count) return true;
      this.#points.pop();
    }
    return false;
  }

  #open(count: number): Point {
    const point = { count, index: this.#only?.[this.#depth] ?? 0, idle: [], isOld: false };
    this.#points.push(point);
    return point;
  }
}

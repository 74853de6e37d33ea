/**
 * The choices of one run, and which run comes next: a depth-first walk over a tree that is not known before.
 *
 * Each point of choice remembers which of its members turned out to have nothing to do: what follows is the same with
 * and without their turn, so they are tried, passed over, and never a branch.
 */
import { assert, Defect } from "#runtime/errors.ts";

interface Point {
  readonly count: number;
  /** Those from here on are not tried. */
  end: number;
  index: number;
  /** Members before `index` that had nothing to do. */
  readonly idle: number[];
  /** Another member had something to do in an earlier run. */
  isOld: boolean;
}

const NO_INTERLEAVING = "no interleaving of this program";

export class Choices {
  readonly #points: Point[] = [];
  readonly #only: readonly number[];
  /** Of `only`, those that were made. */
  #given = 0;
  #depth = 0;
  #leftOut = false;

  /** `only` makes these choices, as `path` names them, and takes the first possible one afterwards. */
  constructor(only: readonly number[] = []) {
    this.#only = only;
  }

  /** Who ran in this run: each by its place among those who were left at that time. */
  get path(): readonly number[] {
    return [...this.#only.slice(0, this.#given), ...this.#points.slice(0, this.#depth).flatMap(placesOf)];
  }

  /** Whether a member was ever left out because of `first`. */
  get leftOut(): boolean {
    return this.#leftOut;
  }

  /** The run is over: a defect when `only` had more choices than there were. */
  finish(): void {
    if (this.#given === this.#only.length) return;
    const had = `\`only\` has ${this.#only.length} choices, and the program had ${this.#given} to make`;
    throw new Defect(`${had}: ${NO_INTERLEAVING}`);
  }

  /**
   * Lets one of `count` members run: `run` answers whether it had something to do. Where one of the `first` has, only those
   * are tried. False when this run is one that was there before.
   */
  take(count: number, run: (index: number) => boolean, first = 0): boolean {
    const given = this.#only[this.#given];
    if (given !== undefined) {
      run(this.#fitting(given, count));
      return true;
    }
    const point = this.#points[this.#depth] ?? this.#open(count);
    assert(point.count === count, "a program is a function of the choices made for it");
    this.#depth += 1;
    for (const index of point.idle) run(index);
    while (point.index < point.end) {
      if (run(point.index)) {
        if (point.index < first) this.#keepTo(point, first);
        return true;
      }
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
      if (last.index < last.end) return true;
      this.#points.pop();
    }
    return false;
  }

  #open(count: number): Point {
    const point = { count, end: count, index: 0, idle: [], isOld: false };
    this.#points.push(point);
    return point;
  }

  #keepTo(point: Point, first: number): void {
    point.end = first;
    if (first < point.count) this.#leftOut = true;
  }

  #fitting(given: number, count: number): number {
    this.#given += 1;
    if (Number.isInteger(given) && given >= 0 && given < count) return given;
    const line = count === 1 ? "1 stands in line" : `${count} stand in line`;
    throw new Defect(`choice ${this.#given} of \`only\` is ${given}, and ${line}: ${NO_INTERLEAVING}`);
  }
}

/** Those who had nothing to do ran before the one who had, and each that has run is out of the line for the next. */
function placesOf({ count, index, idle }: Point): readonly number[] {
  const ran = index < count ? [...idle, index] : idle;
  return ran.map((own, turn) => own - ran.slice(0, turn).filter((earlier) => earlier < own).length);
}

/**
 * How often something happened lately, against a budget. It remembers at most `countMax` + 1 moments, whatever happens.
 */
export class SlidingWindow {
  readonly #countMax: number;
  readonly #periodMs: number;
  #momentsMs: number[] = NONE;

  /** More than `countMax` times within `periodMs` exceeds the budget. */
  constructor(countMax: number, periodMs: number) {
    this.#countMax = countMax;
    this.#periodMs = periodMs;
  }

  /**
   * Notes that it happened at `nowMs`; true when the budget is exceeded, which is at number `countMax` + 1 inside the
   * window. What happened exactly `periodMs` ago is outside.
   */
  exceededBy(nowMs: number): boolean {
    this.#momentsMs = this.#momentsMs.filter((momentMs) => nowMs - momentMs < this.#periodMs);
    this.#momentsMs.push(nowMs);
    if (this.#momentsMs.length <= this.#countMax) return false;
    this.#momentsMs.splice(0, this.#momentsMs.length - this.#countMax - 1);
    return true;
  }

  /** Begins anew: somebody, or a long quiet time, has vouched for it. */
  clear(): void {
    this.#momentsMs = NONE;
  }
}

/** Never written to: most windows never see anything, and there may be a hundred thousand of them. */
const NONE: number[] = [];

/**
 * A sliding window over restarts. It remembers at most `restartsMax` + 1 moments, whatever happens.
 */
import type { Budget } from "#supervisor/child-spec.ts";

export class RestartWindow {
  readonly #budget: Budget;
  #momentsMs: number[] = [];

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /**
   * Notes an exit at `nowMs`; true when the budget is exceeded, which is at number `restartsMax` + 1 inside the window.
   * An exit exactly `periodMs` ago is outside.
   */
  exceededBy(nowMs: number): boolean {
    this.#momentsMs = this.#momentsMs.filter((momentMs) => nowMs - momentMs < this.#budget.periodMs);
    this.#momentsMs.push(nowMs);
    if (this.#momentsMs.length <= this.#budget.restartsMax) return false;
    this.#momentsMs.splice(0, this.#momentsMs.length - this.#budget.restartsMax - 1);
    return true;
  }

  /** Begins anew: an operator, or a long stable life, has vouched for the child. */
  clear(): void {
    this.#momentsMs = [];
  }
}

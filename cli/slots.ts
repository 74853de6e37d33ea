/** A bounded number of things at a time, first come, first served. */

/** Transfers that one command has under way at once. */
export const TRANSFERS_MAX = 8;

/** Whoever takes one gives it back. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #freeCount: number;

  constructor(count: number) {
    this.#freeCount = count;
  }

  /** Settles when there is a slot. Whoever takes one gives it back. */
  async take(): Promise<void> {
    if (this.#freeCount > 0) this.#freeCount -= 1;
    else await new Promise<void>((resume) => this.#waiting.push(resume));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#freeCount += 1;
    else next();
  }
}

/** Who may write: at most so many at once, the others wait in order of arrival. */
import { assert } from "#runtime/errors.ts";

interface Waiting {
  readonly grant: () => void;
}

export class LeaseLine {
  readonly #leasesMax: () => number;
  readonly #waiting = new Set<Waiting>();
  #leasedCount = 0;

  /** `leasesMax` is asked each time, because the configuration may change. */
  constructor(leasesMax: () => number) {
    this.#leasesMax = leasesMax;
  }

  /** Waits for its turn; false when `signal` was aborted first. */
  enter(signal: AbortSignal): Promise<boolean> | boolean {
    if (signal.aborted) return false;
    if (this.#waiting.size === 0 && this.#leasedCount < this.#leasesMax()) {
      this.#leasedCount += 1;
      return true;
    }
    return new Promise((resolve) => {
      const waiting: Waiting = {
        grant: () => {
          signal.removeEventListener("abort", giveUp);
          this.#leasedCount += 1;
          resolve(true);
        },
      };
      const giveUp = (): void => {
        this.#waiting.delete(waiting);
        resolve(false);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting.add(waiting);
    });
  }

  leave(): void {
    this.#leasedCount -= 1;
    assert(this.#leasedCount >= 0, "a lease ends once");
    // More than one where the limit was raised meanwhile.
    for (const waiting of this.#waiting) {
      if (this.#leasedCount >= this.#leasesMax()) return;
      this.#waiting.delete(waiting);
      waiting.grant();
    }
  }
}

/**
 * Who may use the pool now: a fixed number of permits, and a bounded waiting line in front of them.
 *
 * Invariants:
 * - permits go to those who wait in the order they came; nobody overtakes the line;
 * - a waiter leaves the line exactly once: admitted, expired or sent away;
 * - an expired waiter has used nothing.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { PoolExpired, PoolFull } from "#runtime/pool/cpu.ts";
import type { Within } from "#runtime/ref.ts";

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly permitsMax: number;
  /** Past this, `admit` answers `pool.full` at once. */
  readonly waitingMax: number;
}

/** A platform timer's longest delay, ms; a later deadline is looked at again then. */
const delayMsMax = 2 ** 31 - 1;

interface Waiter {
  settle(result: Result<void, PoolExpired>): void;
}

export class Admission {
  readonly #clock: Clock;
  readonly #waitingMax: number;
  /** A set keeps the order of arrival, and lets one in the middle leave. */
  readonly #waiting = new Set<Waiter>();
  #permits: number;
  #closed = false;

  constructor({ clock, permitsMax, waitingMax }: AdmissionOptions) {
    assert(permitsMax >= 1 && waitingMax >= 0, "somebody can be admitted");
    this.#clock = clock;
    this.#permits = permitsMax;
    this.#waitingMax = waitingMax;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Takes a permit, at once or when it is this caller's turn. Whoever was admitted calls `release` once. */
  async admit(within: Within): Promise<Result<void, PoolFull | PoolExpired>> {
    if (this.#closed || this.#isOver(within)) return expired;
    if (this.#permits > 0) {
      this.#permits -= 1;
      return ok();
    }
    if (this.#waiting.size >= this.#waitingMax) return fail({ code: "pool.full", waitingMax: this.#waitingMax });
    return await this.#wait(within);
  }

  release(): void {
    const [first] = this.#waiting;
    // The permit passes from hand to hand, so that nobody who comes now can take it.
    if (first === undefined) this.#permits += 1;
    else first.settle(ok());
  }

  /** Sends everybody in the line away, and whoever comes later. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiting) waiter.settle(expired);
  }

  #wait(within: Within): Promise<Result<void, PoolExpired>> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const waiter: Waiter = {
        settle: (result) => {
          this.#waiting.delete(waiter);
          timer?.cancel();
          within.signal.removeEventListener("abort", onAbort);
          resolve(result);
        },
      };
      const onAbort = (): void => waiter.settle(expired);
      // The deadline moves while the work that it belongs to makes progress: look again when the old one has passed.
      const look = (): void => {
        if (this.#isOver(within)) waiter.settle(expired);
        else timer = this.#clock.after(Math.min(within.deadlineMs - this.#clock.nowMs(), delayMsMax), look);
      };

      this.#waiting.add(waiter);
      within.signal.addEventListener("abort", onAbort);
      if (within.deadlineMs !== Number.POSITIVE_INFINITY) look();
    });
  }

  #isOver({ deadlineMs, signal }: Within): boolean {
    return signal.aborted || this.#clock.nowMs() >= deadlineMs;
  }
}

const expired: Result<never, PoolExpired> = fail({ code: "pool.expired", executed: "no" });

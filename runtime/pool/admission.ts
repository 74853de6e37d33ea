/**
 * Who may use the pool now: a fixed number of permits, and a bounded waiting line in front of them. While it is paused
 * everybody waits; while it is shut everybody is sent away.
 *
 * Invariants:
 * - permits go to those who wait in the order they came; nobody overtakes the line;
 * - a waiter leaves the line exactly once: admitted, expired or sent away;
 * - an expired waiter has used nothing.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { PoolDown, PoolExpired, PoolFull } from "#runtime/pool/cpu.ts";
import type { Within } from "#runtime/ref.ts";

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly permitsMax: number;
  /** Past this, `admit` answers `pool.full` at once. */
  readonly waitingMax: number;
}

/** A platform timer's longest delay, ms; a later deadline is looked at again then. */
const delayMsMax = 2 ** 31 - 1;

type SentAway = PoolExpired | PoolDown;

interface Waiter {
  settle(result: Result<void, SentAway>): void;
}

export class Admission {
  readonly #clock: Clock;
  readonly #waitingMax: number;
  /** A set keeps the order of arrival, and lets one in the middle leave. */
  readonly #waiting = new Set<Waiter>();
  #permits: number;
  #isPaused = false;
  /** What whoever comes is told. */
  #shut: Result<never, SentAway> | undefined;

  constructor({ clock, permitsMax, waitingMax }: AdmissionOptions) {
    assert(permitsMax >= 1 && waitingMax >= 0, "somebody can be admitted");
    this.#clock = clock;
    this.#permits = permitsMax;
    this.#waitingMax = waitingMax;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Nobody is let in now. Who was let in a moment ago may have to go back: it has not begun yet. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Takes a permit, at once or when it is this caller's turn. Whoever was admitted calls `release` once. */
  async admit(within: Within): Promise<Result<void, PoolFull | SentAway>> {
    if (this.#shut !== undefined) return this.#shut;
    if (this.#isOver(within)) return expired;
    if (this.#permits > 0 && !this.#isPaused) {
      this.#permits -= 1;
      return ok();
    }
    if (this.#waiting.size >= this.#waitingMax) return fail({ code: "pool.full", waitingMax: this.#waitingMax });
    return await this.#wait(within);
  }

  release(): void {
    const [first] = this.#waiting;
    // The permit passes from hand to hand, so that nobody who comes now can take it.
    if (first === undefined || this.#isPaused) this.#permits += 1;
    else first.settle(ok());
  }

  /** Lets nobody in until `resume`; the line goes on. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Lets in again, those who wait first. */
  resume(): void {
    this.#isPaused = false;
    if (this.#shut === down) this.#shut = undefined;
    for (const waiter of this.#waiting) {
      if (this.#permits === 0) return;
      this.#permits -= 1;
      waiter.settle(ok());
    }
  }

  /** Sends everybody in the line away, and whoever comes before `resume`. */
  shut(): void {
    this.#isPaused = true;
    this.#sendAway(down);
  }

  /** Sends everybody in the line away, and whoever comes later, for good. */
  close(): void {
    this.#sendAway(expired);
  }

  #sendAway(why: Result<never, SentAway>): void {
    if (this.#shut !== expired) this.#shut = why;
    for (const waiter of this.#waiting) waiter.settle(why);
  }

  #wait(within: Within): Promise<Result<void, SentAway>> {
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
const down: Result<never, PoolDown> = fail({ code: "pool.down", executed: "no" });

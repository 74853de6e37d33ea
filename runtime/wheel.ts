/**
 * Deadlines by the ten thousand: a hashed timing wheel over one clock timer.
 *
 * Invariants:
 * - an entry fires once, never before its due time and at most one tick (10 ms) plus the loop's own delay after it;
 * - moving forward and disarming cost nothing, arming seldom a clock timer;
 * - the clock wakes for occupied ticks only.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { assert } from "#runtime/errors.ts";

/** Coarseness of every deadline, ms. */
export const WHEEL_TICK_MS = 10;
/** A power of two; one turn of the wheel is 5.12 s, longer deadlines go round. */
const SLOTS = 512;

/** Intrusive: whoever has a deadline extends it, so that arming allocates nothing. */
export abstract class Deadline {
  /**
   * Monotonic ms, set by `Wheel.arm`. May be raised while armed; the wheel notices when it comes by. Whole numbers,
   * because an engine allocates a box for each fraction that a field holds.
   */
  dueMs = 0;
  /** The wheel's own bookkeeping. */
  previous: Deadline | undefined;
  next: Deadline | undefined;
  slot: number = -1;

  abstract onDue(): void;
}

export class Wheel {
  readonly #clock: Clock;
  readonly #heads = new Array<Deadline | undefined>(SLOTS).fill(undefined);
  #armed = 0;
  /** Every tick up to this one has been served. */
  #servedTick = 0;
  /** The tick that the clock timer is set for. */
  #wakeTick = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get armedCount(): number {
    return this.#armed;
  }

  /** An infinite due time arms nothing. */
  arm(deadline: Deadline, dueMs: number): void {
    assert(deadline.slot < 0, "a deadline is armed once");
    deadline.dueMs = Math.ceil(dueMs);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    if (this.#armed === 0) this.#servedTick = Math.floor(this.#clock.recentMs() / WHEEL_TICK_MS);
    const tick = this.#insert(deadline);
    this.#armed += 1;
    if (tick < this.#wakeTick) this.#wakeAt(tick);
  }

  /** Idempotent. */
  disarm(deadline: Deadline): void {
    if (deadline.slot < 0) return;
    this.#remove(deadline);
    this.#armed -= 1;
    // A timer that finds nothing armed is harmless; cancelling it here would cost every call two clock timers.
  }

  #wakeAt(tick: number): void {
    this.#timer?.cancel();
    this.#wakeTick = tick;
    this.#timer = this.#clock.after(Math.max(0, tick * WHEEL_TICK_MS - this.#clock.nowMs()), this.#tick);
  }

  readonly #tick = (): void => {
    const nowMs = this.#clock.nowMs();
    const nowTick = Math.floor(nowMs / WHEEL_TICK_MS);
    // After a long pause one full turn visits everything.
    const first = Math.max(this.#servedTick + 1, nowTick - SLOTS + 1);
    this.#servedTick = nowTick;
    // Until the next occupied slot is known: whatever `onDue` arms is found by the search below.
    this.#wakeTick = Number.NEGATIVE_INFINITY;
    for (let tick = first; tick <= nowTick; tick += 1) this.#serve(tick & (SLOTS - 1), nowMs);

    this.#wakeTick = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    if (this.#armed === 0) return;
    let next = nowTick + 1;
    while (this.#heads[next & (SLOTS - 1)] === undefined) next += 1;
    this.#wakeAt(next);
  };

  #serve(slot: number, nowMs: number): void {
    let deadline = this.#heads[slot];
    while (deadline !== undefined) {
      const next = deadline.next;
      if (deadline.dueMs <= nowMs) {
        this.disarm(deadline);
        deadline.onDue();
      } else if ((this.#tickOf(deadline.dueMs) & (SLOTS - 1)) !== slot) {
        this.#remove(deadline);
        this.#insert(deadline);
      }
      // `onDue` may have disarmed the neighbour that was to come next: then begin again with who is left.
      deadline = next === undefined || next.slot === slot ? next : this.#heads[slot];
    }
  }

  /** The tick at which the deadline's slot is served next: its own, or an earlier pass of a wheel that goes round. */
  #tickOf(dueMs: number): number {
    // Rounded up, so that the slot is served after the due time; never a tick that was served already.
    const ahead = Math.max(Math.ceil(dueMs / WHEEL_TICK_MS) - this.#servedTick, 1);
    return this.#servedTick + 1 + ((ahead - 1) & (SLOTS - 1));
  }

  #insert(deadline: Deadline): number {
    const tick = this.#tickOf(deadline.dueMs);
    const slot = tick & (SLOTS - 1);
    const head = this.#heads[slot];
    deadline.slot = slot;
    deadline.previous = undefined;
    deadline.next = head;
    if (head !== undefined) head.previous = deadline;
    this.#heads[slot] = deadline;
    return tick;
  }

  #remove(deadline: Deadline): void {
    const { previous, next, slot } = deadline;
    if (previous === undefined) this.#heads[slot] = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    deadline.previous = undefined;
    deadline.next = undefined;
    deadline.slot = -1;
  }
}

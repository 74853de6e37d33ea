/**
 * Who runs next. Actors with something to do stand in one queue; each gets a slot of a few turns.
 *
 * Slots run in microtasks, which is what makes a call cheap, with an escape to a macrotask by count and by time, so
 * that timers and sockets progress however busily actors talk to each other.
 */
import type { Clock } from "#runtime/clock.ts";
import { Lane } from "#runtime/lane.ts";
import { type Scheduler, surface } from "#runtime/scheduler.ts";

/** Turns an actor may take before the next one has its slot. */
export const SLOT_TURNS_MAX = 16;
/** Turns between two macrotasks, over all actors of the cell. */
export const BURST_TURNS_MAX = 1024;
/** Time between two macrotasks, ms, as long as single turns are shorter than that. */
export const BURST_MS_MAX = 4;
/** Readings of the clock in each burst, to time turns and waits; past them one in `TIMED_APART`. */
export const TIMED_FREE = 8;
export const TIMED_APART = 64;
/** Turns between two looks at the clock, while they are short. */
const LOOK_TURNS_MAX = 64;
/** From here on what ran between two looks took long, ms. */
const LONG_MS = BURST_MS_MAX / 4;
/** Actors of one cell that can be ready at once. */
export const READY_ACTORS_MAX: number = 2 ** 22;

export interface Runnable {
  /** For traces. */
  readonly name?: string;
  /** Takes at most `turnsMax` turns; answers with how many it took. It puts itself back in line if it has more. */
  runSlot(turnsMax: number): number;
}

/** The line that actors stand in: the dispatcher, or whoever decides in its place (`runtime/simulated/explore.ts`). */
export interface RunQueue {
  /** The caller sees to it that an actor stands in line once. */
  enqueue(actor: Runnable): void;
  /** Whether to time what happens now: reading the clock costs as much as a turn. */
  mayTime(): boolean;
}

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
}

export class Dispatcher implements RunQueue {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #ready = new Lane<Runnable>(READY_ACTORS_MAX);
  #awake = false;
  /** What runs between two macrotasks is a burst. */
  #isInBurst = false;
  /** The burst is over, and there may be more to do. */
  #isPaused = false;
  #burstTurns = 0;
  #burstStartMs = 0;
  #nextLook = 0;
  #lookedMs = 0;
  /** Turns from the last look to the next: few where turns are long. */
  #lookTurns = 1;
  #freeReadings = TIMED_FREE;
  #asked = 0;

  constructor({ clock, scheduler }: DispatcherOptions) {
    this.#clock = clock;
    this.#scheduler = scheduler;
  }

  enqueue(actor: Runnable): void {
    this.#ready.push(actor);
    if (this.#awake) return;
    this.#awake = true;
    this.#scheduler.microtask(this.#drain);
  }

  mayTime(): boolean {
    if (this.#freeReadings > 0) {
      this.#freeReadings -= 1;
      return true;
    }
    this.#asked = (this.#asked + 1) % TIMED_APART;
    return this.#asked === 0;
  }

  /** What a slot throws belongs to nobody here: the others have theirs all the same. */
  readonly #drain = (): void => {
    try {
      this.#run();
    } catch (defect) {
      surface(defect, this.#scheduler);
      this.#scheduler.microtask(this.#drain);
    }
  };

  #run(): void {
    if (!this.#isInBurst) this.#beginBurst();
    for (let actor = this.#ready.take(); actor !== undefined; actor = this.#ready.take()) {
      this.#burstTurns += actor.runSlot(Math.min(SLOT_TURNS_MAX, this.#nextLook - this.#burstTurns));
      if (this.#isBurstOver()) {
        // Also with nothing ready: promises that just resolved may make it so, and must not go on for ever either.
        this.#isPaused = true;
        return;
      }
    }
    this.#awake = false;
  }

  #beginBurst(): void {
    this.#isInBurst = true;
    this.#burstTurns = 0;
    this.#burstStartMs = this.#clock.nowMs();
    this.#lookedMs = this.#burstStartMs;
    // Turns may have become long since.
    this.#lookTurns = 1;
    this.#nextLook = 1;
    this.#scheduler.macrotask(this.#endBurst);
  }

  /** `#awake` stays true in a pause, so what was enqueued has waited for this. */
  readonly #endBurst = (): void => {
    this.#isInBurst = false;
    this.#freeReadings = TIMED_FREE;
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#drain();
  };

  #isBurstOver(): boolean {
    if (this.#burstTurns < this.#nextLook) return false;
    const nowMs = this.#clock.nowMs();
    this.#lookTurns = nowMs - this.#lookedMs > LONG_MS ? 1 : Math.min(2 * this.#lookTurns, LOOK_TURNS_MAX);
    this.#lookedMs = nowMs;
    this.#nextLook = Math.min(this.#burstTurns + this.#lookTurns, BURST_TURNS_MAX);
    return this.#burstTurns >= BURST_TURNS_MAX || nowMs - this.#burstStartMs > BURST_MS_MAX;
  }
}

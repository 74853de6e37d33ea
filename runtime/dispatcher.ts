/**
 * Who runs next. Actors with something to do stand in one queue; each gets a slot of a few turns.
 *
 * Slots run in microtasks, which is what makes a call cheap, with an escape to a macrotask by count and by time, so
 * that timers and sockets progress however busily actors talk to each other.
 */
import type { Clock } from "#runtime/clock.ts";
import { Lane } from "#runtime/lane.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

/** Turns an actor may take before the next one has its slot. */
export const SLOT_TURNS_MAX = 16;
/** Turns between two macrotasks, over all actors of the cell. */
export const BURST_TURNS_MAX = 1024;
/** Time between two macrotasks, ms, as long as single turns are shorter than that. */
export const BURST_MS_MAX = 4;
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
  #burstTurns = 0;
  #burstStartMs = 0;

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

  readonly #drain = (): void => {
    if (this.#burstTurns === 0) this.#burstStartMs = this.#clock.nowMs();
    for (let actor = this.#ready.take(); actor !== undefined; actor = this.#ready.take()) {
      this.#burstTurns += actor.runSlot(SLOT_TURNS_MAX);
      if (this.#isBurstOver()) {
        // Also with nothing ready: promises that just resolved may make it so, and must not go on for ever either.
        this.#scheduler.macrotask(this.#begin);
        return;
      }
    }
    this.#awake = false;
  };

  /** First thing in a macrotask: a new burst. `#awake` stayed true meanwhile, so what was enqueued waited for it. */
  readonly #begin = (): void => {
    this.#burstTurns = 0;
    this.#drain();
  };

  #isBurstOver(): boolean {
    if (this.#burstTurns >= BURST_TURNS_MAX) return true;
    // Reading the clock costs as much as a turn: once in 64 is enough, because single turns are short or defects.
    return (this.#burstTurns & 63) < SLOT_TURNS_MAX && this.#clock.nowMs() - this.#burstStartMs > BURST_MS_MAX;
  }
}

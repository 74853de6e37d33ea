/**
 * Which actor has the next slot, by the seed, and slots as short as they can be: it takes the place of the dispatcher, whose
 * order is first come, first served. Slots are macrotasks of the life's scheduler, so that turns, promises and what the disk answers mix in every
 * way they might.
 */
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

/** Turns of one actor before another one may have its slot. */
const TURNS_PER_SLOT = 1;

/** Somebody in line. See `runtime/dispatcher.ts`. */
export interface InLine {
  runSlot(turnsMax: number): number;
}

export class SeededRunQueue {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #ready: InLine[] = [];

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  /** The caller sees to it that an actor stands in line once. */
  enqueue(actor: InLine): void {
    this.#ready.push(actor);
    this.#scheduler.macrotask(this.#runOne);
  }

  /** Time costs nothing here. */
  mayTime(): boolean {
    return true;
  }

  readonly #runOne = (): void => {
    const [chosen] = this.#ready.splice(this.#random.below(this.#ready.length), 1);
    assert(chosen !== undefined, "there is a slot for everybody in line");
    chosen.runSlot(TURNS_PER_SLOT);
  };
}

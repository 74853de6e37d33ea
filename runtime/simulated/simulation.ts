/**
 * A simulation: what outlives the processes in it, and what drives them. Virtual time, one disk, stores, a seed for all
 * that is left to chance, and the digest of all that happens.
 *
 * Nothing in it moves but through `advance`, `settle` and `until`, and all that it does is a function of `seed` and of the
 * order of these calls.
 */
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { EventDigest } from "#runtime/simulated/event-digest.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { Life, type LifeOptions } from "#runtime/simulated/life.ts";
import type { LockTable } from "#runtime/simulated/lock.ts";
import { quiet } from "#runtime/simulated/quiet.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { minute } from "#runtime/units.ts";

/** The moment at which every simulation begins, by the wall. */
export const SIMULATION_BEGINS_MS: number = Date.UTC(2026, 0, 1);
/** Longest simulated time that `until` waits, ms, unless it is told otherwise. */
export const UNTIL_MS_MAX: number = 5 * minute;

const twoTo32 = 2 ** 32;

/** What a scenario is handed: it begins processes, lets time pass, and ends. */
export class Simulation {
  readonly seed: number;
  readonly clock: ManualClock;
  /** For whoever writes the scenario: what its processes draw does not depend on how often this is asked. */
  readonly random: Random;
  readonly disk: MemoryDisk;
  readonly stores: MemoryKvStores;
  /** Of the processes that live. */
  readonly locks: LockTable = new Map();
  readonly events: EventDigest = new EventDigest();
  readonly #forks: Random;
  /** Those that are not over. */
  readonly #lives = new Set<Life>();
  #turnCount = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.clock = new ManualClock(SIMULATION_BEGINS_MS, quiet);
    this.random = seededRandom(seed);
    // Another sequence of the same seed: neighbours share nothing.
    this.#forks = seededRandom(~seed);
    this.disk = new MemoryDisk({ clock: this.clock });
    this.stores = memoryKvStores({ disk: this.disk });
  }

  /** A source of chance of its own, by the seed and by the number of those made before it. */
  fork(): Random {
    return seededRandom(this.#forks.below(twoTo32));
  }

  /** A process begins. Any number may live at a time; they share disk, stores and locks. */
  begin(options: LifeOptions = {}): Life {
    this.tell("life", "begins");
    const life = new Life(this, options);
    this.#lives.add(life);
    void life.ended.then(() => this.#lives.delete(life));
    return life;
  }

  /** For a life: its scheduler has chosen a turn, and it runs. */
  turned(): void {
    this.#turnCount += 1;
  }

  /**
   * What it has decided so far: turns that a scheduler chose among those in line, and timers that fell due. Promise turns, which run
   * in the order of the platform, are not among them. By these a simulation's speed is told.
   */
  get stepCount(): number {
    return this.#turnCount + this.clock.ranCount;
  }

  /** The run is over: the digest is what it is now, and every life ends. `runSeeds` does it when a scenario settles. */
  end(): void {
    this.events.hex();
    for (const life of this.#lives) life.end();
  }

  /**
   * What the disk and the stores hold after every process was ended: with `power` cut, what was not yet made durable is kept,
   * lost or torn as the seed has it. Without it the machine went on, and so did its caches.
   */
  async crash({ power }: { readonly power: boolean }): Promise<void> {
    // What an ended life had begun on the disk is done, or not, before its end shows.
    await this.settle();
    this.tell("crash", power ? "power" : "processes");
    const random = this.fork();
    this.disk.crash(random, { keepUnsynced: !power });
    this.stores.crash(power ? random : { ...random, below: (exclusiveMax) => exclusiveMax - 1 });
  }

  /** An observable event: it counts in the digest, at the present time. */
  tell(kind: string, ...details: readonly unknown[]): void {
    this.events.add(this.clock.nowMs(), kind, ...details);
  }

  /** Moves time by `ms`, running what falls due on the way, and all that follows of it. */
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Runs all that can run without time passing. */
  settle(): Promise<void> {
    return this.clock.settle();
  }

  /** Moves time, from timer to timer, until `wanted` settles, and gives what it gives. A defect after `withinMs`. */
  async until<Value>(wanted: Promise<Value>, withinMs: number = UNTIL_MS_MAX): Promise<Value> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    wanted.then(settled, settled);
    const endMs = this.clock.nowMs() + withinMs;
    for (await this.settle(); !isSettled; ) {
      const { nextDueMs } = this.clock;
      assert(nextDueMs !== undefined, "what is waited for comes: nothing is left that could bring it");
      assert(nextDueMs <= endMs, `what is waited for comes within ${withinMs} simulated ms`);
      await this.advance(Math.max(0, nextDueMs - this.clock.nowMs()));
    }
    return await wanted;
  }
}

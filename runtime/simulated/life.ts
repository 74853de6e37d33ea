/**
 * One life of a simulated process: the seams that it runs on, and their end.
 *
 * Invariants:
 * - what happens in it is a function of the simulation's seed and of what it is asked;
 * - it ends once, and from then on nothing of it has an effect: timers and turns do not run, operations never settle, and
 *   what it says is not heard. Its memory is gone with it; disk and stores are the simulation's.
 */
import type { BaseEnv } from "#runtime/env.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import type { Random } from "#runtime/random.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import type { DiskOperation } from "#runtime/simulated/disk.ts";
import { SimulatedEdges } from "#runtime/simulated/edge.ts";
import { LifeClock } from "#runtime/simulated/life-clock.ts";
import { type LifeOfDisk, lifeDisk, lifeStores } from "#runtime/simulated/life-disk.ts";
import { type MemoryLocks, memoryLocks } from "#runtime/simulated/lock.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import { SimulatedProcesses } from "#runtime/simulated/processes.ts";
import { SeededRunQueue } from "#runtime/simulated/run-queue.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import type { Log, LogFields } from "#runtime/telemetry/log.ts";
import { KiB } from "#runtime/units.ts";

/** Of so many pieces that a connection delivers one is cut short. */
const CUT_ONE_IN = 8;
const CUT_PIECE_BYTES_MAX: number = 4 * KiB;

/** Without any of them: a process with an empty environment that nothing is planned for. */
export interface LifeOptions {
  /** Runs before each operation of its disk; the first has the number 1. It may end the life: then nothing is done. */
  readonly beforeOperation?: (number: number, life: Life, operation: DiskOperation) => void;
  /** What its process finds in its environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What a cell is given, as in production; beside that, who decides which actor runs next (`MachineOptions.runQueue`). */
export interface LifeEnv extends BaseEnv {
  readonly clock: LifeClock;
  readonly network: SimulatedNetwork;
  readonly processes: SimulatedProcesses;
  readonly runQueue: SeededRunQueue;
}

/** A process that lives until `end`. */
export class Life {
  readonly base: LifeEnv;
  readonly kv: KvStores;
  readonly edges: SimulatedEdges = new SimulatedEdges();
  /** Settles at the end. */
  readonly ended: Promise<void>;
  readonly #simulation: Simulation;
  readonly #clock: LifeClock;
  readonly #locks: MemoryLocks;
  readonly #beforeOperation: (number: number, life: Life, operation: DiskOperation) => void;
  readonly #held: (() => void)[] = [];
  #heldCount = 0;
  #announceEnd: () => void = () => undefined;
  #isOver = false;
  #operationCount = 0;

  /** `Simulation.begin` makes one. */
  constructor(simulation: Simulation, { beforeOperation = () => undefined, env = {} }: LifeOptions) {
    this.#simulation = simulation;
    this.#beforeOperation = beforeOperation;
    this.ended = new Promise((resolve) => {
      this.#announceEnd = resolve;
    });
    const clock = new LifeClock(simulation.clock, simulation.fork());
    this.#clock = clock;
    const scheduler = this.#stalling(this.#mortal(seededScheduler(simulation.fork())));
    const of = this.#asSeenByDisk(scheduler);
    const disk = lifeDisk(simulation.disk, of);
    this.#locks = memoryLocks(clock, { table: simulation.locks, disk });
    this.kv = lifeStores(simulation.stores, of);
    this.base = {
      clock,
      random: simulation.fork(),
      scheduler,
      disk,
      locks: this.#locks,
      network: new SimulatedNetwork({ scheduler, clock, pieceBytes: pieces(simulation.fork()) }),
      processes: new SimulatedProcesses({ scheduler, programs: {}, env }),
      runQueue: new SeededRunQueue(scheduler, simulation.fork()),
    };
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Operations of the disk that it began. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** An observable event of this life, for the simulation's digest. */
  tell(kind: string, ...details: readonly unknown[]): void {
    if (!this.#isOver) this.#simulation.tell(kind, ...details);
  }

  /** A log whose lines are events of this life. */
  log(fields: LogFields): Log {
    const write = (level: string) => (event: string, more?: LogFields) =>
      this.tell("log", level, event, { ...fields, ...more });
    return {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      with: (more) => this.log({ ...fields, ...more }),
    };
  }

  /** Ends it as `kill -9` does: at once, and without a word to it. */
  end(): void {
    if (this.#isOver) return;
    this.tell("life", "ended");
    this.#isOver = true;
    this.#clock.end();
    this.#locks.dropAll();
    this.#announceEnd();
  }

  /**
   * Its event loop stands still for so long: turns, timers and what comes of the disk wait, and run afterwards all at once. The
   * rest of the world goes on.
   */
  stall(forMs: number): void {
    this.tell("life", "stalled", forMs);
    this.#clock.stall(forMs);
    this.#simulation.clock.after(forMs, () => {
      if (this.stalledMs > 0) return;
      for (const run of this.#held.splice(0)) run();
    });
  }

  /** How long it stands still yet, ms; 0 while it does not. */
  get stalledMs(): number {
    return this.#clock.stalledMs;
  }

  /** What had to wait because it stood still, so far: turns and timers. */
  get heldCount(): number {
    return this.#heldCount + this.#clock.putOffCount;
  }

  #stalling(scheduler: Scheduler): Scheduler {
    const unlessStalled = (queue: (run: () => void) => void) => (run: () => void) => {
      if (this.#clock.stalledMs === 0) return queue(run);
      this.#heldCount += 1;
      this.#held.push(() => queue(run));
    };
    return { microtask: unlessStalled(scheduler.microtask), macrotask: unlessStalled(scheduler.macrotask) };
  }

  #mortal(scheduler: Scheduler): Scheduler {
    const unlessOver = (run: () => void) => (): void => {
      if (this.#isOver) return;
      this.#simulation.turned();
      run();
    };
    return {
      microtask: (run) => scheduler.microtask(unlessOver(run)),
      macrotask: (run) => scheduler.macrotask(unlessOver(run)),
    };
  }

  #asSeenByDisk(scheduler: Scheduler): LifeOfDisk {
    return {
      clock: this.#clock,
      scheduler,
      random: this.#simulation.fork(),
      isOver: () => this.#isOver,
      tell: (kind, ...details) => this.tell(kind, ...details),
      operates: (operation) => {
        this.#operationCount += 1;
        this.#beforeOperation(this.#operationCount, this, operation);
      },
    };
  }
}

/** Sizes of deliveries: most are what was written, some are cut short. */
function pieces(random: Random): () => number {
  return () => (random.below(CUT_ONE_IN) === 0 ? 1 + random.below(CUT_PIECE_BYTES_MAX) : Number.POSITIVE_INFINITY);
}

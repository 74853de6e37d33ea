/**
 * The CPU pool: threads of piscina behind our own admission.
 *
 * The library is given one task a thread and queues none: a task that waits is in our line, and one whose deadline passes
 * or whose caller gives up leaves it and never runs. A running task is never cut short, because that kills its thread;
 * only one that has run for `hangMs` is given up, together with the pool it hangs in. A pool whose thread died is retired:
 * it finishes what it has. The next task is taken by a new one, at once or, where somebody keeps the threads alive, when
 * their next life has begun. Threads start with the first task.
 */
import { Piscina } from "piscina";
import type { Clock } from "#runtime/clock.ts";
import { assert, Defect, type ExitReason, fail, type Result } from "#runtime/errors.ts";
import { Admission } from "#runtime/pool/admission.ts";
import { createHasher, digestOf } from "#runtime/pool/blake3.ts";
import type { Cpu, CpuLives, CpuTasks, Hasher, PoolCrashed, PoolFailure } from "#runtime/pool/cpu.ts";
import type { CpuMessage } from "#runtime/real/cpu-worker.ts";
import type { Within } from "#runtime/ref.ts";
import { minute } from "#runtime/units.ts";

export interface RealCpuOptions {
  readonly clock: Clock;
  /** Threads of this process. The node as a whole gets max(2, cores − 1). */
  readonly threads: number;
  /** Tasks that wait for a permit; past this, `pool.full`. */
  readonly waitingMax?: number;
  /** A task that has run this long is hung, ms. */
  readonly hangMs?: number;
  /** What the threads run; another file only in tests of threads that die. */
  readonly workerFile?: URL;
}

/** Waiting tasks are small (a request each); this many 64 KiB digests are a quarter of a second's work of one thread. */
export const POOL_WAITING_MAX = 1024;
/** A 256 MiB range from a disk of 10 MiB/s takes half of it. */
export const POOL_HANG_MS: number = 1 * minute;

/** Threads that live and die together, and what they have to do. */
interface Threads {
  readonly piscina: Piscina<CpuMessage, Result<never, PoolFailure>>;
  runningCount: number;
  /** It takes no new task and ends with the last one that it has. */
  isRetired: boolean;
  /** No thread is left. */
  readonly ended: PromiseWithResolvers<void>;
}

type RunOptions = NonNullable<Parameters<Threads["piscina"]["run"]>[1]>;

export function createRealCpu(options: RealCpuOptions): Cpu {
  return new ThreadedCpu(options);
}

const KILLED: ExitReason = { kind: "killed", afterMs: 0 };

class ThreadedCpu implements Cpu {
  readonly lives: CpuLives = {
    start: () => this.#admission.resume(),
    stop: () => this.#stop(),
    kill: () => this.#kill(),
    refuse: () => this.#admission.shut(),
    onExit: (run) => {
      this.#onExit = run;
    },
  };
  readonly #options: Required<RealCpuOptions>;
  readonly #admission: Admission;
  readonly #live = new Set<Threads>();
  #current: Threads | undefined;
  #closing: Promise<void> | undefined;
  /** Undefined where nobody keeps the threads alive: then they are replaced at once. */
  #onExit: ((reason: ExitReason) => void) | undefined;

  constructor({ clock, threads, waitingMax = POOL_WAITING_MAX, hangMs = POOL_HANG_MS, workerFile }: RealCpuOptions) {
    assert(Number.isInteger(threads) && threads >= 1, "a pool has at least one thread");
    const file = workerFile ?? new URL(import.meta.resolve("#runtime/real/cpu-worker.ts"));
    this.#options = { clock, threads, waitingMax, hangMs, workerFile: file };
    this.#admission = new Admission({ clock, permitsMax: threads, waitingMax });
  }

  async run<Name extends keyof CpuTasks>(
    name: Name,
    request: CpuTasks[Name]["request"],
    within: Within,
  ): Promise<Result<CpuTasks[Name]["answer"], PoolFailure>> {
    // `Name` is one member, which the compiler cannot see here: the one place where the pair is put together.
    const message = { name, request } as CpuMessage;
    let admitted = await this.#admission.admit(within);
    // Let in, and then the threads were lost before this turn: back to the line, which says what now.
    while (admitted.ok && (this.#closing !== undefined || this.#admission.isPaused)) {
      this.#admission.release();
      admitted = await this.#admission.admit(within);
    }
    if (!admitted.ok) return admitted;
    const result = await this.#runAdmitted(message);
    this.#admission.release();
    return result;
  }

  digest(bytes: Uint8Array): Uint8Array {
    return digestOf(bytes);
  }

  hasher(): Hasher {
    return createHasher();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#admission.close();
    await this.#retireAll();
  }

  async #stop(): Promise<void> {
    this.#admission.shut();
    await this.#retireAll();
  }

  async #retireAll(): Promise<void> {
    if (this.#current !== undefined) this.#retire(this.#current);
    // Bounded by `hangMs`: past it a task is given up.
    await Promise.all(Array.from(this.#live, (threads) => threads.ended.promise));
  }

  #kill(): void {
    this.#endLife(KILLED);
    for (const { piscina } of this.#live) void piscina.destroy();
  }

  /** A thread died, or hangs: the life is over, once. */
  #lost(threads: Threads, cause: string): void {
    if (threads.isRetired) return;
    this.#retire(threads);
    if (this.#closing === undefined) this.#endLife({ kind: "crashed", defect: new Defect(cause) });
  }

  #endLife(reason: ExitReason): void {
    if (this.#onExit === undefined || this.#admission.isPaused) return;
    this.#admission.pause();
    if (this.#current !== undefined) this.#retire(this.#current);
    this.#onExit(reason);
  }

  async #runAdmitted(message: CpuMessage): Promise<Result<never, PoolFailure>> {
    const threads = this.#current ?? this.#start();
    const { clock, hangMs } = this.#options;
    const hung = `a task did not end within ${hangMs} ms`;
    let isHung = false;
    const hang = clock.after(hangMs, () => {
      isHung = true;
      this.#lost(threads, hung);
      void threads.piscina.destroy();
    });
    threads.runningCount += 1;
    try {
      const { sent, options } = packed(message);
      return await threads.piscina.run(sent, options);
    } catch (error) {
      // Whatever the thread expects to go wrong comes back as data: what rejects is the thread itself.
      const cause = isHung ? hung : describe(error);
      this.#lost(threads, cause);
      return crashed(cause);
    } finally {
      hang.cancel();
      threads.runningCount -= 1;
      if (threads.isRetired) this.#endIfIdle(threads);
    }
  }

  #start(): Threads {
    const { threads: count, workerFile } = this.#options;
    const piscina = new Piscina<CpuMessage, Result<never, PoolFailure>>({
      filename: workerFile.href,
      name: "runTask",
      minThreads: count,
      maxThreads: count,
      idleTimeout: Number.POSITIVE_INFINITY,
      maxQueue: count,
      atomics: "disabled",
      recordTiming: false,
    });
    const ended = Promise.withResolvers<void>();
    const threads: Threads = { piscina, runningCount: 0, isRetired: false, ended };
    // A thread that dies between tasks is reported here, and unheard it would end the process.
    piscina.on("error", (error: unknown) => this.#lost(threads, describe(error)));
    this.#live.add(threads);
    this.#current = threads;
    return threads;
  }

  #retire(threads: Threads): void {
    threads.isRetired = true;
    if (this.#current === threads) this.#current = undefined;
    this.#endIfIdle(threads);
  }

  #endIfIdle(threads: Threads): void {
    if (threads.runningCount > 0) return;
    void threads.piscina.destroy().then(() => {
      this.#live.delete(threads);
      threads.ended.resolve();
    });
  }
}

/** Shared memory is shared. Other bytes are copied once, into memory that is then handed over. */
function packed(message: CpuMessage): { readonly sent: CpuMessage; readonly options: RunOptions } {
  if (message.name !== "digest" || message.request.bytes.buffer instanceof SharedArrayBuffer) {
    return { sent: message, options: {} };
  }
  // A view would be cloned with all of the buffer that it looks at.
  const bytes = new Uint8Array(message.request.bytes);
  // The library infers the type of its list from the wrong overload of `postMessage`.
  const options = { transferList: [bytes.buffer] } as object as RunOptions;
  return { sent: { name: "digest", request: { bytes } }, options };
}

function crashed(cause: string): Result<never, PoolCrashed> {
  return fail({ code: "pool.crashed", cause, executed: "maybe" });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

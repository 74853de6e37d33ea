/**
 * Calls that are made when they are due, whatever became of the earlier ones.
 *
 * They come from the thread that handles them, as in a cell, so they give way: what is due is made at once, but for no
 * longer than `BURST_MS_MAX` before others have their turn. A load that is more than the thread can even offer is less
 * than was asked for, and `offeredPerSecond` says so. What is due goes by time with a core: another user of the machine
 * makes the load no heavier.
 */
import { setImmediate as macrotask } from "node:timers/promises";
import { coreNowMs } from "#bench/actors/core-wait.ts";
import type { Failure, Result } from "#runtime/errors.ts";

const BURST_MS_MAX = 4;
/** A reading of the clock costs as much as the rest of making a call: so many share one. */
const CALLS_A_READING = 8;
/** Longest wait for the answers, once the last call was made: far past any deadline. */
const DRAIN_MS = 5000;

export interface Outcome {
  readonly attempts: number;
  /** Answers by what they were: `ok`, or the code of the failure. Together fewer than the attempts if one is missing. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** From the call to its answer, of those that were answered `ok`. */
  readonly latenciesMs: Float64Array;
  /** How long after it was due each call was made. */
  readonly latenessMs: Float64Array;
  /** Calls made, a second with a core. */
  readonly offeredPerSecond: number;
  /** Answered `ok`, likewise. */
  readonly goodputPerSecond: number;
  /** That this thread was on a core. */
  readonly busyMs: number;
}

export class OpenLoad {
  readonly #call: () => Promise<Result<unknown, Failure>>;
  readonly #perMs: number;
  readonly #attempts: number;
  readonly #latenciesMs: Float64Array;
  readonly #latenessMs: Float64Array;
  readonly #failures: Record<string, number> = {};
  #made = 0;
  #answered = 0;
  #okCount = 0;

  constructor(perMs: number, lastsMs: number, call: () => Promise<Result<unknown, Failure>>) {
    this.#call = call;
    this.#perMs = perMs;
    this.#attempts = Math.ceil(perMs * lastsMs);
    this.#latenciesMs = new Float64Array(this.#attempts);
    this.#latenessMs = new Float64Array(this.#attempts);
  }

  /** Makes all calls and waits for their answers. Once. */
  async run(): Promise<Outcome> {
    const startedMs = coreNowMs();
    const started = process.threadCpuUsage();
    while (this.#made < this.#attempts) {
      this.#makeDue(startedMs);
      await macrotask();
    }
    const offeredMs = coreNowMs() - startedMs;
    const patienceMs = performance.now() + DRAIN_MS;
    while (this.#answered < this.#attempts && performance.now() < patienceMs) await macrotask();
    const tookMs = coreNowMs() - startedMs;
    const { user, system } = process.threadCpuUsage(started);
    return {
      attempts: this.#attempts,
      outcomes: { ok: this.#okCount, ...this.#failures },
      latenciesMs: this.#latenciesMs.subarray(0, this.#okCount),
      latenessMs: this.#latenessMs,
      offeredPerSecond: (this.#attempts * 1000) / offeredMs,
      goodputPerSecond: (this.#okCount * 1000) / tookMs,
      busyMs: (user + system) / 1000,
    };
  }

  #makeDue(startedMs: number): void {
    const elapsedMs = coreNowMs() - startedMs;
    const dueCount = Math.min(this.#attempts, Math.ceil(elapsedMs * this.#perMs));
    const burstMs = performance.now();
    let nowMs = burstMs;
    while (this.#made < dueCount && nowMs - burstMs < BURST_MS_MAX) {
      if (this.#made % CALLS_A_READING === 0) nowMs = performance.now();
      this.#latenessMs[this.#made] = elapsedMs + nowMs - burstMs - this.#made / this.#perMs;
      this.#make(nowMs);
      this.#made += 1;
    }
  }

  #make(madeMs: number): void {
    void this.#call().then((answer) => {
      this.#answered += 1;
      if (answer.ok) {
        this.#latenciesMs[this.#okCount] = performance.now() - madeMs;
        this.#okCount += 1;
      } else {
        const { code } = answer.failure;
        this.#failures[code] = (this.#failures[code] ?? 0) + 1;
      }
    });
  }
}

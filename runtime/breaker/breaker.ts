/**
 * A circuit breaker for calls to a system outside the node: one that keeps failing is left alone for a while, and then
 * asked by one caller before all others may.
 *
 * Invariants:
 * - while it is open nothing is called; while it is half-open at most one call, the probe, is under way for it;
 * - an outcome counts in the era in which its call began: what began before the last change of state says nothing;
 * - a caller that gave up, or whose deadline passed, says nothing about the system.
 *
 * It sets no timer and has nothing to close: the end of a period is noticed by the next caller. It ends no call either.
 * A system that hangs is noticed only where the task has a timeout of its own, shorter than its callers' deadlines.
 */
import {
  type BreakerEffect,
  type BreakerEvent,
  type BreakerState,
  breakerTable,
} from "#runtime/breaker/breaker-chart.ts";
import { BreakerMetrics } from "#runtime/breaker/breaker-metrics.ts";
import type { Clock } from "#runtime/clock.ts";
import { doubled } from "#runtime/doubled.ts";
import { type Failure, fail, type Result, unreachable } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import { SlidingWindow } from "#runtime/sliding-window.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";

/** Failures within `BREAKER_PERIOD_MS` that are borne; one more opens the circuit. */
export const BREAKER_FAILURES_MAX = 5;
export const BREAKER_PERIOD_MS: number = 10 * second;
/** Ceiling of the first open period; it doubles with every probe that fails. */
export const BREAKER_OPEN_MS_MIN: number = 1 * second;
/** The ceiling never grows past it. */
export const BREAKER_OPEN_MS_MAX: number = 1 * minute;
/** A probe without an outcome for so long has failed. */
export const BREAKER_PROBE_MS_MAX: number = 10 * second;

/**
 * How much is borne, and how long an open circuit is left alone. By default five faults within 10 s are borne, periods
 * grow from 1 s to 1 min, with full jitter, and a probe has 10 s.
 */
export interface BreakerLimits {
  readonly failuresMax: number;
  readonly periodMs: number;
  readonly openMsMin: number;
  readonly openMsMax: number;
  readonly probeMsMax: number;
}

const LIMITS: BreakerLimits = {
  failuresMax: BREAKER_FAILURES_MAX,
  periodMs: BREAKER_PERIOD_MS,
  openMsMin: BREAKER_OPEN_MS_MIN,
  openMsMax: BREAKER_OPEN_MS_MAX,
  probeMsMax: BREAKER_PROBE_MS_MAX,
};

/** What a breaker works with, and whose it is. */
export interface BreakerOptions<F extends Failure> {
  /** Of the system outside: a label of the metrics, so one of a bounded set. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whether a failure speaks against the system. "No such key" does not: somebody had to be there to say so. */
  readonly isFault: (failure: F) => boolean;
  readonly limits?: Partial<BreakerLimits>;
}

/** The system failed too often to be asked now. Nothing has run: retry after `retryAfterMs`, or elsewhere. */
export interface CircuitOpen extends Failure<"runtime.circuit-open"> {
  readonly breaker: string;
  /** What is left of the open period; while a probe is under way, a guess. */
  readonly retryAfterMs: number;
  readonly executed: "no";
}

/** What an outcome says about the system. */
type Verdict = "sound" | "faulty" | "unknown";

interface Probe {
  readonly within: Within;
  readonly sinceMs: number;
}

/** The breaker of one system. Everyone who calls that system from this process shares it. */
export class Breaker<F extends Failure> {
  readonly #options: BreakerOptions<F>;
  readonly #limits: BreakerLimits;
  readonly #faults: SlidingWindow;
  readonly #metrics: BreakerMetrics;
  #state: BreakerState = "closed";
  /** Counts changes of state, and probes. */
  #era = 0;
  #probe: Probe | undefined;
  #openUntilMs = 0;
  /** Periods since it was closed. */
  #periodCount = 0;

  constructor(options: BreakerOptions<F>) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#faults = new SlidingWindow(this.#limits.failuresMax, this.#limits.periodMs);
    this.#metrics = new BreakerMetrics(options.metrics, options.name);
  }

  /** For status. An open circuit whose period is over says `open` until the next caller comes. */
  get state(): BreakerState {
    return this.#state;
  }

  /**
   * Calls the system, or says at once that this makes no sense now. What the task throws counts like a fault and is
   * thrown on. `within` is the caller's: the task is bounded by it, and by a shorter timeout of its own.
   */
  async run<Value>(within: Within, task: () => Promise<Result<Value, F>>): Promise<Result<Value, F | CircuitOpen>> {
    const era = this.#admit(within);
    if (era === undefined) return this.#refusal();
    try {
      const result = await task();
      this.#learn(era, this.#judge(result, within));
      return result;
    } catch (defect) {
      this.#learn(era, this.#isOver(within) ? "unknown" : "faulty");
      throw defect;
    }
  }

  /** The era of a call that may be made; undefined when none may. */
  #admit(within: Within): number | undefined {
    const nowMs = this.#options.clock.nowMs();
    if (this.#state === "open" && nowMs >= this.#openUntilMs) this.#step("due");
    if (this.#state === "half-open") return this.#admitProbe(within, nowMs);
    return this.#state === "closed" ? this.#era : undefined;
  }

  #admitProbe(within: Within, nowMs: number): number | undefined {
    const probe = this.#probe;
    // A probe whose caller is gone may never come to an end: the next one takes its place.
    if (probe !== undefined && !this.#isOver(probe.within)) {
      if (nowMs - probe.sinceMs >= this.#limits.probeMsMax) this.#step("failed");
      return undefined;
    }
    this.#era += 1;
    this.#probe = { within, sinceMs: nowMs };
    return this.#era;
  }

  #refusal(): Result<never, CircuitOpen> {
    const { name: breaker, clock } = this.#options;
    const leftMs = this.#state === "open" ? this.#openUntilMs - clock.nowMs() : this.#limits.openMsMin;
    this.#metrics.refused();
    return fail({ code: "runtime.circuit-open", breaker, retryAfterMs: Math.ceil(leftMs), executed: "no" });
  }

  #judge(result: Result<unknown, F>, within: Within): Verdict {
    if (result.ok) return "sound";
    if (this.#isOver(within)) return "unknown";
    return this.#options.isFault(result.failure) ? "faulty" : "sound";
  }

  #learn(era: number, verdict: Verdict): void {
    if (era !== this.#era) return;
    if (this.#state === "half-open") {
      this.#probe = undefined;
      if (verdict !== "unknown") this.#step(verdict === "sound" ? "succeeded" : "failed");
    } else if (verdict === "faulty" && this.#faults.exceededBy(this.#options.clock.nowMs())) {
      this.#step("exceeded");
    }
  }

  #step(event: BreakerEvent): void {
    const { name: breaker, log } = this.#options;
    const { state, effects } = breakerTable[this.#state][event];
    this.#state = state;
    this.#era += 1;
    this.#probe = undefined;
    for (const effect of effects) this.#perform(effect);
    this.#metrics.entered(state);
    if (state === "open") log.warn("breaker.open", { breaker, forMs: this.#openUntilMs - this.#options.clock.nowMs() });
    else log.info(`breaker.${state}`, { breaker });
  }

  #perform(effect: BreakerEffect): void {
    switch (effect) {
      case "begin-period": {
        const { clock, random } = this.#options;
        const { openMsMin, openMsMax } = this.#limits;
        const ceilingMs = doubled(openMsMin, this.#periodCount, openMsMax);
        this.#periodCount += 1;
        // Full jitter: nodes that lost the same system together do not all come back to it together.
        this.#openUntilMs = clock.nowMs() + 1 + random.below(ceilingMs);
        break;
      }
      case "forgive":
        this.#periodCount = 0;
        this.#faults.clear();
        break;
      default:
        unreachable(effect);
    }
  }

  #isOver({ deadlineMs, signal }: Within): boolean {
    return signal.aborted || this.#options.clock.nowMs() >= deadlineMs;
  }
}

/**
 * The child that offers an actor ten times what it can do: `overload.ts CAPACITY DEADLINE_MS DURATION_MS`.
 *
 * - A handler works for about `SERVICE_MS`: a fixed amount of work, measured beforehand.
 * - The load is open: calls are made when they are due, whatever became of the earlier ones. It comes from the same
 *   thread, as in a cell, so that what refusing costs is taken from what is handled.
 * - Latency is from the call to its answer, of calls that were answered. How late calls were made is said beside it.
 */
import { setImmediate as macrotask } from "node:timers/promises";
import { IN_FLIGHT } from "#bench/actors/arm.ts";
import { cepaMachine, hostActor } from "#bench/actors/cepa-machine.ts";
import { serveRounds } from "#bench/actors/serve.ts";
import { median, percentile } from "#bench/measurement.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { ok } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";

const [capacity = "", deadlineMs = "", durationMs = ""] = process.argv.slice(2);
const SERVICE_MS = 0.02;
/** What is offered, to what can be done. */
const TIMES = 10;
const UNLOADED_TIMES = 0.1;
/** Longest wait for the answers, once the last call was made: far past any deadline. */
const DRAIN_MS = 5000;
/** Calls that are due are made at once, but for no longer than this before others have their turn. */
const BURST_MS_MAX = 4;
const CALLS_A_READING = 8;
const nothing = {};

interface WorkerProtocol {
  work: Call<Record<never, never>, number>;
}

/** Rates are a second, times ms. */
export interface OverloadResult {
  readonly serviceMs: number;
  readonly peakPerSecond: number;
  readonly unloadedP50Ms: number;
  readonly unloadedP99Ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly latenessP99Ms: number;
  readonly goodputPerSecond: number;
  readonly offeredPerSecond: number;
  /** What making and refusing a call took of the core: all of the time that was not service, over all that was lost. */
  readonly lossNs: number;
  readonly attempts: number;
  /** Answers by what they were: `ok`, or the code of the failure. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** What became of the calls of an open load. */
interface Load {
  readonly attempts: number;
  /** Answers by what they were: `ok`, or the code of the failure. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of those that were answered `ok`. */
  readonly latenciesMs: Float64Array;
  /** How long after it was due each call was made. */
  readonly latenessMs: Float64Array;
  /** Until the last call was made. */
  readonly offeredMs: number;
  /** Until the last answer. */
  readonly tookMs: number;
  /** Of this thread on a core, in which everything happens: making calls, refusing and handling them. */
  readonly busyMs: number;
}

const turns = calibrate();

const worker: Behavior<WorkerProtocol, Record<never, never>, undefined, { handled: number; value: number }> = {
  name: "worker",
  init: () => ({ handled: 0, value: 1 }),
  handlers: {
    work: (state) => {
      state.value = burn(state.value, turns);
      state.handled += 1;
      return ok(state.handled);
    },
  },
};

await serveRounds(async () => {
  const hosted = hostActor(cepaMachine(), worker, { capacity: Number(capacity) });
  await hosted.start();
  const { ref } = hosted;
  const serviceMs = measureService();
  await peak(ref, Number(durationMs) / 8);
  return async (): Promise<OverloadResult> => {
    const unloaded = await offer(ref, UNLOADED_TIMES / serviceMs, Number(durationMs) / 4);
    const peakPerSecond = await peak(ref, Number(durationMs) / 4);
    const load = await offer(ref, TIMES / serviceMs, Number(durationMs));
    return {
      serviceMs,
      peakPerSecond,
      unloadedP50Ms: percentileOf(unloaded.latenciesMs, 50),
      unloadedP99Ms: percentileOf(unloaded.latenciesMs, 99),
      p50Ms: percentileOf(load.latenciesMs, 50),
      p99Ms: percentileOf(load.latenciesMs, 99),
      latenessP99Ms: percentileOf(load.latenessMs, 99),
      goodputPerSecond: (load.latenciesMs.length * 1000) / load.tookMs,
      offeredPerSecond: (load.attempts * 1000) / load.offeredMs,
      lossNs: lossNs(load, serviceMs),
      attempts: load.attempts,
      outcomes: load.outcomes,
    };
  };
});

/** Makes calls when they are due, `perMs` a millisecond, and waits for their answers. */
async function offer(ref: Ref<WorkerProtocol>, perMs: number, lastsMs: number): Promise<Load> {
  const attempts = Math.ceil(perMs * lastsMs);
  const latenciesMs = new Float64Array(attempts);
  const latenessMs = new Float64Array(attempts);
  const outcomes: Record<string, number> = { ok: 0 };
  const options = { timeoutMs: Number(deadlineMs) };
  let made = 0;
  let answered = 0;
  let ok = 0;

  const attempt = (madeMs: number): void => {
    void ref.call("work", nothing, options).then((answer) => {
      answered += 1;
      if (answer.ok) {
        latenciesMs[ok] = performance.now() - madeMs;
        ok += 1;
      } else outcomes[answer.failure.code] = (outcomes[answer.failure.code] ?? 0) + 1;
    });
  };

  const startedMs = performance.now();
  const started = process.threadCpuUsage();
  while (made < attempts) {
    const burstMs = performance.now();
    const dueCount = Math.min(attempts, Math.ceil((burstMs - startedMs) * perMs));
    for (let nowMs = burstMs; made < dueCount && nowMs - burstMs < BURST_MS_MAX; made += 1) {
      // A reading costs as much as the rest of making a call: a few share one.
      if (made % CALLS_A_READING === 0) nowMs = performance.now();
      latenessMs[made] = nowMs - startedMs - made / perMs;
      attempt(nowMs);
    }
    await macrotask();
  }
  const offeredMs = performance.now() - startedMs;
  while (answered < attempts && performance.now() - startedMs < offeredMs + DRAIN_MS) await macrotask();
  const tookMs = performance.now() - startedMs;
  const { user, system } = process.threadCpuUsage(started);
  const busyMs = (user + system) / 1000;
  outcomes["ok"] = ok;
  return { attempts, outcomes, latenciesMs: latenciesMs.subarray(0, ok), latenessMs, offeredMs, tookMs, busyMs };
}

function lossNs({ attempts, latenciesMs: { length: okCount }, busyMs }: Load, serviceMs: number): number {
  return ((busyMs - okCount * serviceMs) * 1e6) / Math.max(1, attempts - okCount);
}

/** Answers a second with always `IN_FLIGHT` calls under way: the most that can be done. */
async function peak(ref: Ref<WorkerProtocol>, lastsMs: number): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startedMs < lastsMs) {
      const answer = await ref.call("work", nothing, { timeoutMs: Number(deadlineMs) });
      if (answer.ok) done += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, Number(capacity)) }, lane));
  return (done * 1000) / (performance.now() - startedMs);
}

function percentileOf(samples: Float64Array, percent: number): number {
  return percentile([...samples], percent);
}

/** Work that no compiler can leave out. */
function burn(from: number, rounds: number): number {
  let value = from;
  for (let left = rounds; left > 0; left -= 1) {
    value ^= value << 13;
    value ^= value >>> 17;
    value ^= value << 5;
  }
  return value;
}

function calibrate(): number {
  const probe = 20_000;
  const samples = Array.from({ length: 201 }, () => elapsedMs(() => burn(1, probe)));
  return Math.round((SERVICE_MS * probe) / median(samples.slice(100)));
}

function measureService(): number {
  return median(Array.from({ length: 501 }, () => elapsedMs(() => burn(1, turns))));
}

function elapsedMs(run: () => number): number {
  const startedMs = performance.now();
  if (run() === 0) throw new Error("the work came to nothing");
  return performance.now() - startedMs;
}

/**
 * The child that offers an actor ten times what it can do: `overload.ts CAPACITY DEADLINE_MS DURATION_MS`.
 *
 * What offering and refusing costs is taken from what is handled, because all of it happens on one thread, as in a cell.
 */
import { IN_FLIGHT } from "#bench/actors/arm.ts";
import { BusyWork } from "#bench/actors/busy-work.ts";
import { cepaMachine, hostActor } from "#bench/actors/cepa-machine.ts";
import { coreNowMs } from "#bench/actors/core-wait.ts";
import { OpenLoad, type Outcome } from "#bench/actors/open-load.ts";
import { serveRounds } from "#bench/actors/serve.ts";
import { percentile } from "#bench/measurement.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { ok } from "#runtime/errors.ts";
import type { Call } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";

const [capacity = "", deadlineMs = "", durationMs = ""] = process.argv.slice(2);
const options = { timeoutMs: Number(deadlineMs) };
const lastsMs = Number(durationMs);

/** That a handler works. */
const SERVICE_MS = 0.02;
/** What is offered, to what can be done. */
const TIMES = 10;
const UNLOADED_TIMES = 0.1;

interface WorkerProtocol {
  work: Call<Record<never, never>>;
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
  /** As `Outcome` has them. */
  readonly outcomes: Readonly<Record<string, number>>;
}

await serveRounds(async () => {
  const busy = new BusyWork(SERVICE_MS);
  const hosted = hostActor(cepaMachine(), workerOf(busy), { capacity: Number(capacity) });
  await hosted.start();
  await peak(hosted.ref, lastsMs / 8);
  return () => measure(hosted.ref, busy.serviceMs);
});

function workerOf(busy: BusyWork): Behavior<WorkerProtocol, Record<never, never>, undefined, undefined> {
  return {
    name: "worker",
    init: () => undefined,
    handlers: {
      work: () => {
        busy.do();
        return ok();
      },
    },
  };
}

async function measure(ref: Ref<WorkerProtocol>, serviceMs: number): Promise<OverloadResult> {
  const work = () => ref.call("work", {}, options);
  const unloaded = await new OpenLoad(UNLOADED_TIMES / serviceMs, lastsMs / 4, work).run();
  const peakPerSecond = await peak(ref, lastsMs / 4);
  const load = await new OpenLoad(TIMES / serviceMs, lastsMs, work).run();
  return {
    serviceMs,
    peakPerSecond,
    unloadedP50Ms: percentile(unloaded.latenciesMs, 50),
    unloadedP99Ms: percentile(unloaded.latenciesMs, 99),
    p50Ms: percentile(load.latenciesMs, 50),
    p99Ms: percentile(load.latenciesMs, 99),
    latenessP99Ms: percentile(load.latenessMs, 99),
    goodputPerSecond: load.goodputPerSecond,
    offeredPerSecond: load.offeredPerSecond,
    lossNs: lossNs(load, serviceMs),
    attempts: load.attempts,
    outcomes: load.outcomes,
  };
}

function lossNs({ attempts, latenciesMs: { length: okCount }, busyMs }: Outcome, serviceMs: number): number {
  return ((busyMs - okCount * serviceMs) * 1e6) / Math.max(1, attempts - okCount);
}

/** Answers a second with a core, with always `IN_FLIGHT` calls under way: the most that can be done. */
async function peak(ref: Ref<WorkerProtocol>, forMs: number): Promise<number> {
  const startedMs = coreNowMs();
  const untilMs = performance.now() + forMs;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const answer = await ref.call("work", {}, options);
      if (answer.ok) done += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, Number(capacity)) }, lane));
  return (done * 1000) / (coreNowMs() - startedMs);
}

/**
 * What a message costs: calls and casts between actors of one cell, through the same machine as in a node, beside
 * xstate's actors. Completed work only: a cast counts when its handler has run.
 */
import { createActor, fromTransition } from "xstate";
import { beside, type Measurement, median } from "#bench/measurement.ts";
import { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import { type Failure, must, ok, type Result } from "#runtime/errors.ts";
import { Machine } from "#runtime/machine.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";

interface CounterProtocol {
  add: Call<{ readonly amount: number }, number>;
  tell: Cast<{ readonly amount: number }>;
}

interface Counter {
  value: number;
}

const counter: Behavior<CounterProtocol, Record<never, never>, undefined, Counter> = {
  name: "counter",
  init: () => ({ value: 0 }),
  handlers: {
    add: (state, { amount }) => {
      state.value += amount;
      return ok(state.value);
    },
    tell: (state, { amount }) => {
      state.value += amount;
    },
  },
};

const MAILBOX_CAPACITY = 1024;
const CALLS = 400_000;
const CASTS = 2_000_000;
const RUNS = 5;
const within = { timeoutMs: 30 * second };
const request = { amount: 1 };
const told = { type: "tell", amount: 1 };

export async function* benchActors(): AsyncGenerator<Measurement> {
  const { ref } = await startCounter();
  const sequential = await rateOf(CALLS, () => callSequentially(ref));
  const overlapping = await rateOf(CALLS, () => callOverlapping(ref, 64));
  const casts = await rateOf(CASTS, () => castAll(ref));
  const peer = await rateOf(CASTS / 10, sendAll);

  yield { name: "actors.call-sequential", value: sequential, unit: "/s" };
  yield { name: "actors.call-64-in-flight", value: overlapping, unit: "/s" };
  yield beside({ name: "actors.cast", value: casts, unit: "/s" }, "xstate send", peer);
}

async function startCounter(): Promise<{ readonly ref: Ref<CounterProtocol> }> {
  const metrics = new Metrics();
  const bus = new Bus<{ readonly type: string }>({ clock: realClock, metrics });
  const machine = new Machine({
    clock: realClock,
    random: createRealRandom(),
    scheduler: realScheduler,
    bus,
    log: silent,
    metrics,
  });
  const actor = new Actor(
    {
      name: counter.name,
      // The machine hosts any actor, so it sees the types erased.
      behavior: counter as unknown as Behavior<never, never, never, never>,
      deps: undefined,
      mailbox: { capacity: MAILBOX_CAPACITY, overflow: "reject" },
      laterMax: 1,
      shutdownMs: 1 * second,
    },
    machine,
  );
  must(await actor.start(), "starting the counter");
  return { ref: actor.ref<CounterProtocol>() };
}

async function callSequentially(ref: Ref<CounterProtocol>): Promise<void> {
  const before = await countOf(ref);
  for (let call = 0; call < CALLS; call += 1) await ref.call("add", request, within);
  await expectValue(ref, before + CALLS);
}

async function callOverlapping(ref: Ref<CounterProtocol>, lanes: number): Promise<void> {
  const before = await countOf(ref);
  const lane = async (): Promise<void> => {
    for (let call = 0; call < CALLS / lanes; call += 1) await ref.call("add", request, within);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  await expectValue(ref, before + CALLS);
}

/** In bursts that fit the mailbox; the call at the end of a burst comes back when all of it was handled. */
async function castAll(ref: Ref<CounterProtocol>): Promise<void> {
  const before = await countOf(ref);
  const burst = MAILBOX_CAPACITY - 1;
  for (let sent = 0; sent < CASTS; sent += burst) {
    const count = Math.min(burst, CASTS - sent);
    for (let cast = 0; cast < count; cast += 1) ref.cast("tell", request);
    await ref.call("add", { amount: 0 }, within);
  }
  await expectValue(ref, before + CASTS);
}

async function sendAll(): Promise<void> {
  const actor = createActor(fromTransition((value: number, { amount }: typeof told) => value + amount, 0)).start();
  for (let sent = 0; sent < CASTS / 10; sent += 1) actor.send(told);
  if (actor.getSnapshot().context !== CASTS / 10) throw new Error("xstate lost an event");
  actor.stop();
}

async function countOf(ref: Ref<CounterProtocol>): Promise<number> {
  return answerOf(await ref.call("add", { amount: 0 }, within));
}

async function expectValue(ref: Ref<CounterProtocol>, expected: number): Promise<void> {
  const value = await countOf(ref);
  if (value !== expected) throw new Error(`${expected - value} messages were lost`);
}

function answerOf(answer: Result<number, Failure>): number {
  return must(answer, "calling the counter");
}

/** The first run warms up and does not count. */
async function rateOf(count: number, work: () => Promise<void>): Promise<number> {
  await work();
  const rates: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const startedMs = performance.now();
    await work();
    rates.push((count * 1000) / (performance.now() - startedMs));
  }
  return median(rates);
}

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};

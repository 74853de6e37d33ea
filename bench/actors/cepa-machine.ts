/** The actor machine as a cell has it, on real time: the one file of the benchmark that knows how an actor is hosted. */
import { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import { must } from "#runtime/errors.ts";
import { eraseRef } from "#runtime/link/erased-ref.ts";
import { Switchboard } from "#runtime/link/switchboard.ts";
import { Machine } from "#runtime/machine.ts";
import type { Protocol } from "#runtime/protocol.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";

/** An actor that nobody supervises: whoever made it starts and stops it. */
export interface Hosted<P extends Protocol<P>> {
  readonly ref: Ref<P>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Starts the next incarnation whenever one ends, at once. */
  keep(): void;
}

export interface HostOptions {
  readonly name?: string;
  /** Messages in the user lane. */
  readonly capacity: number;
}

export function cepaMachine(): Machine {
  const metrics = new Metrics();
  const bus = new Bus<{ readonly type: string }>({ clock: realClock, metrics });
  const random = createRealRandom();
  return new Machine({ clock: realClock, random, scheduler: realScheduler, bus, log: silent, metrics });
}

export function hostActor<P extends Protocol<P>, State>(
  machine: Machine,
  behavior: Behavior<P, Record<never, never>, undefined, State>,
  { name = behavior.name, capacity }: HostOptions,
): Hosted<P> {
  const actor = new Actor(
    {
      name,
      // The machine hosts any actor, so it sees the types erased.
      behavior: behavior as unknown as Behavior<never, never, never, never>,
      deps: undefined,
      mailbox: { capacity, overflow: "reject" },
      laterMax: 1,
      shutdownMs: 1 * second,
    },
    machine,
  );
  const start = async (): Promise<void> => {
    must(await actor.start(), `starting ${name}`);
  };
  return {
    ref: actor.ref<P>(),
    start,
    stop: async () => {
      await actor.stop();
    },
    keep: () => actor.onExit(() => void start()),
  };
}

/** The switchboard of the cell `cell`, which hosts `actor`; the other cell listens at `path`. */
export function cepaSwitchboard<P extends Protocol<P>>(cell: string, path: string, actor?: Hosted<P>): Switchboard {
  return new Switchboard({
    cell,
    buildId: "bench",
    network: realNetwork,
    clock: realClock,
    scheduler: realScheduler,
    random: createRealRandom(),
    metrics: new Metrics(),
    log: silent,
    local: () => (actor === undefined ? undefined : eraseRef(actor.ref)),
    socketOf: () => ({ path }),
  });
}

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};

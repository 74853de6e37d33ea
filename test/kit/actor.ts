/**
 * One actor on a machine of its own, with manual time: what a test of a behavior needs.
 *
 * `ref` is how the test speaks to it; `crash` and `restart` do what a supervisor would, without its delays.
 */
import assert from "node:assert/strict";
import { Actor } from "#runtime/actor.ts";
import type { ActorEvent, Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import type { Clock } from "#runtime/clock.ts";
import type { ExitReason } from "#runtime/errors.ts";
import { Machine } from "#runtime/machine.ts";
import type { Overflow } from "#runtime/mailbox.ts";
import type { Protocol } from "#runtime/protocol.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { Ref } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";

export interface KitOptions {
  readonly capacity?: number;
  readonly overflow?: Overflow;
  readonly laterMax?: number;
  readonly shutdownMs?: number;
  readonly turnTimeoutMs?: number;
  readonly machine?: TestMachine;
}

export interface TestMachine {
  readonly machine: Machine;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
  readonly bus: Bus<{ readonly type: string }>;
}

export interface Started<P extends Protocol<P>> extends TestMachine {
  readonly actor: Actor;
  readonly ref: Ref<P>;
  /** Exits so far, oldest first. */
  readonly exits: readonly ExitReason[];
  /** What the actor has announced since the last call. */
  announced(): readonly { readonly name: string; readonly event: unknown }[];
  /** Ends the incarnation as a crash and starts the next one. */
  crash(): Promise<void>;
  /** Starts the next incarnation after an exit. */
  restart(): Promise<void>;
}

/** Keeps nothing: a test that cares about a line passes its own log. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLog,
};

let machineCount = 0;

/**
 * Without a `seed` no two machines of a process draw the same: a node that starts again is another one. `clock` is the
 * one to move by hand; `seen` is what the machine has in its place.
 */
export function testMachine(turnTimeoutMs?: number, seed?: number, seen?: (clock: Clock) => Clock): TestMachine {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const bus = new Bus<{ readonly type: string }>({ clock, metrics });
  machineCount += 1;
  const machine = new Machine({
    clock: seen?.(clock) ?? clock,
    random: seededRandom(seed ?? machineCount),
    scheduler: realScheduler,
    bus,
    log: silentLog,
    metrics,
    ...(turnTimeoutMs === undefined ? {} : { turnTimeoutMs }),
  });
  return { machine, clock, metrics, bus };
}

/** Small limits by default, so that they are met in every run. */
export async function startActor<P extends Protocol<P>, Events, Deps, State>(
  behavior: Behavior<P, Events, Deps, State>,
  deps: Deps,
  options: KitOptions = {},
): Promise<Started<P>> {
  const shared = options.machine ?? testMachine(options.turnTimeoutMs);
  const actor = new Actor(
    {
      name: behavior.name,
      behavior: behavior as unknown as Behavior<never, never, never, never>,
      deps,
      mailbox: { capacity: options.capacity ?? 8, overflow: options.overflow ?? "reject" },
      laterMax: options.laterMax ?? 8,
      shutdownMs: options.shutdownMs ?? 1000,
    },
    shared.machine,
  );
  const exits: ExitReason[] = [];
  actor.onExit((reason) => exits.push(reason));
  const subscription = shared.bus.subscribe();
  const restart = async (): Promise<void> => {
    const started = await actor.start();
    assert(started.ok, JSON.stringify(started));
  };
  await restart();

  return {
    ...shared,
    actor,
    ref: actor.ref<P>(),
    exits,
    announced: () => {
      const events: { name: string; event: unknown }[] = [];
      for (let next = subscription.take(); next !== undefined; next = subscription.take()) {
        const event = next.event as ActorEvent;
        if (event.type === "ActorEvent") events.push({ name: event.name, event: event.event });
      }
      return events;
    },
    crash: async () => {
      actor.kill("crashed by the test");
      await restart();
    },
    restart,
  };
}

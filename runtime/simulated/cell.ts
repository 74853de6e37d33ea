/**
 * A cell of a simulation: one process with actors in it, on the seams of a life. For tests of single actors; what keeps
 * them alive here is a pause and another start, without budgets, backoff or order. With the real supervisor instead, give
 * `life.base` to `startSystem` as its seams.
 */
import { Actor } from "#runtime/actor.ts";
import type { ActorEvent, Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import { type ExitReason, isAbnormal, must } from "#runtime/errors.ts";
import { armFailpoint } from "#runtime/failpoints.ts";
import { Machine } from "#runtime/machine.ts";
import type { Overflow } from "#runtime/mailbox.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Life, LifeOptions } from "#runtime/simulated/life.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";

/** Defaults of an actor in a simulation: small, so that its limits are met in every run. */
const MAILBOX_CAPACITY = 8;
const LATER_MAX = 8;
const SHUTDOWN_MS: number = 1 * second;
const RESTART_AFTER_MS = 100;

/** What differs from the defaults, which are small. */
export interface SimulatedActorOptions {
  /** Messages in the user lane. Default 8. */
  readonly mailboxCapacity?: number;
  /** What becomes of one more. Default `reject`. */
  readonly overflow?: Overflow;
  /** Tasks that `ctx.later` may have in flight. Default 8. */
  readonly laterMax?: number;
  /** Longest time for `terminate` and for closing the scope. Default 1 s. */
  readonly shutdownMs?: number;
  /** From a crash to the next incarnation. Default 100 ms; `Infinity`: there is none but by `restart`. */
  readonly restartAfterMs?: number;
}

/** An actor that a scenario has started: how it is spoken to, what became of it, and how it is ended. */
export interface SimulatedActor<P extends Protocol<P>> {
  /** Stays valid over every restart. */
  readonly ref: Ref<P>;
  /** How its incarnations ended, the oldest first. */
  readonly exits: readonly ExitReason[];
  /** The number of the present incarnation, 1 for the first. */
  readonly incarnation: number;
  /** What it has announced, the oldest first. */
  readonly announced: readonly { readonly name: string; readonly event: unknown }[];
  /** Ends the present incarnation as a defect in it would. */
  crash(): void;
  /** The next `times` passes of the failpoint crash it; 1 unless it is said. A name that the behavior does not have is a defect. */
  arm(failpoint: string, times?: number): void;
  /** Starts the next one now. A start that fails is a defect. */
  restart(): Promise<void>;
  /** Ends it in good order, for good. `clean`: everything was closed within `shutdownMs`. */
  stop(): Promise<{ readonly clean: boolean }>;
}

/** A process with actors. Any number may live in one simulation; they share its disk and its stores. */
export class SimulatedCell {
  readonly life: Life;
  readonly bus: Bus<{ readonly type: string }>;
  readonly metrics: Metrics = new Metrics();
  readonly #machine: Machine;

  constructor(simulation: Simulation, options: LifeOptions = {}) {
    this.life = simulation.begin(options);
    const { base } = this.life;
    this.bus = new Bus({ clock: base.clock, metrics: this.metrics });
    const env = { ...base, bus: this.bus, log: this.life.log({}), metrics: this.metrics };
    this.#machine = new Machine(env);
  }

  /** Settles when `init` has. A start that fails is a defect. */
  async start<P extends Protocol<P>, Events, Deps, State>(
    behavior: Behavior<P, Events, Deps, State>,
    deps: Deps,
    options: SimulatedActorOptions = {},
  ): Promise<SimulatedActor<P>> {
    const { restartAfterMs = RESTART_AFTER_MS } = options;
    const { name } = behavior;
    const actor = makeActor(behavior, deps, options, this.#machine);
    const start = async (): Promise<void> => must(await actor.start(), `${name} starts`);
    const exits = this.#watch(actor, restartAfterMs, start);
    const announced = this.#listen(name);
    await start();
    return {
      ref: actor.ref<P>(),
      exits,
      announced,
      get incarnation() {
        return actor.incarnation;
      },
      crash: () => actor.kill("crashed by the scenario"),
      arm: (failpoint, times = 1) => must(armFailpoint(actor, failpoint, times), `${name} has the failpoint`),
      restart: start,
      stop: () => actor.stop(),
    };
  }

  /** The process is gone: `kill -9`. */
  end(): void {
    this.life.end();
  }

  #watch(actor: Actor, restartAfterMs: number, start: () => Promise<void>): readonly ExitReason[] {
    const exits: ExitReason[] = [];
    actor.onExit((reason) => {
      exits.push(reason);
      this.life.tell("exit", actor.name, actor.incarnation, reason);
      if (!isAbnormal(reason) || restartAfterMs === Number.POSITIVE_INFINITY) return;
      this.life.base.clock.after(restartAfterMs, () => {
        if (actor.lifecycle === "stopped") void start();
      });
    });
    return exits;
  }

  #listen(actor: string): readonly { readonly name: string; readonly event: unknown }[] {
    const announced: { readonly name: string; readonly event: unknown }[] = [];
    const subscription = this.bus.subscribe();
    const listen = async (): Promise<void> => {
      for (let next = await subscription.next(); next !== undefined; next = await subscription.next()) {
        const said = next.event as ActorEvent;
        if (said.type !== "ActorEvent" || said.actor !== actor) continue;
        announced.push({ name: said.name, event: said.event });
        this.life.tell("event", actor, said.name, said.event);
      }
    };
    void listen();
    return announced;
  }
}

/** An actor that runs nothing yet. */
export function makeActor<P extends Protocol<P>, Events, Deps, State>(
  behavior: Behavior<P, Events, Deps, State>,
  deps: Deps,
  options: SimulatedActorOptions,
  machine: Machine,
): Actor {
  const { mailboxCapacity = MAILBOX_CAPACITY, overflow = "reject" } = options;
  return new Actor(
    {
      name: behavior.name,
      // An actor hosts any behavior, so it sees the types of none.
      behavior: behavior as unknown as Behavior<never, never, never, never>,
      deps,
      mailbox: { capacity: mailboxCapacity, overflow },
      laterMax: options.laterMax ?? LATER_MAX,
      shutdownMs: options.shutdownMs ?? SHUTDOWN_MS,
    },
    machine,
  );
}

/**
 * A cell whose turns an exploration orders: the actors of a small program. Nothing restarts them but the program, and
 * time moves when a step moves it.
 */
import type { Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import { type ExitReason, must } from "#runtime/errors.ts";
import { Machine } from "#runtime/machine.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import { makeActor, type SimulatedActorOptions } from "#runtime/simulated/cell.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import { memoryLog } from "#runtime/simulated/log.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";

/** An actor of a program: how it is spoken to, and how its lives begin and end. */
export interface ExploredActor<P extends Protocol<P>> {
  /** Stays valid over every restart. */
  readonly ref: Ref<P>;
  /** How its incarnations ended, the oldest first. */
  readonly exits: readonly ExitReason[];
  /** The number of the present incarnation, 1 for the first. */
  readonly incarnation: number;
  /** Runs after every end, as a supervisor would hear of it. One at a time. */
  onExit(run: (reason: ExitReason) => void): void;
  /** Ends the present incarnation as a defect in it would. */
  crash(): void;
  /** Starts the next one. Settles when `init` has; a start that fails is a defect. */
  restart(): Promise<void>;
  /** Ends it in good order, for good. `clean`: everything was closed within `shutdownMs`. */
  stop(): Promise<{ readonly clean: boolean }>;
}

/** A process with actors, made anew in every run. Its randomness is the same in each, as a program must be. */
export class ExploredCell {
  /** `play.alone(() => clock.advance(ms))` is a step in which time passes. */
  readonly clock: ManualClock = new ManualClock();
  readonly bus: Bus<{ readonly type: string }>;
  readonly metrics: Metrics = new Metrics();
  readonly #machine: Machine;

  constructor(play: Play) {
    const { clock, metrics } = this;
    this.bus = new Bus({ clock, metrics });
    const random = seededRandom(1);
    const scheduler = seededScheduler(random);
    this.#machine = new Machine({
      clock,
      random,
      scheduler,
      bus: this.bus,
      log: memoryLog(),
      metrics,
      runQueue: play,
    });
  }

  /** Deadlines of calls and turns that are armed now: none when nothing is under way. */
  get deadlineCount(): number {
    return this.#machine.wheel.armedCount;
  }

  /** Settles when `init` has. A start that fails is a defect. */
  async start<P extends Protocol<P>, Events, Deps, State>(
    behavior: Behavior<P, Events, Deps, State>,
    deps: Deps,
    options: Omit<SimulatedActorOptions, "restartAfterMs"> = {},
  ): Promise<ExploredActor<P>> {
    const actor = makeActor(behavior, deps, options, this.#machine);
    const exits: ExitReason[] = [];
    let onExit: (reason: ExitReason) => void = () => undefined;
    actor.onExit((reason) => {
      exits.push(reason);
      onExit(reason);
    });
    const restart = async (): Promise<void> => must(await actor.start(), `${behavior.name} starts`);
    await restart();
    return {
      ref: actor.ref<P>(),
      exits,
      get incarnation() {
        return actor.incarnation;
      },
      onExit: (run) => {
        onExit = run;
      },
      crash: () => actor.kill("crashed by the program"),
      restart,
      stop: () => actor.stop(),
    };
  }
}

/**
 * What all actors of one cell share: the dispatcher, the wheel of deadlines, the bus and the seams they run on.
 */
import type { EventBus } from "#runtime/behavior.ts";
import type { Clock } from "#runtime/clock.ts";
import { Dispatcher, type RunQueue } from "#runtime/dispatcher.ts";
import type { Random } from "#runtime/random.ts";
import { RecentSlots } from "#runtime/recent-slots.ts";
import { type Scheduler, surface } from "#runtime/scheduler.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Counter, Histogram, Metrics } from "#runtime/telemetry/metrics.ts";
import { millisecond, second } from "#runtime/units.ts";
import { Wheel } from "#runtime/wheel.ts";

/** A handler that holds the mailbox longer than this is stuck: its incarnation is fenced and replaced. */
export const TURN_TIMEOUT_MS = 10_000;

/** Of turns and waits, seconds: past one millisecond they are noticed. */
const TIMES_S = [0.01, 0.1, 1, 10, 100, 1000, 10_000].map((each) => (each * millisecond) / second);

export interface MachineOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly bus: EventBus;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly turnTimeoutMs?: number;
  /** Takes the place of the dispatcher: for tests that decide who runs next. */
  readonly runQueue?: RunQueue;
}

export class Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly bus: EventBus;
  readonly log: Log;
  readonly dispatcher: RunQueue;
  readonly wheel: Wheel;
  readonly recent: RecentSlots = new RecentSlots();
  readonly turnTimeoutMs: number;
  /** Messages refused or lost, by `reason`: never a silent one. */
  readonly rejected: Counter;
  /** Uses of a context whose incarnation had ended. */
  readonly fenced: Counter;
  /** Of turns and of messages in line, by `actor`, as far as they were timed. */
  readonly turnTime: Histogram;
  readonly waitTime: Histogram;

  constructor(options: MachineOptions) {
    const { clock, random, scheduler, bus, log, metrics, turnTimeoutMs = TURN_TIMEOUT_MS, runQueue } = options;
    this.clock = clock;
    this.random = random;
    this.scheduler = scheduler;
    this.bus = bus;
    this.log = log;
    this.dispatcher = runQueue ?? new Dispatcher({ clock, scheduler });
    this.wheel = new Wheel(clock);
    this.turnTimeoutMs = turnTimeoutMs;
    this.rejected = metrics.counter("rejected_total", "Work that was refused, by reason.");
    this.fenced = metrics.counter("runtime_fenced_total", "Uses of a context after its incarnation had ended.");
    this.turnTime = metrics.histogram("actor_turn_seconds", "What turns of an actor took, sampled.", TIMES_S);
    this.waitTime = metrics.histogram("actor_wait_seconds", "How long messages waited for a turn, sampled.", TIMES_S);
  }

  /** For what no actor can own, e.g. a callback that throws: it reaches the cell as an uncaught error does. */
  surface(defect: unknown): void {
    surface(defect, this.scheduler);
  }
}

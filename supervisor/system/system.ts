/** What a supervised system of actors is told, and what it lets its owner do. Types only. */
import type { ActorEvent } from "#runtime/behavior.ts";
import type { Bus } from "#runtime/bus.ts";
import type { DeadLetter } from "#runtime/dead-letters.ts";
import type { Result } from "#runtime/errors.ts";
import type { NotReplayed } from "#runtime/losses.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import type { Budget } from "#supervisor/child-spec.ts";
import type { ChildStatus } from "#supervisor/entry.ts";
import type { SupervisorEvent } from "#supervisor/events.ts";
import type { AddRefusal, NoSuchChild, NotResumable, NotRunning, RemoveRefusal } from "#supervisor/refusals.ts";
import type { Strategy } from "#supervisor/strategy.ts";
import type { SystemSeams } from "#supervisor/system/seams.ts";
import type { FindRef, Worker } from "#supervisor/system/worker.ts";

/** What `startSystem` is told. Only `name` and `children` have no default. */
export interface SystemOptions {
  /** In events and log lines. */
  readonly name: string;
  /** Who goes down with a worker that exits. Default `one-for-one`: nobody, because refs stay valid. */
  readonly strategy?: Strategy;
  /** Restarts over all workers, default 20 in 60 s. One more ends the system: the cause is not in a worker. */
  readonly intensity?: Budget;
  /** In start order; each finds those before it. They stop in reverse. */
  readonly children: readonly Worker[];
  /** Default: JSON lines from `info` up on standard error, with what looks like a secret hidden. */
  readonly log?: Log;
  /** Default: a registry of its own, which `System.metrics` shows. */
  readonly metrics?: Metrics;
  /** Default: this machine's clock, randomness and event loop. Tests hand in those of `cepa/testing`. */
  readonly seams?: SystemSeams;
}

/** What is announced on a system's bus: what its actors publish, and what their supervisor does. */
export type SystemEvent = ActorEvent | SupervisorEvent;

/** How a system came to its end. */
export type SystemEnd =
  /** By `stop`; every worker was closed in good order, or cut off at its deadline and freed within a second. */
  | { readonly reason: "stopped" }
  /** The intensity was exceeded. Every worker has been stopped. */
  | { readonly reason: "escalated" }
  /**
   * `child` did not let go of what it holds within `shutdownMs`, or within a second after the deadline of `stop`, so that
   * no new life may begin; the others were stopped. Only the end of the process frees what it holds. Of several it is the
   * first.
   */
  | { readonly reason: "stuck"; readonly child: string };

/** How one worker stands. */
export interface WorkerStatus extends ChildStatus {
  /** Messages that wait in the user lane, and how many it can hold. */
  readonly mailbox: { readonly depth: number; readonly capacity: number };
}

/** A system that has been started. All of it is usable until `ended` settles; afterwards calls are refused. */
export interface System {
  readonly name: string;
  /** Lossy, as every bus: for watching. What must arrive is a message. */
  readonly bus: Bus<SystemEvent>;
  readonly metrics: Metrics;
  /** Settles, never rejects, when the system has ended. Whoever runs a service ends the process then. */
  readonly ended: Promise<SystemEnd>;
  /** A ref that stays valid over every restart. */
  readonly ref: FindRef;
  /** Every worker, in start order. */
  status(): readonly WorkerStatus[];
  /** Crashes a worker's life, as a fault would. It is restarted within its budget. Refused where that ends nothing. */
  kill(name: string): Result<void, NoSuchChild | NotRunning>;
  /** Starts a quarantined or waiting worker, with a fresh budget, as soon as those that it took down have stopped. */
  resume(name: string): Result<void, NoSuchChild | NotResumable>;
  /**
   * One worker more, after all others; without an `init` that takes its time it is up at once. A `temporary` one is
   * forgotten when it has come to its end, a `transient` one when that was in good order. Only for systems whose strategy
   * is `one-for-one`: anything else is a defect.
   */
  spawn(worker: Worker): Result<void, AddRefusal>;
  /**
   * Stops a worker that was spawned, and forgets it. Settles when nothing of it is left, so the worker's own handler must
   * not wait for it.
   */
  remove(name: string): Promise<Result<void, RemoveRefusal>>;
  /** Messages that a worker accepted and lost, oldest first: at most 32. */
  deadLetters(name: string): Result<readonly DeadLetter[], NoSuchChild>;
  /** Sends a dead letter again, as a message that nobody waits for. */
  replay(name: string, letter: number): Result<void, NoSuchChild | NotReplayed>;
  /**
   * Stops every worker in reverse order, and the system for good, within `withinMs` (default 10 s, at most 2^31 - 1 ms).
   * What is left then is killed, all at once and without a `terminate` that has not begun, and has one second for all of
   * it together to let go of what it holds. Settles when nothing is left, at the latest after that second, and answers as
   * `ended` does. Again: joins the stop under way, and may shorten it. A handler may begin it and must not wait for it: its
   * own life would wait for itself.
   */
  stop(withinMs?: number): Promise<SystemEnd>;
}

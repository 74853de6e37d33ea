/**
 * One system from its start to its end.
 *
 * Invariants:
 * - it ends once: by `stop`, by escalation, or because a worker is stuck, which stops the others in good order;
 * - after the end no worker runs that could be stopped, and every call is refused at once.
 */
import type { EventBus } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import type { DeadLetter } from "#runtime/dead-letters.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { NotReplayed } from "#runtime/losses.ts";
import { Machine } from "#runtime/machine.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { ActorChild } from "#supervisor/cell/actor-child.ts";
import type { Supervised } from "#supervisor/child.ts";
import type { AddRefusal, NoSuchChild, NotResumable, NotRunning, RemoveRefusal } from "#supervisor/refusals.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { checkBudget, checkDelay } from "#supervisor/system/bounds.ts";
import { SYSTEM_SHUTDOWN_MS } from "#supervisor/system/defaults.ts";
import type { System, SystemEnd, SystemEvent, SystemOptions, WorkerStatus } from "#supervisor/system/system.ts";
import type { FindRef, Worker } from "#supervisor/system/worker.ts";
import { Workers } from "#supervisor/system/workers.ts";

export class RunningSystem implements System {
  readonly name: string;
  readonly bus: Bus<SystemEvent>;
  readonly metrics: Metrics;
  readonly ref: FindRef;
  readonly #options: Required<SystemOptions>;
  readonly #workers: Workers;
  readonly #supervisor: Supervisor;
  readonly #end = Promise.withResolvers<SystemEnd>();
  #stuckChild: string | undefined;
  #release: () => void = () => undefined;

  constructor(options: Required<SystemOptions>) {
    const { name, intensity, log, metrics, seams } = options;
    checkBudget(intensity, `the intensity of ${name}`);
    this.name = name;
    this.metrics = metrics;
    this.#options = options;
    this.bus = new Bus<SystemEvent>({ clock: seams.clock, metrics });
    // The machine publishes actors' events and nothing else, so its wider bus may be this one.
    const machine = new Machine({ ...seams, bus: this.bus as unknown as EventBus, log, metrics });
    this.#workers = new Workers(machine);
    this.ref = this.#workers.ref;
    this.#supervisor = this.#supervise();
  }

  get ended(): Promise<SystemEnd> {
    return this.#end.promise;
  }

  /** Once. A system that ends while it starts has started. */
  async start(): Promise<void> {
    this.#release = this.#options.seams.keepAlive?.() ?? this.#release;
    await this.#supervisor.start();
  }

  status(): readonly WorkerStatus[] {
    return this.#supervisor.status().map((status) => {
      const { mailboxDepth: depth = 0, mailboxCapacity: capacity = 0 } = this.#workers.find(status.name) ?? {};
      return { ...status, mailbox: { depth, capacity } };
    });
  }

  kill(name: string): Result<void, NoSuchChild | NotRunning> {
    return this.#supervisor.kill(name);
  }

  resume(name: string): Result<void, NoSuchChild | NotResumable> {
    return this.#supervisor.resume(name);
  }

  spawn(worker: Worker): Result<void, AddRefusal> {
    const { name } = worker.spec;
    const supervisor = this.#supervisor;
    assert(isOneForOne(supervisor), "workers are spawned where the others have nothing to do with it");
    const refusal = supervisor.refusalOf(name);
    if (refusal !== undefined) return fail(refusal);
    const { spec, child } = this.#supervised(worker);
    return supervisor.add(spec, child);
  }

  remove(name: string): Promise<Result<void, RemoveRefusal>> {
    return this.#supervisor.remove(name);
  }

  deadLetters(name: string): Result<readonly DeadLetter[], NoSuchChild> {
    const actor = this.#workers.find(name);
    return actor === undefined ? fail({ code: "supervisor.no-such-child", child: name }) : ok(actor.deadLetters);
  }

  replay(name: string, letter: number): Result<void, NoSuchChild | NotReplayed> {
    const actor = this.#workers.find(name);
    return actor === undefined ? fail({ code: "supervisor.no-such-child", child: name }) : actor.replay(letter);
  }

  stop(withinMs: number = SYSTEM_SHUTDOWN_MS): Promise<SystemEnd> {
    checkDelay(withinMs, "withinMs of a stop");
    void this.#supervisor.shutdown(withinMs).then(() => {
      const child = this.#stuckChild;
      this.#finish(child === undefined ? { reason: "stopped" } : { reason: "stuck", child });
    });
    return this.ended;
  }

  #supervise(): Supervisor {
    const { name, strategy, intensity, children, log, metrics, seams } = this.#options;
    return new Supervisor({
      name,
      strategy,
      intensity,
      rungs: children.map((child) => [this.#supervised(child)]),
      clock: seams.clock,
      random: seams.random,
      log,
      metrics,
      bus: this.bus,
      onForget: (child) => this.#workers.forget(child),
      onEscalate: () => this.#finish({ reason: "escalated" }),
      onStuck: (child) => this.#stuck(child),
    });
  }

  #supervised(worker: Worker): Supervised {
    const actor = this.#workers.add(worker);
    return { spec: worker.spec, child: new ActorChild(actor, () => this.#stuck(actor.name)) };
  }

  /** A new life beside what may be left of the last one is worse than none: nothing starts any more. */
  #stuck(child: string): void {
    if (this.#stuckChild !== undefined) return;
    this.#stuckChild = child;
    this.#options.log.error("system.stuck", { child });
    void this.stop();
  }

  /** The first end counts. */
  #finish(end: SystemEnd): void {
    this.#release();
    this.#release = () => undefined;
    this.#end.resolve(end);
  }
}

function isOneForOne(supervisor: Supervisor): supervisor is Supervisor<"one-for-one"> {
  return supervisor.strategy === "one-for-one";
}

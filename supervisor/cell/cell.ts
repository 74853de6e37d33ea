/**
 * One life of a cell: its actors, their supervisor, its links, and the conversation with the root.
 *
 * It knows nothing of processes: orders come and reports go through a `RootChannel`, and its end is `onEnd`. The same
 * code is a process of its own in `tree` and part of the root's in `single`.
 */
import { Actor } from "#runtime/actor.ts";
import type { ActorStatus, CellEnv, NodeStatus, Wiring } from "#runtime/actor-module.ts";
import { Bus } from "#runtime/bus.ts";
import type { Timer } from "#runtime/clock.ts";
import { assert, Defect, describeExit, type Result } from "#runtime/errors.ts";
import { Machine } from "#runtime/machine.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import { Scope } from "#runtime/scope.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import type { Catalogue, ErasedModule } from "#supervisor/catalogue.ts";
import { ActorChild } from "#supervisor/cell/actor-child.ts";
import { Metering } from "#supervisor/cell/metering.ts";
import type { MetricSink } from "#supervisor/cell/metric-push.ts";
import type { CellSeams, Links } from "#supervisor/cell/seams.ts";
import { Sections } from "#supervisor/cell/sections.ts";
import type { CellSpec, NodeSpec, WorkerSpec } from "#supervisor/child-spec.ts";
import type { CellEvent } from "#supervisor/events.ts";
import { type Placement, place } from "#supervisor/placement.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { type CellFacts, HEARTBEAT_MS, type Order, type Report } from "#supervisor/wire.ts";

/** The actor that metrics go to. */
const TELEMETRY = "telemetry";
/** Shortest time between two unasked status reports. */
export const STATUS_INTERVAL_MS = 100;

/** Characters of a failure that the root is told. */
const FAILURE_LENGTH_MAX = 2000;

/** How a life ended. Exit codes of the process, where there is one. */
export const EXIT = { left: 0, stuck: 70, escalated: 71, orphaned: 72 } as const;

export interface CellOptions {
  readonly tree: NodeSpec;
  readonly catalogue: Catalogue;
  readonly seams: CellSeams;
  readonly send: (report: Report) => void;
  /** Runs once; nothing of the cell may be used afterwards. */
  readonly onEnd: (code: number) => void;
  /** Every actor has had its first start. */
  readonly onStarted?: () => void;
}

type BeginFailure = Omit<Extract<Report, { readonly kind: "failed" }>, "kind">;

export class Cell {
  readonly #options: CellOptions;
  readonly #scope = new Scope();
  readonly #actors = new Map<string, Actor>();
  readonly #metrics = new Metrics();
  readonly #ready = new Map<string, boolean>();
  #facts: CellFacts | undefined;
  #status: NodeStatus = { cells: [], actors: [], unavailable: [], shuttingDown: false };
  #log: Log | undefined;
  #closeLog: () => void = () => undefined;
  #sections: Sections | undefined;
  #supervisor: Supervisor | undefined;
  #links: Links | undefined;
  #bus: Bus<{ readonly type: string }> | undefined;
  #metering: Metering | undefined;
  #beat: Timer | undefined;
  #statusTimer: Timer | undefined;
  #ended = false;

  constructor(options: CellOptions) {
    this.#options = options;
  }

  receive(order: Order): void {
    if (this.#ended) return;
    switch (order.kind) {
      case "begin":
        this.#begin(order.facts).then(
          (failure) => failure === undefined || this.#fail(failure.cause, failure.message),
          (defect: unknown) => {
            this.logDefect(defect);
            this.#fail("defect", describeExit({ kind: "crashed", defect }));
          },
        );
        break;
      case "config-offer": {
        const problem = this.#sections?.offer(order.config);
        this.#options.send({ kind: "config-answer", version: order.config.version, problem });
        break;
      }
      case "config-commit":
        this.#sections?.commit(order.version);
        break;
      case "node-status":
        this.#status = order.status;
        break;
      case "relay":
        this.#bus?.publish(order.event);
        break;
      case "kill-actor":
        this.#answer(order.id, this.#supervisor?.kill(order.actor));
        break;
      case "resume-actor":
        this.#answer(order.id, this.#supervisor?.resume(order.actor));
        break;
      case "root-metrics":
        this.#metering?.pushRoot(order.deltas);
        break;
      case "drain":
        void this.#drain(order.withinMs);
        break;
      case "leave":
        this.#end(EXIT.left);
        break;
    }
  }

  /** For the last words of the process. */
  logDefect(defect: unknown): void {
    this.#log?.error("cell.defect", { defect });
  }

  closeLog(): void {
    this.#closeLog();
  }

  /** Ends everything at once and without `terminate`, as the end of a process would. */
  async abort(): Promise<void> {
    this.#ended = true;
    this.#beat?.cancel();
    this.#statusTimer?.cancel();
    this.#supervisor?.abandon();
    await Promise.all([...this.#actors.values()].map((actor) => actor.stop()));
    await this.#links?.close();
    await this.#scope.close();
    this.#closeLog();
  }

  // Life

  /** Answers with what makes a beginning impossible. */
  async #begin(facts: CellFacts): Promise<BeginFailure | undefined> {
    const { tree, catalogue, seams, send } = this.#options;
    this.#facts = facts;
    this.#status = facts.status;
    send({ kind: "hello", cell: facts.cell });
    this.#tick(seams.base.clock.nowMs());
    const placement = place(tree, facts.profile);
    const spec = placement.rungs.flat().find((cell) => cell.name === facts.cell);
    assert(spec !== undefined, "the root and the cell know the same tree");

    const modules = await load(spec, catalogue);
    const sections = new Sections(modules, seams.base.processes.self.env);
    const problem = sections.offer(facts.config);
    if (problem !== undefined) return { cause: "config", message: problem };
    sections.commit(facts.config.version);
    this.#sections = sections;

    const env = await this.#makeEnv(facts);
    const machine = new Machine({ ...env, scheduler: env.scheduler });
    const links = seams.links({
      cell: facts.cell,
      runDirectory: facts.runDirectory,
      buildId: facts.buildId,
      metrics: this.#metrics,
      log: env.log,
      actors: this.#actors,
    });
    this.#links = links;
    await this.#wireActors(spec, modules, placement, env, machine);
    const listening = await links.listen();
    if (!listening.ok) return { cause: "defect", message: `links: ${listening.failure.code}` };

    this.#meter(placement);
    await this.#supervise(spec, env);
    if (this.#ended) return undefined;
    this.#report();
    send({ kind: "started" });
    this.#options.onStarted?.();
    return undefined;
  }

  async #makeEnv(facts: CellFacts): Promise<CellEnv> {
    const { seams } = this.#options;
    const { log, close } = seams.log(facts.cell, facts.dataDirectory);
    this.#closeLog = close;
    const bus = new Bus<{ readonly type: string }>({ clock: seams.base.clock, metrics: this.#metrics });
    const cpu = await seams.cpu(facts.cpuThreads);
    this.#scope.add(() => cpu.close());
    this.#log = log;
    this.#bus = bus;
    const { dataDirectory, http, insecurePublic, version } = facts;
    const node = { dataDirectory, http, insecurePublic, version, status: () => this.#status };
    return { ...seams.base, kv: seams.kv, edges: seams.edges, log, bus, cpu, metrics: this.#metrics, node };
  }

  /** In start order, so that an actor finds those below it. */
  async #wireActors(
    spec: CellSpec,
    modules: ReadonlyMap<string, ErasedModule>,
    placement: Placement,
    env: CellEnv,
    machine: Machine,
  ): Promise<void> {
    for (const worker of spec.workers) {
      const actorModule = modules.get(worker.name);
      assert(actorModule !== undefined, "every worker was loaded");
      const wiring: Wiring<never> = {
        env,
        config: this.#sectionOf(worker.name),
        ref: <P extends Protocol<P>>(actor: string) => this.#ref<P>(actor, placement),
        scope: this.#scope,
      };
      const deps = await actorModule.wire(wiring);
      this.#actors.set(worker.name, makeActor(worker, actorModule, deps, machine));
    }
  }

  #sectionOf(name: string): Wiring<never>["config"] {
    assert(this.#sections !== undefined, "the configuration is read before actors are wired");
    return this.#sections.view(name);
  }

  #ref<P extends Protocol<P>>(actor: string, placement: Placement): Ref<P> {
    const home = placement.cellOf[actor];
    assert(home !== undefined, `${actor} is in the tree`);
    if (home !== this.#facts?.cell) {
      assert(this.#links !== undefined, "links come before refs");
      return this.#links.ref<P>(actor, home);
    }
    const local = this.#actors.get(actor);
    assert(local !== undefined, `${actor} starts before those who call it`);
    return local.ref<P>();
  }

  #supervise(spec: CellSpec, env: CellEnv): Promise<void> {
    const supervised = spec.workers.map((worker) => {
      const actor = this.#actors.get(worker.name);
      assert(actor !== undefined, "every worker has its actor");
      return [{ spec: worker, child: new ActorChild(actor, () => this.#stuck(worker.name)) }];
    });
    this.#supervisor = new Supervisor({
      name: spec.name,
      strategy: spec.strategy,
      intensity: spec.intensity,
      rungs: supervised,
      clock: env.clock,
      random: env.random,
      log: env.log,
      metrics: this.#metrics,
      bus: { publish: (event) => this.#announce(event) },
      onEscalate: () => this.#end(EXIT.escalated),
      onStuck: (child) => this.#stuck(child),
      onChange: () => this.#changed(),
    });
    return this.#supervisor.start();
  }

  async #drain(withinMs: number): Promise<void> {
    await this.#supervisor?.shutdown(withinMs);
    this.#metering?.push();
    await this.#links?.close();
    const errors = await this.#scope.close();
    if (errors.length > 0) this.#log?.warn("cell.close-failed", { errors });
    this.#report();
    this.#options.send({ kind: "drained" });
  }

  #stuck(child: string): void {
    if (this.#ended) return;
    this.#log?.error("cell.stuck", { child });
    this.#end(EXIT.stuck);
  }

  #fail(cause: BeginFailure["cause"], message: string): void {
    this.#log?.error("cell.failed", { cause, message });
    this.#options.send({ kind: "failed", cause, message: message.slice(0, FAILURE_LENGTH_MAX) });
    this.#beat?.cancel();
  }

  #end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#beat?.cancel();
    this.#statusTimer?.cancel();
    this.#closeLog();
    this.#options.onEnd(code);
  }

  // What the root hears

  #announce(event: CellEvent): void {
    this.#bus?.publish(event);
    this.#options.send({ kind: "event", event });
  }

  #answer(id: number, result: Result<void, { readonly code: string }> | undefined): void {
    if (result?.ok === true) {
      this.#options.send({ kind: "answer", id, failure: undefined });
      return;
    }
    const failure = result?.failure ?? { code: "supervisor.not-running", state: "starting" };
    const message = "state" in failure ? `it is ${failure.state}` : "there is no such actor";
    this.#options.send({ kind: "answer", id, failure: { code: failure.code, message } });
  }

  /** Tells of health at once, and of the whole state soon: at most ten times a second. */
  #changed(): void {
    for (const { name, state } of this.#supervisor?.status() ?? []) {
      const isReady = state === "running";
      if ((this.#ready.get(name) ?? false) === isReady) continue;
      this.#ready.set(name, isReady);
      this.#announce({ type: "Health", service: name, ok: isReady });
    }
    if (this.#statusTimer !== undefined) return;
    this.#statusTimer = this.#options.seams.base.clock.after(STATUS_INTERVAL_MS, () => this.#report());
  }

  #report(): void {
    this.#statusTimer?.cancel();
    this.#statusTimer = undefined;
    const actors = (this.#supervisor?.status() ?? []).map((child): ActorStatus => {
      const actor = this.#actors.get(child.name);
      const { name, state, restarts, reason } = child;
      const mailbox = { depth: actor?.mailboxDepth ?? 0, capacity: actor?.mailboxCapacity ?? 0 };
      return {
        name,
        cell: this.#facts?.cell ?? "",
        state,
        incarnation: actor?.incarnation ?? 0,
        restarts,
        mailbox,
        reason,
      };
    });
    this.#options.send({ kind: "status", actors });
  }

  /** Once a second: beat, status, metrics. */
  #tick(beforeMs: number): void {
    const { clock, processes } = this.#options.seams.base;
    this.#beat = clock.after(HEARTBEAT_MS, () => {
      const nowMs = clock.nowMs();
      const loopDelayMs = Math.max(0, nowMs - beforeMs - HEARTBEAT_MS);
      const residentBytes = processes.self.residentBytes();
      this.#metering?.measure(loopDelayMs, residentBytes);
      this.#options.send({ kind: "beat", loopDelayMs, residentBytes });
      if (this.#supervisor !== undefined) this.#report();
      this.#metering?.push();
      this.#tick(nowMs);
    });
  }

  #meter(placement: Placement): void {
    if (placement.cellOf[TELEMETRY] === undefined) return;
    const sink = this.#ref<MetricSink>(TELEMETRY, placement);
    this.#metering = new Metering(this.#facts?.cell ?? "", this.#actors, this.#metrics, sink);
  }
}

function makeActor(worker: WorkerSpec, { behavior }: ErasedModule, deps: unknown, machine: Machine): Actor {
  const { name, mailbox, laterMax, shutdownMs } = worker;
  return new Actor({ name, behavior, deps, mailbox, laterMax, shutdownMs }, machine);
}

async function load(spec: CellSpec, catalogue: Catalogue): Promise<ReadonlyMap<string, ErasedModule>> {
  const loaded = spec.workers.map(async ({ name }) => {
    const find = catalogue[name];
    if (find === undefined) throw new Defect(`${name} is in the tree and not in the catalogue`);
    return [name, await find()] as const;
  });
  return new Map(await Promise.all(loaded));
}

/**
 * One life of a cell: its actors, their supervisor, its links, and the conversation with the root.
 *
 * It knows nothing of processes: orders come in by `receive`, reports go out by `send`, and its end is `onEnd`. The same
 * code is a process of its own in `tree` and part of the root's in `single`.
 */
import type { Actor } from "#runtime/actor.ts";
import type { CellEnv, NodeStatus } from "#runtime/actor-module.ts";
import { Bus } from "#runtime/bus.ts";
import { diskInMemory } from "#runtime/disk/disk-in-memory.ts";
import { assert, describeExit } from "#runtime/errors.ts";
import { Scope } from "#runtime/scope.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import type { Catalogue } from "#supervisor/catalogue.ts";
import { diskAtData } from "#supervisor/cell/disk-at-data.ts";
import { Metering } from "#supervisor/cell/metering.ts";
import type { MetricSink } from "#supervisor/cell/metric-push.ts";
import { obey } from "#supervisor/cell/operator.ts";
import { Reporter } from "#supervisor/cell/reporter.ts";
import type { CellSeams, Links } from "#supervisor/cell/seams.ts";
import { Sections } from "#supervisor/cell/sections.ts";
import { seenFrom } from "#supervisor/cell/seen-from.ts";
import { supervisedIn } from "#supervisor/cell/supervised.ts";
import { checkPlaces, loadModules, refTo, wireActors } from "#supervisor/cell/wiring.ts";
import type { CellSpec, NodeSpec } from "#supervisor/child-spec.ts";
import { type DataCheck, dataCheck } from "#supervisor/data-mark.ts";
import type { CellEvent } from "#supervisor/events.ts";
import { place } from "#supervisor/placement.ts";
import { urlOf } from "#supervisor/server/urls.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import type { ActorCommand, CellFacts, Order, Report } from "#supervisor/wire.ts";

/** The actor that metrics go to. */
const TELEMETRY = "telemetry";
/** What a cell says that would run other code than the rest of its node. */
const BUILD_CHANGED = "the code changed under a running node: restart it";
/** Characters of a failure that the root is told. */
const FAILURE_LENGTH_MAX = 2000;

/** How a life ended. Exit codes of the process, where there is one. */
export const EXIT = { left: 0, stuck: 70, escalated: 71, orphaned: 72 } as const;

export interface CellOptions {
  readonly tree: NodeSpec;
  readonly catalogue: Catalogue;
  readonly seams: CellSeams;
  /** Of the sources as they are now, which this life is about to load. */
  readonly buildId: () => string;
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
  #status: NodeStatus = { cells: [], servers: [], actors: [], unavailable: [], shuttingDown: false };
  #log: Log | undefined;
  #closeLog: () => void = () => undefined;
  #sections: Sections | undefined;
  #supervisor: Supervisor | undefined;
  #links: Links | undefined;
  #bus: Bus<{ readonly type: string }> | undefined;
  #metering: Metering | undefined;
  #reporter: Reporter | undefined;
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
      case "arm-failpoint":
      case "resume-actor":
      case "list-letters":
      case "replay-letter":
        this.#obey(order.id, order);
        break;
      case "root-metrics":
        this.#metering?.pushRoot(order.deltas);
        break;
      case "listen-again":
        void this.#listenAgain();
        break;
      case "drain":
        void this.#drain(order.withinMs);
        break;
      case "leave":
        this.#end(EXIT.left);
        break;
    }
  }

  /** For the last words of the process: what no actor could own, and the turns before it, the last one last. */
  logDefect(defect: unknown): void {
    const [actor] = this.#actors.values();
    const turns = actor?.machine.recent.list().map((slot) => `${slot.actor} ${slot.turn} ${slot.count}`);
    this.#log?.error("cell.defect", { defect, turns });
  }

  closeLog(): void {
    this.#closeLog();
  }

  /** Ends everything at once and without `terminate`, as the end of a process would. */
  async abort(): Promise<void> {
    this.#ended = true;
    this.#reporter?.close();
    this.#supervisor?.abandon();
    await Promise.all([...this.#actors.values()].map((actor) => actor.stop()));
    await this.#links?.close();
    await this.#scope.close();
    this.#closeLog();
  }

  // Life

  /** Answers with what makes a beginning impossible. Every wait may outlast the life: nothing is begun after its end. */
  async #begin(facts: CellFacts): Promise<BeginFailure | undefined> {
    const { tree, catalogue, seams, buildId, send } = this.#options;
    this.#status = facts.status;
    send({ kind: "hello", cell: facts.cell });
    this.#reporter = this.#makeReporter(facts.cell);
    if (buildId() !== facts.buildId) return { cause: "build-changed", message: BUILD_CHANGED };
    const placement = place(tree, facts.profile);
    const spec = placement.rungs.flat().find((cell) => cell.name === facts.cell);
    assert(spec !== undefined, "the root and the cell know the same tree");

    const modules = await loadModules(spec, catalogue);
    if (this.#ended) return undefined;
    const sections = new Sections(modules, seams.base.processes.self.env, facts);
    const problem = sections.offer(facts.config);
    if (problem !== undefined) return { cause: "config", message: problem };
    sections.commit(facts.config.version);
    this.#sections = sections;

    const checkData = dataCheck(seams.base.disk, facts.dataDirectory, facts.dataMark);
    const env = await this.#makeEnv(facts, checkData);
    const misplaced = await checkPlaces({ modules, sections, env, checkData });
    if (misplaced !== undefined) return { cause: "place", message: misplaced };
    if (this.#ended) return undefined;
    const links = seams.links({
      cell: facts.cell,
      runDirectory: facts.runDirectory,
      buildId: facts.buildId,
      metrics: this.#metrics,
      log: env.log,
      actors: this.#actors,
    });
    this.#links = links;
    const where = { cell: facts.cell, cellOf: placement.cellOf, actors: this.#actors, links };
    await wireActors(where, { spec, modules, sections, env, checkData, scope: this.#scope });
    if (this.#ended) return undefined;
    const listening = await links.listen();
    if (this.#ended) return undefined;
    if (!listening.ok) return { cause: "defect", message: `links: ${listening.failure.code}` };

    if (placement.cellOf[TELEMETRY] !== undefined) {
      this.#metering = new Metering(facts.cell, this.#actors, this.#metrics, refTo<MetricSink>(where, TELEMETRY));
    }
    await this.#supervise(spec, env);
    if (this.#ended) return undefined;
    this.#reporter.report();
    send({ kind: "started" });
    this.#options.onStarted?.();
    return undefined;
  }

  async #makeEnv(facts: CellFacts, checkData: DataCheck): Promise<CellEnv> {
    const { seams, send } = this.#options;
    const { dataDirectory, http, insecurePublic, amnesia, version, servers, addresses } = facts;
    const toRoot = { write: (line: string) => send({ kind: "log", line }) };
    const { log, close } = seams.log(facts.cell, amnesia ? toRoot : `${dataDirectory}/logs`);
    this.#closeLog = close;
    const bus = new Bus<{ readonly type: string }>({ clock: seams.base.clock, metrics: this.#metrics });
    const cpu = await seams.cpu(facts.cpuThreads);
    this.#scope.add(() => cpu.close());
    this.#log = log;
    this.#bus = bus;
    const status = (): NodeStatus => seenFrom(this.#status, this.#links);
    const node = { dataDirectory, http, insecurePublic, amnesia, version, addresses, status };
    const listens: CellEnv["listens"] = (said) => send({ kind: "listens", addresses: said });
    const { base, kv, edges, exchanges } = seams;
    const sql: CellEnv["sql"] = (limits) => seams.sql({ ...limits, url: urlOf(servers, "postgres") });
    const redis: CellEnv["redis"] = (limits) => seams.redis({ ...limits, url: urlOf(servers, "redis") });
    const whole = amnesia ? diskInMemory(base.disk, () => base.processes.self.availableBytes()) : base.disk;
    const disk = diskAtData(whole, dataDirectory, checkData);
    return { ...base, disk, kv, edges, exchanges, sql, redis, log, bus, cpu, metrics: this.#metrics, listens, node };
  }

  #supervise(spec: CellSpec, env: CellEnv): Promise<void> {
    this.#supervisor = new Supervisor({
      name: spec.name,
      strategy: spec.strategy,
      intensity: spec.intensity,
      rungs: supervisedIn(spec, this.#actors, env.cpu, (child) => this.#stuck(child)),
      clock: env.clock,
      random: env.random,
      log: env.log,
      metrics: this.#metrics,
      bus: { publish: (event) => this.#announce(event) },
      onEscalate: () => this.#end(EXIT.escalated),
      onStuck: (child) => this.#stuck(child),
      onChange: () => this.#reporter?.changed(),
    });
    return this.#supervisor.start();
  }

  /** A cell that does not listen yet is about to. */
  async #listenAgain(): Promise<void> {
    if (this.#supervisor === undefined) return;
    const listening = await this.#links?.listen();
    if (listening?.ok === false) this.#log?.error("cell.listen-failed", { failure: listening.failure });
  }

  async #drain(withinMs: number): Promise<void> {
    await this.#supervisor?.shutdown(withinMs);
    this.#metering?.push();
    await this.#links?.close();
    const errors = await this.#scope.close();
    if (errors.length > 0) this.#log?.warn("cell.close-failed", { errors });
    this.#reporter?.report();
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
    this.#reporter?.close();
  }

  #end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reporter?.close();
    this.#closeLog();
    this.#options.onEnd(code);
  }

  // What the root hears

  #makeReporter(cell: string): Reporter {
    const { seams, send } = this.#options;
    return new Reporter({
      cell,
      clock: seams.base.clock,
      self: seams.base.processes.self,
      actors: this.#actors,
      children: () => this.#supervisor?.status(),
      metering: () => this.#metering,
      send,
      announce: (event) => this.#announce(event),
    });
  }

  #announce(event: CellEvent): void {
    this.#bus?.publish(event);
    this.#options.send({ kind: "event", event });
  }

  /** The root knows what came of an order before it hears that the order was obeyed. */
  #obey(id: number, command: ActorCommand): void {
    const answer = obey(command, this.#actors, this.#supervisor);
    this.#reporter?.report();
    this.#options.send({ kind: "answer", id, answer });
  }
}

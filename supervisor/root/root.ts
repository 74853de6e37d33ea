/**
 * One life of a node, from the lock on its data directory to the last file removed.
 *
 * The root spawns, signals, restarts, quarantines, answers the admin socket and relays the kernel's events. Nothing
 * that a user stores or sends passes through it.
 */
import type { NodeStatus } from "#runtime/actor-module.ts";
import { Bus } from "#runtime/bus.ts";
import type { Timer } from "#runtime/clock.ts";
import { ConfigWatcher } from "#runtime/config/watcher.ts";
import { assert, type Failure, ok, type Result, unreachable } from "#runtime/errors.ts";
import type { KernelEvent } from "#runtime/kernel-event.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import type { CellEvent, SupervisorEvent } from "#supervisor/events.ts";
import { type Placement, place } from "#supervisor/placement.ts";
import type { AdminCommand } from "#supervisor/root/admin-protocol.ts";
import type { Announcer } from "#supervisor/root/announcer.ts";
import { CellChild } from "#supervisor/root/cell-child.ts";
import type { CellHost } from "#supervisor/root/cell-life.ts";
import { type CannotRun, Claims } from "#supervisor/root/claims.ts";
import { ConfigRollout } from "#supervisor/root/config-rollout.ts";
import { nodeStatus, notReadyBecause } from "#supervisor/root/node-status.ts";
import type { RootOptions } from "#supervisor/root/options.ts";
import { plainLog } from "#supervisor/root/plain-log.ts";
import type { LogFile, RootSeams } from "#supervisor/root/seams.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { type CellFacts, HEARTBEAT_MS, type Refusal } from "#supervisor/wire.ts";

/** One deadline over the whole way down. */
export const SHUTDOWN_MS: number = 10 * second;
/** A node that is not ready this long after its cells have started says why. */
export const PATIENCE_MS: number = 2 * second;
/** Shortest time between two status messages to the cells. */
export const STATUS_INTERVAL_MS = 100;
export interface RootSettings {
  readonly tree: NodeSpec;
  readonly options: RootOptions;
  readonly seams: RootSeams;
  readonly announcer: Announcer;
  /** Runs once, when nothing of the node is left. 0: asked to; 1: not. */
  readonly onEnd: (code: number, message: string | undefined) => void;
}

export class Root {
  readonly #settings: RootSettings;
  readonly #placement: Placement;
  readonly #claims: Claims;
  readonly #metrics = new Metrics();
  readonly #bus: Bus<SupervisorEvent | KernelEvent>;
  readonly #logFile: LogFile;
  readonly #log: Log;
  #cells: readonly CellChild[] = [];
  #supervisor: Supervisor | undefined;
  #rollout: ConfigRollout | undefined;
  #watcher: ConfigWatcher | undefined;
  #isReady = false;
  #down: Promise<void> | undefined;
  #failure: string | undefined;
  #ended = false;
  #statusTimer: Timer | undefined;
  #metricsTimer: Timer | undefined;

  constructor(settings: RootSettings) {
    this.#settings = settings;
    const { options, seams, tree } = settings;
    const { clock } = seams.base;
    this.#placement = place(tree, options.profile);
    this.#claims = new Claims(options, seams);
    this.#bus = new Bus({ clock, metrics: this.#metrics });
    this.#logFile = seams.openLog(`${this.#claims.places.logs}/root.log`);
    this.#log = plainLog(this.#logFile, clock, { cell: "root" });
  }

  /** Settles when every cell has had its first start; readiness is announced. */
  async start(): Promise<Result<void, CannotRun>> {
    const { options, seams } = this.#settings;
    const { hosting, cellOf } = this.#placement;
    const taken = await this.#claims.take(Object.keys(cellOf), (command) => this.#command(command));
    if (!taken.ok) return taken;
    const { raw, bytes } = taken.value;
    const host = await seams.host(hosting, { data: options.dataDirectory, logs: this.#claims.places.logs });

    this.#cells = this.#placement.rungs.flat().map((spec) => this.#makeCell(spec.name, host));
    this.#rollout = new ConfigRollout(raw, this.#cells, Object.keys(cellOf));
    this.#watchConfig(bytes);
    this.#supervisor = this.#makeSupervisor();
    this.#pushMetrics();
    this.#log.info("root.started", { pid: this.#pid, profile: this.#placement.profile, port: this.#claims.port });
    await this.#supervisor.start();
    seams.base.clock.after(PATIENCE_MS, () => this.#announceWaiting());
    return ok();
  }

  status(): NodeStatus {
    const children = this.#supervisor?.status() ?? [];
    const specs = this.#placement.rungs.flat();
    const views = children.flatMap((child, index) => {
      const [spec, cell] = [specs[index], this.#cells[index]];
      if (spec === undefined || cell === undefined) return [];
      return [{ spec, child, pid: cell.pid, residentBytes: cell.residentBytes, actors: cell.actors }];
    });
    return nodeStatus(views, this.#down !== undefined);
  }

  /** Brings the node down in order. Settles when everything has stopped, just before the process ends. */
  down(): Promise<void> {
    this.#down ??= this.#shutDown();
    return this.#down;
  }

  /** Ends at once. Nothing that was acknowledged is lost: that is what crash-only means. */
  async killNow(): Promise<void> {
    for (const cell of this.#cells) cell.kill();
    await this.#cleanUp();
    this.#end(1, "killed before it was shut down");
  }

  /** Reads the configuration again, as if its file had changed. */
  reload(): void {
    void this.#watcher?.reload();
  }

  get #pid(): number {
    return this.#settings.seams.base.processes.self.pid;
  }

  // Children

  #makeCell(name: string, host: CellHost): CellChild {
    return new CellChild({
      name,
      host,
      clock: this.#settings.seams.base.clock,
      log: this.#log,
      facts: () => this.#factsFor(name),
      onConfigRefused: (problem) => this.#refusedAtStart(problem),
      onEvent: (event) => this.#heard(name, event),
      onChange: () => this.#changed(),
    });
  }

  #factsFor(cell: string): CellFacts {
    const { options, seams } = this.#settings;
    assert(this.#rollout !== undefined, "the configuration is read before cells start");
    const hasStore = this.#placement.cellOf["storage"] === cell;
    return {
      cell,
      profile: options.profile,
      dataDirectory: options.dataDirectory,
      runDirectory: this.#claims.places.run,
      http: { host: options.http.host, port: this.#claims.port },
      insecurePublic: options.insecurePublic,
      version: seams.version,
      buildId: seams.buildId,
      cpuThreads: hasStore ? Math.max(1, seams.cores - 1) : 0,
      config: this.#rollout.current,
      status: this.status(),
    };
  }

  #makeSupervisor(): Supervisor {
    const { seams, tree } = this.#settings;
    const { clock, random } = seams.base;
    let index = 0;
    const rungs = this.#placement.rungs.map((rung) =>
      rung.map(({ name, budget }) => {
        const child = this.#cells[index];
        index += 1;
        assert(child !== undefined, "every cell has its child");
        return { spec: { name, budget, restart: "permanent" as const, shutdownMs: SHUTDOWN_MS }, child };
      }),
    );
    return new Supervisor({
      name: "node",
      strategy: tree.strategy,
      intensity: tree.intensity,
      rungs,
      clock,
      random,
      log: this.#log,
      metrics: this.#metrics,
      bus: { publish: (event) => this.#heard("root", event) },
      onEscalate: () => {
        this.#failure = "the cells restarted too often: see the logs";
        void this.down();
      },
      onStuck: (child) => this.#log.error("root.cell-stuck", { child }),
      onChange: () => this.#changed(),
    });
  }

  /** Before the node was ever ready this is a mistake of whoever starts it; later it is the cell's problem. */
  #refusedAtStart(problem: string): void {
    if (this.#isReady || this.#failure !== undefined) return;
    this.#failure = `configuration ${this.#claims.configPath}: ${problem}`;
    void this.down();
  }

  #watchConfig(inForce: Uint8Array | undefined): void {
    const { seams, announcer } = this.#settings;
    const { disk, clock } = seams.base;
    this.#watcher = new ConfigWatcher({
      disk,
      clock,
      path: this.#claims.configPath,
      inForce,
      offer: (raw) => this.#rollout?.offer(raw) ?? Promise.resolve(ok()),
      report: (report) => {
        if (report.kind === "unchanged") return;
        if (report.kind === "accepted") {
          const version = this.#rollout?.current.version ?? 0;
          this.#relay("root", { type: "ConfigUpdated", version });
          this.#log.info("root.config-updated", { version });
          announcer.announce({ event: "config-updated", version });
          return;
        }
        const by = "by" in report.failure ? String(report.failure.by) : "root";
        const problem = "problem" in report.failure ? String(report.failure.problem) : report.failure.code;
        this.#log.warn("root.config-refused", { by, problem });
        announcer.announce({ event: "config-refused", by, problem });
      },
    });
  }

  // Events

  /** From a cell, or from the root's own supervisor. */
  #heard(from: string, event: CellEvent): void {
    const { announcer } = this.#settings;
    switch (event.type) {
      case "ServiceCrashed":
        announcer.announce({ event: "crashed", service: event.service, reason: event.reason });
        this.#relay(from, event);
        break;
      case "Health":
        this.#relay(from, event);
        break;
      case "childRestarted": {
        const { child, supervisor, restarts, reason } = event;
        announcer.announce({ event: "restarted", child, supervisor, restarts, reason });
        this.#bus.publish(event);
        break;
      }
      case "childQuarantined": {
        const { child, supervisor, reason } = event;
        announcer.announce({ event: "quarantined", child, supervisor, reason });
        this.#bus.publish(event);
        break;
      }
      default:
        unreachable(event);
    }
  }

  /** To the root's own bus, and to that of every cell but the one that said it. */
  #relay(from: string, event: KernelEvent): void {
    this.#bus.publish(event);
    for (const cell of this.#cells) {
      if (cell.name !== from) cell.send({ kind: "relay", event });
    }
  }

  #changed(): void {
    if (this.#statusTimer !== undefined || this.#ended) return;
    const { clock } = this.#settings.seams.base;
    this.#announceReady();
    this.#statusTimer = clock.after(STATUS_INTERVAL_MS, () => {
      this.#statusTimer = undefined;
      this.#announceReady();
      this.#tellStatus();
    });
  }

  #tellStatus(): void {
    const status = this.status();
    for (const cell of this.#cells) cell.send({ kind: "node-status", status });
  }

  #announceReady(): void {
    if (this.#isReady || this.#down !== undefined || this.#supervisor === undefined) return;
    const status = this.status();
    if (notReadyBecause(status).length > 0) return;
    this.#isReady = true;
    const cells = Object.fromEntries(status.cells.filter(({ pid }) => pid > 0).map(({ name, pid }) => [name, pid]));
    const { unavailable } = status;
    this.#settings.announcer.announce({ event: "ready", http: this.#claims.url, pid: this.#pid, cells, unavailable });
  }

  #announceWaiting(): void {
    const reasons = notReadyBecause(this.status());
    if (this.#isReady || this.#down !== undefined || reasons.length === 0) return;
    this.#settings.announcer.announce({ event: "waiting", reasons });
  }

  #pushMetrics(): void {
    this.#metricsTimer = this.#settings.seams.base.clock.after(HEARTBEAT_MS, () => {
      const sink = this.#cells.find((cell) => cell.name === this.#placement.cellOf["telemetry"]);
      if (sink !== undefined && sink.actors.length > 0) {
        sink.send({ kind: "root-metrics", deltas: this.#metrics.takeDeltas() });
      }
      this.#pushMetrics();
    });
  }

  // Commands

  async #command(
    command: AdminCommand,
  ): Promise<{ readonly refusal: Refusal } | { readonly fields: Readonly<Record<string, unknown>> }> {
    switch (command.command) {
      case "status":
        return { fields: { status: this.status() } };
      case "down":
        await this.down();
        return { fields: {} };
      case "kill":
      case "resume": {
        const refusal =
          command.kind === "cell"
            ? this.#commandCell(command.command, command.name)
            : await this.#commandActor(command.command, command.name);
        return refusal === undefined ? { fields: {} } : { refusal };
      }
      default:
        return unreachable(command);
    }
  }

  #commandCell(command: "kill" | "resume", name: string): Refusal | undefined {
    const done = this.#supervisor?.[command](name);
    if (done === undefined) return { code: "supervisor.not-running", message: "the node is still starting" };
    if (done.ok) return undefined;
    const { failure } = done;
    return { code: failure.code, message: describeRefusal(`cell/${name}`, failure) };
  }

  async #commandActor(command: "kill" | "resume", name: string): Promise<Refusal | undefined> {
    const home = this.#placement.cellOf[name];
    const cell = this.#cells.find((one) => one.name === home);
    if (cell === undefined) return { code: "supervisor.no-such-child", message: `there is no actor/${name}` };
    const refusal = await cell.command(command === "kill" ? "kill-actor" : "resume-actor", name);
    return refusal === undefined ? undefined : { ...refusal, message: `actor/${name}: ${refusal.message}` };
  }

  // The end

  async #shutDown(): Promise<void> {
    const { announcer } = this.#settings;
    announcer.announce({ event: "shutting-down" });
    this.#log.info("root.shutting-down");
    this.#watcher?.close();
    // Told before the first one drains, so that the gateway can say it too. `#down` is set after this turn.
    this.#settings.seams.base.scheduler.microtask(() => this.#tellStatus());
    await this.#supervisor?.shutdown(SHUTDOWN_MS);
    this.#bus.publish({ type: "Shutdown" });
    announcer.announce({ event: "shutdown" });
    this.#settings.seams.base.scheduler.macrotask(() => void this.#finish());
  }

  /** After the answer to `down` has left. */
  async #finish(): Promise<void> {
    await this.#cleanUp();
    this.#end(this.#failure === undefined ? 0 : 1, this.#failure);
  }

  /** For a node that could not start, too. */
  async cleanUp(): Promise<void> {
    await this.#cleanUp();
  }

  async #cleanUp(): Promise<void> {
    this.#statusTimer?.cancel();
    this.#metricsTimer?.cancel();
    this.#watcher?.close();
    this.#log.info("root.ended");
    this.#logFile.closeSync();
    await this.#claims.release();
  }

  #end(code: number, message: string | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settings.onEnd(code, message);
  }
}

function describeRefusal(target: string, failure: Failure): string {
  return "state" in failure ? `${target} is ${failure.state}` : `there is no ${target}`;
}

/**
 * One life of a node, from the lock on its data directory to the last file removed.
 *
 * The root spawns, signals, restarts, quarantines, answers the admin socket and relays the kernel's events. Nothing
 * that a user stores or sends passes through it.
 */
import type { NodeAddresses, NodeStatus } from "#runtime/actor-module.ts";
import type { Timer } from "#runtime/clock.ts";
import { ConfigWatcher } from "#runtime/config/watcher.ts";
import { assert, ok, type Result, unreachable } from "#runtime/errors.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { type Placement, place } from "#supervisor/placement.ts";
import type { AdminCommand } from "#supervisor/root/admin-protocol.ts";
import type { Announcement, Announcer } from "#supervisor/root/announcer.ts";
import type { CannotRun } from "#supervisor/root/cannot-run.ts";
import type { CellHost } from "#supervisor/root/cell-life.ts";
import { Cells } from "#supervisor/root/cells.ts";
import { Claims } from "#supervisor/root/claims.ts";
import { configRefusal } from "#supervisor/root/config-refusal.ts";
import { ConfigRollout } from "#supervisor/root/config-rollout.ts";
import { refusedConfig } from "#supervisor/root/found-config.ts";
import { Keeper } from "#supervisor/root/keeper.ts";
import { LogRing } from "#supervisor/root/log-ring.ts";
import { News } from "#supervisor/root/news.ts";
import { nodeStatus } from "#supervisor/root/node-status.ts";
import type { RootOptions } from "#supervisor/root/options.ts";
import { type Parts, partsOf } from "#supervisor/root/parts.ts";
import { plainLog } from "#supervisor/root/plain-log.ts";
import type { LogFile, RootSeams } from "#supervisor/root/seams.ts";
import { makeServers, type Servers } from "#supervisor/root/servers/servers.ts";
import { urlsForOthers } from "#supervisor/server/urls.ts";
import { type CellFacts, type CommandAnswer, DONE, HEARTBEAT_MS } from "#supervisor/wire.ts";

export interface RootSettings {
  readonly tree: NodeSpec;
  readonly options: RootOptions;
  readonly seams: RootSeams;
  readonly announcer: Announcer;
  /** Runs once, when nothing of the node is left. Without a failure it was asked to end. */
  readonly onEnd: (failure: CannotRun | undefined) => void;
}

export class Root {
  readonly #settings: RootSettings;
  readonly #announcer: Announcer;
  /** Undefined until the configuration says which parts of the tree there are. */
  #placement: Placement | undefined;
  #servers: Servers = { children: [], urls: {} };
  readonly #claims: Claims;
  readonly #metrics = new Metrics();
  /** In amnesia mode all there is of the logs. */
  readonly #ring: LogRing | undefined;
  readonly #logFile: LogFile;
  readonly #log: Log;
  readonly #news: News;
  readonly #keeper: Keeper;
  #cells: Cells | undefined;
  #addresses: NodeAddresses = {};
  #rollout: ConfigRollout | undefined;
  #watcher: ConfigWatcher | undefined;
  #down: Promise<void> | undefined;
  #failure: CannotRun | undefined;
  #hasShutDown = false;
  #ended = false;
  #metricsTimer: Timer | undefined;

  constructor(settings: RootSettings) {
    this.#settings = settings;
    const { options, seams } = settings;
    const { clock } = seams.base;
    this.#announcer = { announce: (said) => this.#announce(said) };
    this.#claims = new Claims(options, seams);
    this.#ring = options.amnesia ? new LogRing() : undefined;
    this.#logFile = this.#ring ?? seams.openLog(`${this.#claims.places.logs}/root.log`);
    this.#log = plainLog(this.#logFile, clock, { cell: "root" });
    this.#news = new News({
      clock,
      metrics: this.#metrics,
      announcer: this.#announcer,
      status: () => this.status(),
      address: () => ({
        http: this.#claims.url,
        pid: this.#pid,
        ...urlsForOthers(this.#servers.urls),
        ...this.#addresses,
        ...(options.amnesia ? { amnesia: this.#claims.places.data } : {}),
      }),
      tell: (order, from) => this.#cells?.tell(order, from),
    });
    this.#metrics.gauge("amnesia_mode", "1 where everything is in memory, else 0.").set(options.amnesia ? 1 : 0);
    this.#keeper = new Keeper({
      claims: this.#claims,
      clock,
      log: this.#log,
      announcer: this.#announcer,
      onSocketsGone: () => this.#cells?.tell({ kind: "listen-again" }),
      onDataBack: () => this.#cells?.resumeAll(),
    });
  }

  /** Settles when every cell has had its first start; readiness is announced. */
  async start(): Promise<Result<void, CannotRun>> {
    const { tree, options, seams } = this.#settings;
    const taken = await this.#claims.take(tree, (command) => this.#command(command));
    if (!taken.ok) return taken;
    const { raw, bytes, root: config } = taken.value;
    const { places } = this.#claims;
    const { data, logs } = places;
    const parts = partsOf(tree, config);
    const placement = place(parts.tree, options.profile);
    this.#placement = placement;
    this.#servers = await makeServers({ parts, config, seams, places, log: this.#log });
    const host = await seams.host(placement.hosting, data, this.#ring === undefined ? logs : this.#cellOutput);

    // Cells in this process have no sockets.
    this.#cells = this.#makeCells(placement, parts, placement.hosting === "root" ? host : this.#keeper.guard(host));
    this.#rollout = new ConfigRollout(raw, this.#cells.takers, tree);
    this.#watchConfig(bytes);
    this.#pushMetrics();
    this.#keeper.start();
    this.#log.info("root.started", { pid: this.#pid, profile: options.profile, port: this.#claims.port });
    await this.#cells.start();
    this.#news.expectReady();
    return ok();
  }

  status(): NodeStatus {
    const shuttingDown = this.#down !== undefined;
    return this.#cells?.status(shuttingDown) ?? nodeStatus([], [], shuttingDown);
  }

  /** Brings the node down in order. Settles when everything has stopped, just before the process ends. */
  down(): Promise<void> {
    this.#down ??= this.#shutDown();
    return this.#down;
  }

  /** Ends at once. Nothing that was acknowledged is lost: that is what crash-only means. */
  async killNow(): Promise<void> {
    // All has stopped already, and was said to have.
    if (this.#hasShutDown) return;
    const lost = this.#settings.options.amnesia
      ? "everything is forgotten"
      : "nothing acknowledged is lost, start it again";
    const message = `killed before it was shut down; ${lost}`;
    // Before the cells are gone: then the way down that is under way may be the first to end.
    this.#failure ??= { code: "supervisor.killed", message };
    this.#cells?.kill();
    await this.#cleanUp();
    this.#end(this.#failure);
  }

  /** Reads the configuration again, as if its file had changed. */
  reload(): void {
    void this.#watcher?.reload();
  }

  get #pid(): number {
    return this.#settings.seams.base.processes.self.pid;
  }

  // Children

  #makeCells(placement: Placement, { tree, own }: Parts, host: CellHost): Cells {
    const { seams } = this.#settings;
    const servers = own.flatMap((spec) => {
      const child = this.#servers.children.find(({ name }) => name === spec.name);
      return child === undefined ? [] : [{ spec, child }];
    });
    const why = this.#ring === undefined ? `the logs in ${this.#claims.places.logs} say why` : "cepa logs said why";
    return new Cells({
      tree,
      placement,
      servers,
      host,
      clock: seams.base.clock,
      random: seams.base.random,
      log: this.#log,
      metrics: this.#metrics,
      facts: (cell) => this.#factsFor(cell),
      onConfigRefused: (problem) => this.#refusedAtStart(refusedConfig(this.#claims.configPath, problem)),
      onMisplaced: (problem) => this.#refusedAtStart({ code: "supervisor.cannot-run", message: problem }),
      onBuildChanged: (cell, problem) => {
        this.#log.error("supervisor.build-changed", { cell, problem });
        this.#news.buildChanged(cell, problem);
      },
      onEvent: (from, event) => this.#news.heard(from, event),
      onLog: (line) => this.#ring?.write(line),
      onListens: (addresses) => {
        this.#addresses = { ...this.#addresses, ...addresses };
      },
      onEscalate: () =>
        this.#giveUp({ code: "supervisor.cannot-run", message: `the cells restarted too often; ${why}` }),
      onChange: () => this.#news.changed(),
    });
  }

  #factsFor(cell: string): CellFacts {
    const { options, seams } = this.#settings;
    assert(this.#rollout !== undefined, "the configuration is read before cells start");
    const hasStore = this.#placement?.cellOf["storage"] === cell;
    return {
      cell,
      profile: options.profile,
      dataDirectory: options.dataDirectory,
      dataMark: this.#claims.mark,
      runDirectory: this.#claims.places.run,
      http: { host: options.http.host, port: this.#claims.port },
      insecurePublic: options.insecurePublic,
      amnesia: options.amnesia,
      servers: this.#servers.urls,
      addresses: this.#addresses,
      version: seams.version,
      buildId: seams.buildId,
      cpuThreads: hasStore ? Math.max(1, seams.cores - 1) : 0,
      config: this.#rollout.current,
      status: this.status(),
    };
  }

  /** Before the node was ever ready this is a mistake of whoever starts it; later it is the cell's problem. */
  #refusedAtStart(failure: CannotRun): void {
    if (!this.#news.wasReady) this.#giveUp(failure);
  }

  /** The first reason is the one that is told. */
  #giveUp(failure: CannotRun): void {
    this.#failure ??= failure;
    void this.down();
  }

  /** A node that never was ready and gives up says why, and nothing of the way down. */
  #announce(said: Announcement): void {
    if (this.#failure === undefined || this.#news.wasReady) this.#settings.announcer.announce(said);
  }

  #watchConfig(inForce: Uint8Array | undefined): void {
    const { disk, clock } = this.#settings.seams.base;
    let hasFile = inForce !== undefined;
    this.#watcher = new ConfigWatcher({
      disk,
      clock,
      path: this.#claims.configPath,
      inForce,
      offer: (raw) => this.#rollout?.offer(raw) ?? Promise.resolve(ok()),
      report: (report) => {
        if (report.kind === "unchanged") return;
        if (report.kind === "accepted") {
          hasFile = true;
          const version = this.#rollout?.current.version ?? 0;
          this.#news.relay("root", { type: "ConfigUpdated", version });
          this.#log.info("root.config-updated", { version });
          this.#announce({ event: "config-updated", version });
          return;
        }
        const refusal = configRefusal(report.failure, hasFile);
        if (refusal === undefined) return;
        this.#log.warn("root.config-refused", { ...refusal });
        this.#announce({ event: "config-refused", ...refusal });
      },
    });
  }

  #pushMetrics(): void {
    this.#metricsTimer = this.#settings.seams.base.clock.after(HEARTBEAT_MS, () => {
      this.#cells?.tellHost("telemetry", () => ({ kind: "root-metrics", deltas: this.#metrics.takeDeltas() }));
      this.#pushMetrics();
    });
  }

  // Commands

  async #command(command: AdminCommand): Promise<CommandAnswer> {
    if (command.command === "status") return { fields: { status: this.status() } };
    if (command.command === "logs") return this.#logs();
    if (command.command === "down") {
      await this.down();
      return DONE;
    }
    const cells = this.#cells;
    if (cells === undefined) {
      return { refusal: { code: "supervisor.not-running", message: "the node is still starting" } };
    }
    switch (command.command) {
      case "kill":
      case "resume":
        if (command.kind !== "actor") return cells.commandChild(command.command, command.kind, command.name);
        return cells.command({ kind: `${command.command}-actor`, actor: command.name });
      case "kill-at": {
        const { actor, failpoint, times } = command;
        return cells.command({ kind: "arm-failpoint", actor, failpoint, times });
      }
      case "letters":
        return cells.command({ kind: "list-letters", actor: command.actor });
      case "replay":
        return cells.command({ kind: "replay-letter", actor: command.actor, letter: command.letter });
      default:
        return unreachable(command);
    }
  }

  #logs(): CommandAnswer {
    if (this.#ring !== undefined) return { fields: { ...this.#ring.contents() } };
    const message = `they are files: ${this.#claims.places.logs}`;
    return { refusal: { code: "supervisor.logs-in-files", message } };
  }

  /** What a cell's process writes without being asked, such as its last words. */
  readonly #cellOutput = (cell: string, text: string): void => this.#log.warn("cell.output", { of: cell, text });

  // The end

  async #shutDown(): Promise<void> {
    this.#announce({ event: "shutting-down" });
    this.#log.info("root.shutting-down");
    this.#keeper.close();
    this.#watcher?.close();
    // Told before the first one drains, so that the gateway can say it too. `#down` is set after this turn.
    this.#settings.seams.base.scheduler.microtask(() => this.#news.tellStatus());
    await this.#cells?.shutdown();
    this.#hasShutDown = true;
    this.#news.shutdown();
    this.#settings.seams.base.scheduler.macrotask(() => void this.#finish());
  }

  /** After the answer to `down` has left. */
  async #finish(): Promise<void> {
    await this.#cleanUp();
    this.#end(this.#failure);
  }

  /** For a node that could not start, too. */
  async cleanUp(): Promise<void> {
    await this.#cleanUp();
  }

  async #cleanUp(): Promise<void> {
    this.#news.close();
    this.#metricsTimer?.cancel();
    this.#keeper.close();
    this.#watcher?.close();
    this.#log.info("root.ended");
    this.#logFile.closeSync();
    await this.#claims.release();
  }

  #end(failure: CannotRun | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settings.onEnd(failure);
  }
}

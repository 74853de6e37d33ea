/**
 * All cells of a node, and the supervisor over them: made together, told together, stopped together.
 *
 * It knows what a cell is and nothing of what happens in one; what they say goes to the root.
 */
import type { NodeAddresses, NodeStatus } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, type Failure, fail } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";
import type { NodeSpec, ServerSpec } from "#supervisor/child-spec.ts";
import type { CellEvent } from "#supervisor/events.ts";
import type { Placement } from "#supervisor/placement.ts";
import { CellChild } from "#supervisor/root/cell-child.ts";
import type { CellHost } from "#supervisor/root/cell-life.ts";
import type { ConfigTaker } from "#supervisor/root/config-rollout.ts";
import { nodeStatus } from "#supervisor/root/node-status.ts";
import type { ServerChild } from "#supervisor/server/server-child.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { type ActorCommand, type CellFacts, type CommandAnswer, DONE, type Order } from "#supervisor/wire.ts";

/** One deadline over the whole way down. */
export const SHUTDOWN_MS: number = 10 * second;

export interface CellsOptions {
  readonly tree: NodeSpec;
  readonly placement: Placement;
  /** Beside the cells: those that cells need start before them. */
  readonly servers: readonly { readonly spec: ServerSpec; readonly child: ServerChild }[];
  readonly host: CellHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What the next life of a cell has to know. */
  readonly facts: (cell: string) => CellFacts;
  readonly onConfigRefused: (problem: string) => void;
  readonly onMisplaced: (problem: string) => void;
  readonly onBuildChanged: (cell: string, problem: string) => void;
  /** `from` is a cell, or `root` for what the supervisor over them says. */
  readonly onEvent: (from: string, event: CellEvent) => void;
  /** A line for the ring, in amnesia mode. */
  readonly onLog: (line: string) => void;
  readonly onListens: (addresses: NodeAddresses) => void;
  /** They restarted too often and have all been stopped. */
  readonly onEscalate: () => void;
  /** Something in `status` may have changed. */
  readonly onChange: () => void;
}

export class Cells {
  readonly #options: CellsOptions;
  /** In the order of the placement, like the children of the supervisor. */
  readonly #cells: readonly CellChild[];
  readonly #servers: readonly ServerChild[];
  readonly #supervisor: Supervisor;

  constructor(options: CellsOptions) {
    this.#options = options;
    this.#cells = options.placement.rungs.flat().map(({ name }) => this.#makeCell(name));
    this.#servers = options.servers.map(({ child }) => child);
    this.#supervisor = this.#makeSupervisor();
  }

  /** For the configuration, which is offered to each. */
  get takers(): readonly ConfigTaker[] {
    return this.#cells;
  }

  /** Settles when each has come up or has failed once. */
  start(): Promise<void> {
    return this.#supervisor.start();
  }

  /** In order, within `SHUTDOWN_MS`; settles when nothing is left. */
  shutdown(): Promise<void> {
    return this.#supervisor.shutdown(SHUTDOWN_MS);
  }

  kill(): void {
    for (const child of [...this.#cells, ...this.#servers]) child.kill();
  }

  status(shuttingDown: boolean): NodeStatus {
    const children = new Map(this.#supervisor.status().map((child) => [child.name, child]));
    const cells = this.#options.placement.rungs.flat().flatMap((spec, index) => {
      const [child, cell] = [children.get(spec.name), this.#cells[index]];
      if (child === undefined || cell === undefined) return [];
      return [{ spec, child, pid: cell.pid, residentBytes: cell.residentBytes, actors: cell.actors }];
    });
    const servers = this.#servers.flatMap(({ name, pid }) => {
      const child = children.get(name);
      return child === undefined ? [] : [{ child, pid }];
    });
    return nodeStatus(cells, servers, shuttingDown);
  }

  /** To every cell that is there, but the one that said it. */
  tell(order: Order, from?: string): void {
    for (const cell of this.#cells) {
      if (cell.name !== from) cell.send(order);
    }
  }

  /** To the cell that hosts `actor`; nothing is made for one that has not said yet that it does. */
  tellHost(actor: string, make: () => Order): void {
    const cell = this.#home(actor);
    if (cell !== undefined && cell.actors.length > 0) cell.send(make());
  }

  /** Does what an operator wants of an actor. */
  async command(command: ActorCommand): Promise<CommandAnswer> {
    const { actor } = command;
    const cell = this.#home(actor);
    if (cell === undefined) {
      return {
        refusal: {
          code: "supervisor.no-such-child",
          message: absence("actor", actor, Object.keys(this.#options.placement.cellOf)),
        },
      };
    }
    const answer = await cell.command(command);
    if (answer.refusal === undefined) return answer;
    return { refusal: { ...answer.refusal, message: `actor/${actor}: ${answer.refusal.message}` } };
  }

  /** Does what an operator wants of a cell, or of a server. */
  commandChild(command: "kill" | "resume", kind: "cell" | "server", name: string): CommandAnswer {
    const names = (kind === "cell" ? this.#cells : this.#servers).map((child) => child.name);
    const absent: Failure = { code: "supervisor.no-such-child" };
    const done = names.includes(name) ? this.#supervisor[command](name) : fail(absent);
    if (done.ok) return DONE;
    const failure: Failure = done.failure;
    const message = "state" in failure ? `${kind}/${name} is ${failure.state}` : absence(kind, name, names);
    return { refusal: { code: failure.code, message } };
  }

  /** What is quarantined is tried again: its cause may have passed. */
  resumeAll(): void {
    const { cells, actors } = this.status(false);
    const isGivenUp = ({ state }: { readonly state: string }): boolean => state === "quarantined";
    for (const { name } of cells.filter(isGivenUp)) this.commandChild("resume", "cell", name);
    for (const { name } of actors.filter(isGivenUp)) void this.command({ kind: "resume-actor", actor: name });
  }

  #home(actor: string): CellChild | undefined {
    const home = this.#options.placement.cellOf[actor];
    return this.#cells.find(({ name }) => name === home);
  }

  #makeCell(name: string): CellChild {
    const {
      host,
      clock,
      log,
      facts,
      onConfigRefused,
      onMisplaced,
      onBuildChanged,
      onEvent,
      onLog,
      onListens,
      onChange,
    } = this.#options;
    return new CellChild({
      name,
      host,
      clock,
      log,
      facts: () => facts(name),
      onConfigRefused,
      onMisplaced,
      onBuildChanged: (problem) => onBuildChanged(name, problem),
      onEvent: (event) => onEvent(name, event),
      onLog,
      onListens,
      onChange,
    });
  }

  #makeSupervisor(): Supervisor {
    const { tree, placement, clock, random, log, metrics, onEvent, onEscalate, onChange } = this.#options;
    const children = new Map(this.#cells.map((cell) => [cell.name, cell]));
    const servers = this.#options.servers.map(({ spec, child }) => ({
      spec: { ...spec, restart: "permanent" as const },
      child,
    }));
    const cellRungs = placement.rungs.map((rung) =>
      rung.map(({ name, budget }) => {
        const child = children.get(name);
        assert(child !== undefined, "every cell has its child");
        return { spec: { name, budget, restart: "permanent" as const, shutdownMs: SHUTDOWN_MS }, child };
      }),
    );
    const [first = [], ...others] = cellRungs;
    // Cells that work with servers are never in the first.
    const rungs = [[...servers, ...first], ...others];
    return new Supervisor({
      name: "node",
      strategy: tree.strategy,
      intensity: tree.intensity,
      rungs,
      clock,
      random,
      log,
      metrics,
      bus: { publish: (event) => onEvent("root", event) },
      onEscalate,
      onStuck: (child) => log.error("root.cell-stuck", { child }),
      onChange,
    });
  }
}

/** With what there is. */
function absence(kind: string, name: string, known: readonly string[]): string {
  return `there is no ${kind}/${name}${known.length === 0 ? "" : `: ${known.join(", ")}`}`;
}

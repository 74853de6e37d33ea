/**
 * What is new about the node, told to whom it concerns: events and status to the cells, readiness and events to whoever
 * started the node.
 *
 * Status is told at most ten times a second; readiness is announced once, and at once.
 */
import type { NodeStatus } from "#runtime/actor-module.ts";
import { Bus } from "#runtime/bus.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import { unreachable } from "#runtime/errors.ts";
import type { KernelEvent } from "#runtime/kernel-event.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";
import type { CellEvent, SupervisorEvent } from "#supervisor/events.ts";
import type { Address, Announcer } from "#supervisor/root/announcer.ts";
import { NodeHealth, readinessOf } from "#supervisor/root/node-health.ts";
import { Throttle } from "#supervisor/throttle.ts";
import type { Order } from "#supervisor/wire.ts";

/** A node that is not ready this long after its cells have started says why. */
export const PATIENCE_MS: number = 2 * second;
/** Shortest time between two status messages to the cells. */
export const STATUS_INTERVAL_MS = 100;

export interface NewsOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly announcer: Announcer;
  readonly status: () => NodeStatus;
  /** Where the node and its servers answer, its process, and in amnesia mode its directory. */
  readonly address: () => Address;
  /** To every cell but `from`. */
  readonly tell: (order: Order, from?: string) => void;
}

export class News {
  readonly #options: NewsOptions;
  readonly #bus: Bus<SupervisorEvent | KernelEvent>;
  readonly #health: NodeHealth;
  #isReady = false;
  readonly #status: Throttle;
  #waitingTimer: Timer | undefined;
  #saidBuildChanged = false;

  constructor(options: NewsOptions) {
    this.#options = options;
    this.#bus = new Bus(options);
    this.#status = new Throttle(options.clock, STATUS_INTERVAL_MS, () => {
      this.#announceReady();
      this.tellStatus();
    });
    this.#health = new NodeHealth(options.clock, (cell, event) => this.relay(cell, event));
  }

  /** Stays true once the node was ready. */
  get wasReady(): boolean {
    return this.#isReady;
  }

  /** From a cell, or from the root's own supervisor. */
  heard(from: string, event: CellEvent): void {
    const { announcer } = this.#options;
    switch (event.type) {
      case "ServiceCrashed":
        announcer.announce({
          event: "crashed",
          service: event.service,
          reason: event.reason,
          ...this.#detailOf(event),
        });
        this.relay(from, event);
        break;
      case "Health":
        this.#health.heard(from, event);
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

  /** Said once: every other cell that starts from now on says the same. */
  buildChanged(cell: string, problem: string): void {
    if (this.#saidBuildChanged) return;
    this.#saidBuildChanged = true;
    this.#options.announcer.announce({ event: "build-changed", cell, problem });
  }

  /** To the root's own bus, and to that of every cell but the one that said it. */
  relay(from: string, event: KernelEvent): void {
    this.#bus.publish(event);
    this.#options.tell({ kind: "relay", event }, from);
  }

  /** The last word; no cell is left to hear it. */
  shutdown(): void {
    this.#bus.publish({ type: "Shutdown" });
    this.#options.announcer.announce({ event: "shutdown" });
  }

  /** Something in the status may have changed. */
  changed(): void {
    // At once: a cell that is back before the next status was down all the same.
    this.#health.look(this.#options.status());
    this.#status.request();
  }

  tellStatus(): void {
    this.#options.tell({ kind: "node-status", status: this.#options.status() });
  }

  /** Every cell has had its first start: what is still missing soon needs an explanation. */
  expectReady(): void {
    const { clock, announcer, status } = this.#options;
    this.#waitingTimer = clock.after(PATIENCE_MS, () => {
      const now = status();
      const { ready, reasons } = readinessOf(now, clock);
      if (this.#isReady || now.shuttingDown || ready) return;
      announcer.announce({ event: "waiting", reasons });
    });
  }

  close(): void {
    this.#status.close();
    this.#waitingTimer?.cancel();
  }

  /** Of a server: cells and actors are told of in the log, and by a name for what they are. */
  #detailOf({ service }: { readonly service: string }): { readonly detail?: string } {
    const detail = this.#options.status().servers.find(({ name }) => name === service)?.reason;
    return detail === undefined ? {} : { detail };
  }

  #announceReady(): void {
    if (this.#isReady) return;
    const status = this.#options.status();
    if (!readinessOf(status, this.#options.clock).ready) return;
    this.#isReady = true;
    const cells = Object.fromEntries(status.cells.filter(({ pid }) => pid > 0).map(({ name, pid }) => [name, pid]));
    const { unavailable } = status;
    this.#options.announcer.announce({ event: "ready", ...this.#options.address(), cells, unavailable });
  }
}

/**
 * What the root hears of a cell without asking: a beat every second, health at once, and the state of all actors when it
 * has changed.
 */
import type { Actor } from "#runtime/actor.ts";
import type { ActorStatus } from "#runtime/actor-module.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import type { ThisProcess } from "#runtime/processes.ts";
import type { Metering } from "#supervisor/cell/metering.ts";
import type { ChildStatus } from "#supervisor/entry.ts";
import type { CellEvent } from "#supervisor/events.ts";
import { Throttle } from "#supervisor/throttle.ts";
import { HEARTBEAT_MS, type Report } from "#supervisor/wire.ts";

/** Shortest time between two status reports that were caused by changes. */
export const STATUS_INTERVAL_MS = 100;

export interface ReporterOptions {
  readonly cell: string;
  readonly clock: Clock;
  readonly self: ThisProcess;
  /** Empty until they are wired. */
  readonly actors: ReadonlyMap<string, Actor>;
  /** Undefined until somebody supervises them. */
  readonly children: () => readonly ChildStatus[] | undefined;
  /** Undefined until there is somebody to send metrics to. */
  readonly metering: () => Metering | undefined;
  readonly send: (report: Report) => void;
  readonly announce: (event: CellEvent) => void;
}

export class Reporter {
  readonly #options: ReporterOptions;
  /** By actor, as last announced. */
  readonly #healthy = new Map<string, boolean>();
  readonly #status: Throttle;
  #beat: Timer | undefined;

  /** Beats from now on. */
  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#status = new Throttle(options.clock, STATUS_INTERVAL_MS, () => this.#send());
    this.#tick(options.clock.nowMs());
  }

  /** Something in `children` may be different. */
  changed(): void {
    const { children, announce } = this.#options;
    for (const { name, state } of children() ?? []) {
      const isHealthy = state === "running";
      if ((this.#healthy.get(name) ?? false) === isHealthy) continue;
      this.#healthy.set(name, isHealthy);
      announce({ type: "Health", service: name, ok: isHealthy });
    }
    this.#status.request();
  }

  /** Tells the state of all actors now. */
  report(): void {
    this.#status.now();
  }

  close(): void {
    this.#beat?.cancel();
    this.#status.close();
  }

  #send(): void {
    const actors = (this.#options.children() ?? []).map((child) => this.#statusOf(child));
    this.#options.send({ kind: "status", actors });
  }

  #statusOf({ name, state, restarts, reason }: ChildStatus): ActorStatus {
    const { cell, actors } = this.#options;
    const actor = actors.get(name);
    const incarnation = actor?.incarnation ?? 0;
    const mailbox = { depth: actor?.mailboxDepth ?? 0, capacity: actor?.mailboxCapacity ?? 0 };
    return { name, cell, state, incarnation, restarts, mailbox, reason };
  }

  #tick(beforeMs: number): void {
    const { clock, self, children, metering, send } = this.#options;
    this.#beat = clock.after(HEARTBEAT_MS, () => {
      const nowMs = clock.nowMs();
      const loopDelayMs = Math.max(0, nowMs - beforeMs - HEARTBEAT_MS);
      const residentBytes = self.residentBytes();
      metering()?.measure(loopDelayMs, residentBytes);
      send({ kind: "beat", loopDelayMs, residentBytes });
      if (children() !== undefined) this.report();
      metering()?.push();
      this.#tick(nowMs);
    });
  }
}

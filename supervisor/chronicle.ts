/** What a supervisor says and counts: the log, the bus, and two counters, always together and with the same words. */
import type { Clock } from "#runtime/clock.ts";
import type { ExitReason } from "#runtime/errors.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Counter, Metrics } from "#runtime/telemetry/metrics.ts";
import type { CrashReason } from "#supervisor/crash-reason.ts";
import type { Entry } from "#supervisor/entry.ts";
import type { SupervisorEvent } from "#supervisor/events.ts";

export interface ChronicleOptions {
  /** Of the supervisor. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly bus: { publish(event: SupervisorEvent): void };
}

export class Chronicle {
  readonly #options: ChronicleOptions;
  readonly #restarted: Counter;
  readonly #rejected: Counter;

  constructor(options: ChronicleOptions) {
    this.#options = options;
    this.#restarted = options.metrics.counter("service_restarts_total", "Lives begun because an earlier one ended.");
    this.#rejected = options.metrics.counter("rejected_total", "Work that was refused, by reason.");
  }

  crashed(entry: Entry, word: CrashReason, reason: ExitReason): void {
    const { clock, log, bus } = this.#options;
    entry.noteCrash(word, reason, clock.wallMs());
    this.#rejected.add(1, { reason: word });
    log.error("supervisor.child-exited", {
      child: entry.spec.name,
      life: entry.lives,
      reason: word,
      message: entry.errors.at(-1)?.message,
      defect: reason.kind === "crashed" ? reason.defect : undefined,
    });
    bus.publish({ type: "ServiceCrashed", service: entry.spec.name, reason: word });
  }

  restarted(entry: Entry, reason: CrashReason): void {
    const { name, bus, log } = this.#options;
    const child = entry.spec.name;
    const { lives: life, restarts } = entry;
    // Names of dynamic children are not bounded, and labels have to be.
    this.#restarted.add(1, { service: entry.isDynamic ? name : child });
    log.info("supervisor.child-restarted", { child, life, restarts, reason });
    bus.publish({ type: "childRestarted", supervisor: name, child, life, restarts, reason });
  }

  quarantined(entry: Entry): void {
    const { name, bus, log } = this.#options;
    const child = entry.spec.name;
    log.error("supervisor.quarantined", { child, errors: entry.errors });
    bus.publish({ type: "childQuarantined", supervisor: name, child, reason: entry.crash ?? "defect" });
  }

  escalated(entry: Entry): void {
    this.#options.log.error("supervisor.escalated", { supervisor: this.#options.name, child: entry.spec.name });
  }
}

/** What a cell measures of itself once a second, and where it sends that and everything else it counted. */
import type { Actor } from "#runtime/actor.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Counter, Gauge, MetricDelta, Metrics } from "#runtime/telemetry/metrics.ts";
import { DELTAS_MAX, MetricPush, type MetricSink } from "#supervisor/cell/metric-push.ts";

export class Metering {
  readonly #cell: string;
  readonly #actors: ReadonlyMap<string, Actor>;
  readonly #own: MetricPush;
  readonly #root: MetricPush;
  readonly #loopDelay: Gauge;
  readonly #resident: Gauge;
  readonly #depth: Gauge;
  readonly #capacity: Gauge;
  readonly #turns: Counter;
  /** By actor, as counted so far. */
  readonly #turnCounts = new WeakMap<Actor, number>();
  #rootDeltas: readonly MetricDelta[] = [];

  constructor(cell: string, actors: ReadonlyMap<string, Actor>, metrics: Metrics, sink: Ref<MetricSink>) {
    this.#cell = cell;
    this.#actors = actors;
    const cast = (from: string, deltas: readonly MetricDelta[]) => sink.cast("pushMetrics", { cell: from, deltas });
    this.#own = new MetricPush(cell, () => metrics.takeDeltas(), cast);
    this.#root = new MetricPush("root", () => this.#takeRoot(), cast);
    this.#loopDelay = metrics.gauge("cell_loop_delay_seconds", "How late the last beat was.");
    this.#resident = metrics.gauge("cell_resident_bytes", "Resident memory of the cell's process.");
    this.#depth = metrics.gauge("mailbox_depth", "Messages that wait in an actor's user lane.");
    this.#capacity = metrics.gauge("mailbox_capacity", "Messages that an actor's user lane can hold.");
    this.#turns = metrics.counter("actor_turns_total", "Turns of an actor: messages, settles, timers, DOWNs.");
  }

  measure(loopDelayMs: number, residentBytes: number): void {
    const labels = { cell: this.#cell };
    this.#loopDelay.set(loopDelayMs / 1000, labels);
    this.#resident.set(residentBytes, labels);
    for (const actor of this.#actors.values()) {
      const { turnCount } = actor;
      const ofActor = { actor: actor.name };
      this.#depth.set(actor.mailboxDepth, ofActor);
      this.#capacity.set(actor.mailboxCapacity, ofActor);
      this.#turns.add(turnCount - (this.#turnCounts.get(actor) ?? 0), ofActor);
      this.#turnCounts.set(actor, turnCount);
    }
  }

  push(): void {
    this.#own.push();
  }

  /** The root has no link of its own: what it counted goes through the cell that hosts telemetry. */
  pushRoot(deltas: readonly MetricDelta[]): void {
    this.#rootDeltas = [...this.#rootDeltas, ...deltas].slice(-DELTAS_MAX);
    this.#root.push();
  }

  #takeRoot(): readonly MetricDelta[] {
    const deltas = this.#rootDeltas;
    this.#rootDeltas = [];
    return deltas;
  }
}

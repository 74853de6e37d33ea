/**
 * Sends what was measured to telemetry. What telemetry did not take stays here, and while it does, nothing more
 * is taken from the registries: they go on adding up, so a pause costs no count and no memory
 * (TEL-8).
 */
import type { Cast } from "#runtime/protocol.ts";
import type { CastOutcome } from "#runtime/ref.ts";
import type { MetricDelta } from "#runtime/telemetry/metrics.ts";

/** Deltas in one message (the bound of `pushMetrics`). */
export const DELTAS_MAX = 4096;

/** The part of telemetry's protocol that a cell speaks. */
export interface MetricSink {
  pushMetrics: Cast<{ readonly cell: string; readonly deltas: readonly MetricDelta[] }>;
}

export class MetricPush {
  readonly #cell: string;
  readonly #take: () => readonly MetricDelta[];
  readonly #cast: (cell: string, deltas: readonly MetricDelta[]) => CastOutcome;
  #waiting: readonly MetricDelta[] = [];

  constructor(
    cell: string,
    take: () => readonly MetricDelta[],
    cast: (cell: string, deltas: readonly MetricDelta[]) => CastOutcome,
  ) {
    this.#cell = cell;
    this.#take = take;
    this.#cast = cast;
  }

  push(): void {
    if (this.#waiting.length === 0) this.#waiting = this.#take();
    while (this.#waiting.length > 0) {
      if (this.#cast(this.#cell, this.#waiting.slice(0, DELTAS_MAX)) !== "accepted") return;
      this.#waiting = this.#waiting.slice(DELTAS_MAX);
    }
  }
}

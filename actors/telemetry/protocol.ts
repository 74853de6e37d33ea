/**
 * Telemetry adds up what the cells measured and renders it for Prometheus.
 *
 * It promises that a counter never goes backwards while it lives, whichever cell restarts. It loses what a cell
 * measured in its last second if that cell is killed.
 *
 * Specified in `specs/actors/telemetry.md`.
 */
import type { Call, Cast } from "#runtime/protocol.ts";
import type { MetricDelta } from "#runtime/telemetry/metrics.ts";

/** What telemetry hears. */
export interface TelemetryProtocol {
  /** What changed in `cell` since its last push. At most 4 096 deltas. */
  pushMetrics: Cast<{ readonly cell: string; readonly deltas: readonly MetricDelta[] }>;
  /** The whole node in the Prometheus text format. */
  scrape: Call<Record<never, never>, { readonly text: string; readonly contentType: string }>;
}

/** What telemetry announces. */
export type TelemetryEvents = Record<never, never>;

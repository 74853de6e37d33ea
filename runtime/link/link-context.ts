/** What all links of one cell share: who the cell is, the seams, and the counters. */
import type { Clock } from "#runtime/clock.ts";
import type { LinkLimits } from "#runtime/link/limits.ts";
import type { Random } from "#runtime/random.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Counter, Gauge, Metrics } from "#runtime/telemetry/metrics.ts";
import type { Wheel } from "#runtime/wheel.ts";

export interface LinkContext {
  readonly cell: string;
  readonly buildId: string;
  readonly limits: LinkLimits;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly wheel: Wheel;
  readonly log: Log;
  readonly metrics: LinkMetrics;
}

export interface LinkMetrics {
  readonly bytesIn: Counter;
  readonly bytesOut: Counter;
  /** By `reason`, a `LinkEnd`. */
  readonly ends: Counter;
  /** By `reason`, a `Malaise`. */
  readonly degraded: Counter;
  /** Messages that a link did not take or could not carry, by `reason`: the family that actors use too. */
  readonly rejected: Counter;
  /** By `cell`: the worst delay of its event loop that the other side reported with its last heartbeat. */
  readonly loopDelay: Gauge;
}

export function linkMetrics(metrics: Metrics): LinkMetrics {
  return {
    bytesIn: metrics.counter("link_received_bytes_total", "Bytes that arrived on links from other cells."),
    bytesOut: metrics.counter("link_sent_bytes_total", "Bytes written to links to other cells."),
    ends: metrics.counter("link_ends_total", "Links that ended, by reason."),
    degraded: metrics.counter(
      "link_degraded_total",
      "Times a peer was found slow (LINK_SLOW_MS) or silent (LINK_DEGRADED_MS).",
    ),
    rejected: metrics.counter("rejected_total", "Work that was refused, by reason."),
    loopDelay: metrics.gauge("link_peer_loop_delay_seconds", "Event loop delay that a peer reported last."),
  };
}

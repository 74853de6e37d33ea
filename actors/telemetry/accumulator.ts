/**
 * Adds up the deltas that cells push, keyed by cell, so that a counter outlives the process that counted.
 *
 * Invariants:
 * - a counter and the counts of a histogram never go down (TEL-1);
 * - families and series are bounded (TEL-6); what is over a bound, or makes no sense (TEL-5), is dropped whole and counted
 *   by reason;
 * - a gauge is shown while its cell keeps pushing it, and not longer than `gaugeStaleMs` after (TEL-3).
 */
import type { TelemetryConfig } from "#actors/telemetry/config.ts";
import { unreachable } from "#runtime/errors.ts";
import { LABEL_NAME, METRIC_NAME, type MetricFamily, type MetricSeries } from "#runtime/telemetry/exposition.ts";
import type { Labels, MetricDelta, MetricKind } from "#runtime/telemetry/metrics.ts";

/** Deltas that one push may carry (`TelemetryProtocol.pushMetrics`). The rest is dropped (TEL-7). */
export const deltasPerPushMax = 4096;
/** Longest label value kept; the rest is cut (TEL-7). */
export const labelLengthMax = 200;

/** Why a delta was dropped. `mismatch`: its kind or its bounds differ from those first seen under the name. */
export type DropReason = "push-too-large" | "families-full" | "series-full" | "mismatch" | "malformed";

interface Family {
  readonly kind: MetricKind;
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
  readonly series: Map<string, Series>;
}

interface Series {
  readonly labels: Labels;
  value: number;
  readonly counts: number[];
  pushedMs: number;
}

export class Accumulator {
  readonly #families = new Map<string, Family>();
  readonly #dropped = new Map<DropReason, number>();
  #seriesCount = 0;

  /** Series kept now, stale gauges included. */
  get seriesCount(): number {
    return this.#seriesCount;
  }

  push(cell: string, deltas: readonly MetricDelta[], limits: TelemetryConfig, nowMs: number): void {
    for (const delta of deltas.slice(0, deltasPerPushMax)) {
      const reason = this.#add(cell, delta, limits, nowMs);
      if (reason !== undefined) this.#drop(reason, 1);
    }
    if (deltas.length > deltasPerPushMax) this.#drop("push-too-large", deltas.length - deltasPerPushMax);
  }

  /** All that is to be shown now, by name, ending with what was dropped. */
  families(limits: TelemetryConfig, nowMs: number): readonly MetricFamily[] {
    this.#forgetStale(limits, nowMs);
    const shown = [...this.#families.values()].map(asShown).filter(({ series }) => series.length > 0);
    return [...shown.sort((one, other) => (one.name < other.name ? -1 : 1)), this.#droppedFamily()];
  }

  #add(cell: string, delta: MetricDelta, limits: TelemetryConfig, nowMs: number): DropReason | undefined {
    if (!isWellFormed(delta)) return "malformed";
    const found = this.#families.get(delta.name);
    if (found !== undefined && !agree(found, delta)) return "mismatch";
    if (found === undefined && !this.#hasRoomForFamily(limits, nowMs)) return "families-full";

    const labels = labelsOf(cell, delta.labels);
    const key = Object.entries(labels).flat().join("\u0000");
    let series = found?.series.get(key);
    if (series === undefined) {
      if (!this.#hasRoomForSeries(limits, nowMs)) return "series-full";
      series = { labels, value: 0, counts: (delta.counts ?? []).map(() => 0), pushedMs: nowMs };
      this.#familyOf(delta).series.set(key, series);
      this.#seriesCount += 1;
    }

    series.pushedMs = nowMs;
    series.value = delta.kind === "gauge" ? delta.value : series.value + delta.value;
    for (const [bucket, observed] of (delta.counts ?? []).entries()) {
      series.counts[bucket] = (series.counts[bucket] ?? 0) + observed;
    }
    return undefined;
  }

  #hasRoomForFamily(limits: TelemetryConfig, nowMs: number): boolean {
    if (this.#families.size >= limits.familyCountMax) this.#forgetStale(limits, nowMs);
    return this.#families.size < limits.familyCountMax;
  }

  #hasRoomForSeries(limits: TelemetryConfig, nowMs: number): boolean {
    if (this.#seriesCount >= limits.seriesCountMax) this.#forgetStale(limits, nowMs);
    return this.#seriesCount < limits.seriesCountMax;
  }

  #familyOf({ kind, name, help, bounds = [] }: MetricDelta): Family {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { kind, name, help, bounds: [...bounds], series: new Map() };
      this.#families.set(name, family);
    }
    return family;
  }

  #forgetStale({ gaugeStaleMs }: TelemetryConfig, nowMs: number): void {
    for (const { name, kind, series } of this.#families.values()) {
      if (kind !== "gauge") continue;
      for (const [key, { pushedMs }] of series) {
        if (nowMs - pushedMs < gaugeStaleMs) continue;
        series.delete(key);
        this.#seriesCount -= 1;
      }
      if (series.size === 0) this.#families.delete(name);
    }
  }

  #drop(reason: DropReason, deltaCount: number): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + deltaCount);
  }

  #droppedFamily(): MetricFamily {
    return {
      kind: "counter",
      name: DROPPED_NAME,
      help: "Metric deltas that telemetry could not add up.",
      series: [...this.#dropped].map(([reason, value]) => ({ labels: { reason }, value })),
    };
  }
}

/** Telemetry's own family. No cell may push under this name. */
const DROPPED_NAME = "telemetry_dropped_deltas_total";

function asShown({ kind, name, help, bounds, series }: Family): MetricFamily {
  const shown = [...series.values()].map(
    ({ labels, value, counts }): MetricSeries =>
      kind === "histogram" ? { labels, value, bounds, counts: [...counts] } : { labels, value },
  );
  return { kind, name, help, series: shown };
}

/** `cell` first, and always the pusher's own: a label of that name is overruled (TEL-2). */
function labelsOf(cell: string, labels: Labels): Labels {
  const { cell: _, ...others } = labels;
  const entries = Object.entries(others).sort(([one], [other]) => (one < other ? -1 : 1));
  return { cell, ...Object.fromEntries(entries.map(([name, value]) => [name, value.slice(0, labelLengthMax)])) };
}

function agree(family: Family, { kind, bounds = [] }: MetricDelta): boolean {
  if (family.kind !== kind || family.bounds.length !== bounds.length) return false;
  return family.bounds.every((bound, index) => bound === bounds[index]);
}

/** A counter that went down or a bucket too few would break what is already added up. */
function isWellFormed({ kind, name, labels, value, bounds = [], counts = [] }: MetricDelta): boolean {
  if (name === DROPPED_NAME || !METRIC_NAME.test(name)) return false;
  if (!Object.keys(labels).every((label) => LABEL_NAME.test(label) && label !== "le")) return false;
  switch (kind) {
    case "gauge":
      return true;
    case "counter":
      return Number.isFinite(value) && value >= 0;
    case "histogram":
      return (
        Number.isFinite(value) &&
        counts.length === bounds.length + 1 &&
        counts.every((observed) => Number.isSafeInteger(observed) && observed >= 0) &&
        bounds.every(
          (bound, index) => Number.isFinite(bound) && bound > (bounds[index - 1] ?? Number.NEGATIVE_INFINITY),
        )
      );
    default:
      return unreachable(kind);
  }
}

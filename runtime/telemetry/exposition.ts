/**
 * The Prometheus text format, through the one library that is known for it. Nothing else imports the library.
 *
 * It is given numbers that are already added up; the library's own counters are not used, because they cannot be set.
 */
import { Registry } from "prom-client";
import type { Labels, MetricKind } from "#runtime/telemetry/metrics.ts";

/** One family with all its series, ready to be rendered. */
export interface MetricFamily {
  readonly kind: MetricKind;
  readonly name: string;
  readonly help: string;
  readonly series: readonly MetricSeries[];
}

export interface MetricSeries {
  readonly labels: Labels;
  /** Histogram: the sum of what was observed. */
  readonly value: number;
  /** Histogram only: see `MetricDelta`. */
  readonly bounds?: readonly number[];
  readonly counts?: readonly number[];
}

export interface Exposition {
  readonly text: string;
  /** For the `Content-Type` of the answer. */
  readonly contentType: string;
}

interface Sample {
  readonly metricName: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** A name that Prometheus accepts for a family. */
export const METRIC_NAME: RegExp = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** A name that Prometheus accepts for a label, without those it keeps to itself. */
export const LABEL_NAME: RegExp = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Families appear in the order given. Their names are valid and each appears once. */
export async function renderExposition(families: readonly MetricFamily[]): Promise<Exposition> {
  const registry = new Registry();
  for (const family of families) registry.registerMetric(asLibraryMetric(family));
  return { text: await registry.metrics(), contentType: registry.contentType };
}

type LibraryMetric = Parameters<Registry["registerMetric"]>[0];

function asLibraryMetric({ kind, name, help, series }: MetricFamily): LibraryMetric {
  const values = series.flatMap((one) => (kind === "histogram" ? histogramSamples(name, one) : plainSample(name, one)));
  const metric = { name, help, type: kind, get: async () => ({ name, help, type: kind, values, aggregator: "sum" }) };
  // The library's type names its own classes; its registry uses these members and no other.
  return metric as unknown as LibraryMetric;
}

function plainSample(metricName: string, { labels, value }: MetricSeries): Sample {
  return { metricName, labels: { ...labels }, value };
}

/** Prometheus wants buckets cumulative: each counts everything at or below its bound, `+Inf` all there is. */
function histogramSamples(name: string, { labels, value, bounds = [], counts = [] }: MetricSeries): readonly Sample[] {
  let total = 0;
  const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound, index) => {
    total += counts[index] ?? 0;
    const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound);
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { ...labels }, value },
    { metricName: `${name}_count`, labels: { ...labels }, value: total },
  ];
}

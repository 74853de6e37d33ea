/**
 * Counters, gauges and histograms of one cell, kept as plain numbers and handed out as deltas, so that the `ops` cell
 * can add them up and a counter never goes backwards when a cell restarts (architecture §4).
 *
 * Every family and every label value is declared by code, never by a request: cardinality is bounded by construction,
 * and by `seriesMax` per family in case it is not.
 */
import { assert } from "#runtime/errors.ts";

/** Label to value. Both come from code, never from a request: every new pair is one more series. */
export type Labels = Readonly<Record<string, string>>;

/** Counts what happened; it only goes up. */
export interface Counter {
  /** `amount` is at least 0. */
  add(amount?: number, labels?: Labels): void;
}

/** A value of now, such as a depth. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
}

/** Counts observations by size, in the buckets that its family was given. */
export interface Histogram {
  /** In the family's base unit: seconds for `_seconds`, bytes for `_bytes`. */
  observe(value: number, labels?: Labels): void;
}

/** How the values of a family are to be read and added up. */
export type MetricKind = "counter" | "gauge" | "histogram";

/**
 * What changed since the last `takeDeltas`: counters and histograms as differences. A gauge is handed out every time
 * once it was set, so that a reader may take one that stops coming for gone.
 */
export interface MetricDelta {
  readonly kind: MetricKind;
  readonly name: string;
  readonly help: string;
  readonly labels: Labels;
  /** Counter: added. Gauge: current. Histogram: sum of what was observed. */
  readonly value: number;
  /** Histogram only: upper bounds, and observations in each bucket, not cumulative; one more than bounds for +Inf. */
  readonly bounds?: readonly number[];
  readonly counts?: readonly number[];
}

/** Series in one family. One more is counted under `overflow="true"`. */
export const SERIES_MAX = 512;

interface Series {
  readonly labels: Labels;
  value: number;
  counts: number[];
  dirty: boolean;
}

class Family implements Counter, Gauge, Histogram {
  readonly kind: MetricKind;
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
  readonly #series = new Map<string, Series>();
  readonly #own: Series;
  #shown = false;

  constructor(kind: MetricKind, name: string, help: string, bounds: readonly number[]) {
    this.kind = kind;
    this.name = name;
    this.help = help;
    this.bounds = bounds;
    this.#own = { labels: {}, value: 0, counts: this.#zeroes(), dirty: false };
  }

  add(amount = 1, labels?: Labels): void {
    assert(amount >= 0, "a counter only goes up");
    const series = this.#find(labels);
    series.value += amount;
    series.dirty = true;
  }

  set(value: number, labels?: Labels): void {
    const series = this.#find(labels);
    series.value = value;
    series.dirty = true;
  }

  observe(value: number, labels?: Labels): void {
    const series = this.#find(labels);
    series.value += value;
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.dirty = true;
  }

  take(deltas: MetricDelta[]): void {
    // A counter is there from the start, at zero: an alert on one that was never shown could never fire.
    if (!this.#shown && this.kind === "counter" && this.#series.size === 0) this.#own.dirty = true;
    this.#shown = true;
    for (const series of [this.#own, ...this.#series.values()]) {
      if (!series.dirty) continue;
      const { kind, name, help } = this;
      series.dirty = kind === "gauge";
      const delta = { kind, name, help, labels: series.labels, value: series.value };
      deltas.push(kind === "histogram" ? { ...delta, bounds: this.bounds, counts: series.counts } : delta);
      if (kind === "gauge") continue;
      series.value = 0;
      series.counts = this.#zeroes();
    }
  }

  #find(labels: Labels | undefined): Series {
    if (labels === undefined) return this.#own;
    // Written out: this runs several times a request, and entries, flat and join cost twenty times as much.
    let key = "";
    for (const name in labels) key += `${name}\u0000${labels[name]}\u0000`;
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= SERIES_MAX && labels["overflow"] === undefined) return this.#find({ overflow: "true" });
      series = { labels, value: 0, counts: this.#zeroes(), dirty: false };
      this.#series.set(key, series);
    }
    return series;
  }

  #zeroes(): number[] {
    return this.kind === "histogram" ? new Array<number>(this.bounds.length + 1).fill(0) : [];
  }
}

/** The registry of one cell. Asking twice for a name answers with the same family. */
export class Metrics {
  readonly #families = new Map<string, Family>();

  counter(name: string, help: string): Counter {
    return this.#family("counter", name, help, []);
  }

  gauge(name: string, help: string): Gauge {
    return this.#family("gauge", name, help, []);
  }

  /** `bounds`: upper bounds, ascending, in the family's unit. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    return this.#family("histogram", name, help, bounds);
  }

  takeDeltas(): readonly MetricDelta[] {
    const deltas: MetricDelta[] = [];
    for (const family of this.#families.values()) family.take(deltas);
    return deltas;
  }

  #family(kind: MetricKind, name: string, help: string, bounds: readonly number[]): Family {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new Family(kind, name, help, bounds);
      this.#families.set(name, family);
    }
    assert(family.kind === kind, `metric ${name} keeps its kind`);
    return family;
  }
}

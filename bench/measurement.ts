/** One measured figure, and how several samples become one. */

export interface Measurement {
  /** `store.put-1GiB`, `actors.call-sequential`. */
  readonly name: string;
  readonly value: number;
  /** `MiB/s`, `/s`, `ms`, `MiB`. */
  readonly unit: string;
  /** What the figure is held against, measured on this machine in this run; `"… (absent)"` when it is not there. */
  readonly peer?: string;
  readonly peer_value?: number;
  /** Ours to the peer's. Left out without a peer's value. */
  readonly ratio?: number;
  /** What `value` is the median of, and `peer_value`, one a round. */
  readonly samples?: readonly number[];
  readonly peer_samples?: readonly number[];
  /** Share of the time (0 … 1) that it waited for a core, which a rate leaves out; the median. */
  readonly waited?: number;
  readonly peer_waited?: number;
  /** What should be reached, in words; and whether it was. */
  readonly target?: string;
  readonly met?: boolean;
}

/** A figure beside that of `peer`, which may be absent. */
export function beside(measurement: Measurement, peer: string, peerValue: number | undefined): Measurement {
  if (peerValue === undefined) return { ...measurement, peer: `${peer} (absent)` };
  return { ...measurement, peer, peer_value: round(peerValue), ratio: round(measurement.value / peerValue) };
}

/** Three significant digits: the noise of a shared machine is larger. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** The middle sample: one slow or fast run does not move it. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 50);
}

/** Nearest rank. `samples` need not be sorted and are not empty. */
export function percentile(samples: Iterable<number>, percent: number): number {
  const sorted = Float64Array.from(samples).sort();
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** One JSON object a line, as scripts want it. */
export function jsonLine(measurement: Measurement): string {
  const digits = (_: string, value: unknown): unknown => (typeof value === "number" ? round(value) : value);
  return JSON.stringify(measurement, digits);
}

/** The cells of a row for people: name, figure, peer, ratio, target. */
export function tableRow({ name, value, unit, peer, peer_value, ratio, target, met }: Measurement): readonly string[] {
  const besides =
    peer_value === undefined ? [peer ?? "", ""] : [`${peer}: ${peer_value.toLocaleString("en")}`, `× ${ratio}`];
  const verdict = target === undefined ? "" : `${target}: ${met === true ? "met" : "missed"}`;
  return [name, `${round(value).toLocaleString("en")} ${unit}`, ...besides, verdict];
}

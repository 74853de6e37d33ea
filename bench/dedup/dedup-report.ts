/** What the arms came to hold of one material: rows of the table, and figures. */
import type { Holdings } from "#bench/dedup/holdings.ts";
import { beside, type Measurement } from "#bench/measurement.ts";
import type { Report } from "#bench/report.ts";
import { MiB } from "#runtime/units.ts";

/** An arm that is not there holds nothing that is known. */
export interface Showing {
  readonly arm: string;
  readonly holdings: Holdings | undefined;
}

export interface Showings {
  readonly name: string;
  readonly label: string;
  /** Bytes of each version. */
  readonly putBytes: readonly number[];
  readonly ours: readonly (Showing & { readonly holdings: Holdings })[];
  readonly peers: readonly Showing[];
}

const WIDTHS = [26, 20, 13, 13, 13, 8];

export function headOfDedup(): string {
  return row(["", "", "put", "stored", "last added", ""]);
}

export function reportDedup({ name, label, putBytes, ours, peers }: Showings): Report {
  const put = total(putBytes);
  const last = putBytes.at(-1) ?? 0;
  const lines = [...ours, ...peers].map(({ arm, holdings }, index) => {
    const head = index === 0 ? [label, arm, mebibytes(put)] : ["", arm, ""];
    if (holdings === undefined) return row([...head, "absent"]);
    const added = addedLast(holdings);
    return row([...head, mebibytes(stored(holdings)), mebibytes(added), `${Math.round((100 * added) / last)} %`]);
  });

  const figures = ours.flatMap(({ arm, holdings }) => [
    ...sideBySide(`dedup.${name}.${arm}.stored`, holdings, peers, stored),
    ...sideBySide(`dedup.${name}.${arm}.last-added`, holdings, peers, addedLast),
  ]);
  return { lines, figures: [{ name: `dedup.${name}.put`, value: put / MiB, unit: "MiB" }, ...figures] };
}

/** One figure beside each peer. */
function sideBySide(
  name: string,
  ours: Holdings,
  peers: readonly Showing[],
  measure: (holdings: Holdings) => number,
): readonly Measurement[] {
  const figure = { name, value: measure(ours) / MiB, unit: "MiB" };
  return peers.map(({ arm, holdings }) =>
    beside(figure, arm, holdings === undefined ? undefined : measure(holdings) / MiB),
  );
}

function stored(holdings: Holdings): number {
  return holdings.at(-1) ?? 0;
}

/** What the last version made it grow by. */
function addedLast(holdings: Holdings): number {
  return stored(holdings) - (holdings.at(-2) ?? 0);
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, each) => sum + each, 0);
}

function mebibytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}

/** Words to the left, figures to the right. */
function row(cells: readonly string[]): string {
  const padded = cells.map((cell, column) => {
    const width = WIDTHS[column] ?? 0;
    return column < 2 ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join("").trimEnd();
}

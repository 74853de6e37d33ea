/**
 * `cepa bench growth`: how collections, starts and the rebuild of the index grow with what is stored.
 *
 * Sizes for which the disk has no room are left out.
 */
import { statfsSync } from "node:fs";
import { openCache } from "#bench/cache.ts";
import { reportGrowth } from "#bench/growth/growth-report.ts";
import { benchSize } from "#bench/growth/one-size.ts";
import type { Measurement } from "#bench/measurement.ts";
import { type Report, reportFigure } from "#bench/report.ts";
import { say } from "#bench/say.ts";
import { GiB } from "#runtime/units.ts";

/** What a store takes on the disk for each byte in it, with what is copied before its pack goes. */
const TAKEN = 1.2;
/** Stays free. */
const RESERVE_BYTES: number = 15 * GiB;

export async function* benchGrowth(sizesGib: readonly number[]): AsyncGenerator<Report> {
  const cache = openCache();
  const figures = new Map<number, readonly Measurement[]>();
  for (const gib of sizesGib) {
    const { bavail, bsize } = statfsSync(cache);
    if (bavail * bsize < TAKEN * gib * GiB + RESERVE_BYTES) {
      say(`${gib} GiB are left out: the disk has ${Math.floor((bavail * bsize) / GiB)} GiB free, and keeps 15`);
      continue;
    }
    const ofSize: Measurement[] = [];
    for await (const figure of benchSize(cache, gib)) {
      ofSize.push(figure);
      yield reportFigure({ ...figure, name: `growth.${figure.name}-${gib}GiB` });
    }
    figures.set(gib, ofSize);
  }
  yield reportGrowth(figures);
}

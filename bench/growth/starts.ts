/** Starts with catalog and index, and without: how long until the store is whole and has made a put durable. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Contents, check } from "#bench/growth/contents.ts";
import { putOne } from "#bench/growth/fill.ts";
import { HttpConnection } from "#bench/http-connection.ts";
import { type Measurement, median } from "#bench/measurement.ts";
import { cpuSeconds } from "#bench/process-figures.ts";
import { dataPid, type NodeOptions, startOn } from "#bench/running-node.ts";
import { KiB, minute } from "#runtime/units.ts";

const RUNS = 3;
/** Longest time that a start may take. */
const READY_TIMEOUT_MS: number = 60 * minute;

/** On the data directory of a store with `contents`, of which both tenths are gone. */
export async function* benchStarts(
  data: string,
  settings: Required<NodeOptions>["settings"],
  contents: Contents,
): AsyncGenerator<Measurement> {
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await timedStart(data, settings));
  const [seconds, core] = [runs.map((run) => run.seconds), runs.map((run) => run.core)];
  yield { name: "start", value: median(seconds), unit: "s", samples: seconds };
  yield { name: "start-core", value: median(core), unit: "s", samples: core };

  // Both are caches of the packs, and made again from their seals.
  for (const cached of ["catalog", "index"]) rmSync(join(data, cached), { recursive: true });
  const rebuilt = await timedStart(data, settings, (port) => check(port, contents));
  yield { name: "rebuild", value: rebuilt.seconds, unit: "s" };
  yield { name: "rebuild-core", value: rebuilt.core, unit: "s" };
}

/** The node is ready when catalog and index know everything: the put comes behind that. */
async function timedStart(
  data: string,
  settings: Required<NodeOptions>["settings"],
  then: (port: number) => Promise<void> = async () => undefined,
): Promise<{ readonly seconds: number; readonly core: number }> {
  const beganMs = performance.now();
  await using node = await startOn(data, { settings, readyTimeoutMs: READY_TIMEOUT_MS });
  const connection = await HttpConnection.open(node.port);
  await putOne(connection, randomBytes(4 * KiB));
  connection.close();
  const seconds = (performance.now() - beganMs) / 1000;
  const core = cpuSeconds(await dataPid(node));
  await then(node.port);
  return { seconds, core };
}

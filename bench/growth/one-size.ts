/** What a store of one size costs its owner: filling it, collecting its garbage, starting with it. */
import { setTimeout as pause } from "node:timers/promises";
import { benchCollections } from "#bench/growth/collections.ts";
import { type Contents, divide } from "#bench/growth/contents.ts";
import { fill } from "#bench/growth/fill.ts";
import { benchStarts } from "#bench/growth/starts.ts";
import type { Measurement } from "#bench/measurement.ts";
import { UNLIMITED_UPKEEP } from "#bench/node-settings.ts";
import { dataDirectory, type RunningNode, startOn } from "#bench/running-node.ts";
import { syncDisk } from "#bench/sync-disk.ts";
import { factsIn, getText } from "#cli/http.ts";
import { isRecord } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
import { GiB, MiB, second } from "#runtime/units.ts";

/** Packs are small, so that a store of 1 GiB has some that a collection empties. */
const SETTINGS = { ...UNLIMITED_UPKEEP, CEPA_STORAGE_PACK_SEAL_BYTES: "64MiB" };
const TIMEOUT_MS: number = 30 * second;

/** What grows with the size is in seconds; `-core`: of the data cell on a core. */
export async function* benchSize(cache: string, gib: number): AsyncGenerator<Measurement> {
  using data = dataDirectory(cache);
  let contents: Contents;
  {
    await using node = await startOn(data.path, { settings: SETTINGS });
    const beganMs = performance.now();
    contents = divide(await fill(node.port, gib));
    const seconds = (performance.now() - beganMs) / second;
    yield { name: "put", value: (gib * GiB) / MiB / seconds, unit: "MiB/s" };
    yield { name: "records", value: await recordCount(node), unit: "" };
    // Seals are written behind the puts.
    await pause(1 * second);
    await syncDisk(cache);
    yield* benchCollections(node, contents);
  }
  yield* benchStarts(data.path, SETTINGS, contents);
}

async function recordCount({ url }: RunningNode): Promise<number> {
  const { store } = must(factsIn(await getText(`${url}/status`, TIMEOUT_MS), 200, "store"), "asking for the status");
  const storage = isRecord(store) && isRecord(store["storage"]) ? store["storage"] : {};
  return Number(storage["chunkCount"]) + Number(storage["manifestCount"]);
}

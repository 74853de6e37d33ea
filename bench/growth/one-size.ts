/** What a store of one size costs its owner: filling it, collections, starts, and what puts feel of collections meanwhile. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { besidePuts } from "#bench/growth/beside-puts.ts";
import { type Collected, collect } from "#bench/growth/collection.ts";
import { fill } from "#bench/growth/fill.ts";
import { timedStart } from "#bench/growth/start-time.ts";
import { HttpConnection } from "#bench/http-connection.ts";
import { type Measurement, median, percentile } from "#bench/measurement.ts";
import { UNLIMITED_UPKEEP } from "#bench/node-settings.ts";
import { residentBytes } from "#bench/process-figures.ts";
import { DataDirectory, type RunningNode, startOn } from "#bench/running-node.ts";
import { syncDisk } from "#bench/sync-disk.ts";
import { timed } from "#bench/transfer.ts";
import { startDigest } from "#cli/digest.ts";
import { factsIn, getText } from "#cli/http.ts";
import { isRecord } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
import { GiB, MiB, second } from "#runtime/units.ts";

/** Packs are small, so that a store of 1 GiB has some that a collection empties. */
const SETTINGS = { ...UNLIMITED_UPKEEP, CEPA_STORAGE_PACK_SEAL_BYTES: "64MiB" };
const RUNS = 3;
/** For so long at least puts are made beside collections, and beside nothing. */
const BESIDE_MS: number = 3 * second;
const TIMEOUT_MS: number = 30 * second;
/** A tenth of the objects goes twice, each time two of three in so many of them: their packs keep a third. */
const PART = 0.15;
/** Objects that are read again in the end, of those that stay and of those that went. */
const SAMPLES_MAX = 100;

/** Names are `growth.<work>-<size>`; what grows with the size is in seconds. */
export async function* benchSize(cache: string, gib: number): AsyncGenerator<Measurement> {
  const figure = (work: string, value: number, unit: string): Measurement => {
    return { name: `growth.${work}-${gib}GiB`, value, unit };
  };
  using data = new DataDirectory(cache);
  const kept: string[] = [];
  const gone: string[] = [];
  {
    await using node = await startOn(data.path, { settings: SETTINGS });
    let classes: readonly (readonly string[])[] = [];
    const seconds = await timed(async () => {
      classes = await fill(node.port, gib);
    });
    yield figure("put", (gib * GiB) / MiB / seconds, "MiB/s");
    yield figure("records", await recordCount(node), "");
    // Seals are written behind the puts.
    await pause(1 * second);
    await syncDisk(cache);

    const runs: number[] = [];
    for (let run = 0; run < RUNS; run += 1) runs.push((await collect(node)).seconds);
    yield { ...figure("collect-nothing", median(runs), "s"), samples: runs };

    const [first, other, rest] = divide(classes);
    await removeAll(node.port, first);
    const freed = checked(await collect(node), first);
    yield figure("collect-a-tenth", freed.seconds, "s");
    yield figure("collect-a-tenth-freed", freed.freedBytes / MiB, "MiB");

    const alone = await besidePuts(node.port, () => pause(BESIDE_MS));
    yield figure("longest-put-alone", percentile(alone.latenciesMs, 100), "ms");
    const marked = await besidePuts(node.port, () => collectFor(node, BESIDE_MS));
    yield figure("longest-put-collect-nothing", percentile(marked.latenciesMs, 100), "ms");
    await removeAll(node.port, other);
    const compacted = await besidePuts(node.port, () => collect(node));
    checked(compacted.value, other);
    yield figure("longest-put-collect-a-tenth", percentile(compacted.latenciesMs, 100), "ms");
    yield figure("data-resident", residentBytes(await dataPid(node)) / MiB, "MiB");
    gone.push(...first, ...other);
    kept.push(...rest);
  }
  const starts: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const { node, times } = await timedStart(data.path, { settings: SETTINGS });
    await node[Symbol.asyncDispose]();
    starts.push(times.wholeSeconds);
  }
  yield { ...figure("start", median(starts), "s"), samples: starts };
  // Both are caches of the packs, and read again from their seals.
  for (const cached of ["catalog", "index"]) rmSync(join(data.path, cached), { recursive: true });
  const { node, times } = await timedStart(data.path, { settings: SETTINGS });
  await using rebuilt = node;
  yield figure("rebuild-first-answer", times.readySeconds, "s");
  yield figure("rebuild-first-put", times.putSeconds, "s");
  yield figure("rebuild", times.wholeSeconds, "s");
  await check(rebuilt.port, kept, gone);
}

/** Two of three in the first part of each class, the same in the part behind it, and all that stays. */
function divide(classes: readonly (readonly string[])[]): readonly [string[], string[], string[]] {
  const divided: readonly [string[], string[], string[]] = [[], [], []];
  for (const addresses of classes) {
    for (const [at, address] of addresses.entries()) {
      const part = Math.floor(at / (PART * addresses.length));
      (part < 2 && at % 3 !== 0 ? divided[part] : divided[2])?.push(address);
    }
  }
  return divided;
}

async function removeAll(port: number, addresses: readonly string[]): Promise<void> {
  const connection = await HttpConnection.open(port);
  for (const address of addresses) {
    const { status } = await connection.request(`DELETE /o/${address} HTTP/1.1`);
    if (status !== 200) throw new Error(`a removal was answered ${status}`);
  }
  connection.close();
}

function checked(collected: Collected, removed: readonly string[]): Collected {
  if (collected.buriedCount === removed.length) return collected;
  throw new Error(`a collection gave up ${collected.buriedCount} objects, not ${removed.length}`);
}

async function collectFor(node: RunningNode, durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs;
  do await collect(node);
  while (performance.now() < endMs);
}

async function recordCount({ url }: RunningNode): Promise<number> {
  const { store } = must(factsIn(await getText(`${url}/status`, TIMEOUT_MS), 200), "asking for the status");
  const storage = isRecord(store) && isRecord(store["storage"]) ? store["storage"] : {};
  return Number(storage["chunkCount"]) + Number(storage["manifestCount"]);
}

async function dataPid(node: RunningNode): Promise<number> {
  return (await node.status()).cells.find(({ name }) => name === "data")?.pid ?? 0;
}

/** What was kept comes back as it was, and what went does not. */
async function check(port: number, kept: readonly string[], gone: readonly string[]): Promise<void> {
  const connection = await HttpConnection.open(port);
  for (const address of sampleOf(kept)) {
    const { status, body } = await connection.request(`GET /o/${address} HTTP/1.1`);
    const digest = startDigest();
    digest.update(body);
    if (status !== 200 || digest.address() !== address) throw new Error(`${address} did not come back: ${status}`);
  }
  for (const address of sampleOf(gone)) {
    const { status } = await connection.request(`GET /o/${address} HTTP/1.1`);
    if (status !== 404) throw new Error(`${address} was removed, and is answered ${status}`);
  }
  connection.close();
}

function sampleOf(addresses: readonly string[]): readonly string[] {
  const step = Math.ceil(addresses.length / SAMPLES_MAX);
  return addresses.filter((_, at) => at % step === 0);
}

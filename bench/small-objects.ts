/**
 * Rates and latencies of 4 KiB objects, 64 at a time: puts that are on the disk when they are answered, beside Helia's
 * blockstore, which syncs nothing; gets beside that and nginx with the same client.
 *
 * Helia is called in the process that makes the load, the others are asked over HTTP.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { judge, type Target, targeted } from "#bench/actors/target.ts";
import type { Orders } from "#bench/load.ts";
import type { LoadResult } from "#bench/load-shape.ts";
import { type Measurement, median } from "#bench/measurement.ts";
import { startNginx } from "#bench/nginx.ts";
import type { StorePeers } from "#bench/peers-of-store.ts";
import type { RunningNode } from "#bench/running-node.ts";
import { sideBySide } from "#bench/side-by-side.ts";
import { syncDisk } from "#bench/sync-disk.ts";
import { TemporaryFolder } from "#bench/temporary.ts";
import { takeTurns } from "#bench/turns.ts";
import { CepaClient } from "#client/client.ts";
import { KiB, second } from "#runtime/units.ts";

const LOAD = join(import.meta.dirname, "load.ts");
const shape = { connectionCount: 64, sizeBytes: 4 * KiB, durationMs: 3 * second };
const warmup = { ...shape, durationMs: 1 * second };
const ROUNDS = 3;
/** What is asked for, over and over. */
const OBJECT_COUNT = 500;

export async function* benchSmallObjects(
  node: RunningNode,
  cache: string,
  { helia: startHelia }: StorePeers,
): AsyncGenerator<Measurement> {
  using served = new TemporaryFolder(cache, "served-");
  await using helia = await startHelia?.();
  const put: Orders = { ...shape, kind: "put", port: node.port, objects: [] };
  const addresses = (await run({ ...put, ...warmup })).names.slice(0, OBJECT_COUNT);
  const cids = (await helia?.put(warmup))?.names.slice(0, OBJECT_COUNT) ?? [];
  const settle = (): Promise<void> => syncDisk(cache);
  yield* compare("store.put-4KiB", () => run(put), {
    peers: { "Helia blockstore, not synced": helia && (() => helia.put(shape)) },
    targets: [{ least: 10_000 }],
    p95: { most: 10 },
    settle,
  });

  await copyAll(node, addresses, served.path);
  await using nginx = await startNginx(cache, served.path);
  const get = (port: number, folder: string): Orders => {
    const objects = addresses.map((address) => ({ path: `${folder}/${address}`, address }));
    return { ...shape, kind: "get", port, objects };
  };
  await run({ ...get(node.port, "/o"), ...warmup });
  yield* compare("store.get-4KiB", () => run(get(node.port, "/o")), {
    peers: {
      "nginx sendfile": nginx && (() => run(get(nginx.port, ""))),
      "Helia blockstore": helia && (() => helia.get(shape, cids)),
    },
    targets: [{ least: 25_000 }],
    p99: { most: 5 },
    settle,
  });
}

interface Comparison {
  readonly peers: Readonly<Record<string, (() => Promise<LoadResult>) | undefined>>;
  readonly targets: readonly Target[];
  readonly p95?: Target;
  readonly p99?: Target;
  /** Before each arm, and nobody's time. */
  readonly settle: () => Promise<void>;
}

/** Rates side by side, then the latencies of Cepa: medians of the rounds. */
async function* compare(
  name: string,
  load: () => Promise<LoadResult>,
  { peers, targets, p95, p99, settle }: Comparison,
): AsyncGenerator<Measurement> {
  const ours: LoadResult[] = [];
  const theirs = Object.entries(peers).map(([peer, run]) => {
    const rate = async (): Promise<number> => {
      await settle();
      return (await run?.())?.perSecond ?? Number.NaN;
    };
    return [peer, run && rate] as const;
  });
  const cepa = async (): Promise<number> => {
    await settle();
    const result = await load();
    ours.push(result);
    return result.perSecond;
  };
  const { cepa: samples = [], ...rates } = await takeTurns({ cepa, ...Object.fromEntries(theirs) }, ROUNDS);
  yield* sideBySide({ name, unit: "/s", samples, peers: rates, targets });
  const latencies = [
    ["p50", ours.map(({ p50Ms }) => p50Ms), undefined],
    ["p95", ours.map(({ p95Ms }) => p95Ms), p95],
    ["p99", ours.map(({ p99Ms }) => p99Ms), p99],
  ] as const;
  for (const [percent, values, target] of latencies) {
    const value = median(values);
    const verdict = target === undefined ? undefined : judge(target, value, "ms");
    yield { name: `${name}-${percent}`, value, unit: "ms", samples: values, ...targeted(verdict) };
  }
}

/** For nginx, by their addresses. */
async function copyAll(node: RunningNode, addresses: readonly string[], folder: string): Promise<void> {
  const client = new CepaClient({ url: node.url });
  for (const address of addresses) {
    writeFileSync(join(folder, address), await (await client.getObject(address)).bytes());
  }
}

async function run(orders: Orders): Promise<LoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [LOAD, JSON.stringify(orders)], {
    maxBuffer: 16 * 1024 * KiB,
  });
  return JSON.parse(stdout) as LoadResult;
}

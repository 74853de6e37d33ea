/** Rates and latencies of 4 KiB objects at 64 connections; GET beside nginx with the same files and the same client. */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LoadResult, Orders } from "#bench/load.ts";
import { beside, type Measurement } from "#bench/measurement.ts";
import { startNginx } from "#bench/nginx.ts";
import type { RunningNode } from "#bench/running-node.ts";
import { CepaClient } from "#client/client.ts";
import { KiB, second } from "#runtime/units.ts";

const LOAD = join(import.meta.dirname, "load.ts");
const shape = { connectionCount: 64, sizeBytes: 4 * KiB, durationMs: 5 * second };
const warmup = { ...shape, durationMs: 1 * second };
/** What is asked for, over and over. */
const OBJECT_COUNT = 500;

export async function* benchSmallObjects(node: RunningNode, cache: string): AsyncGenerator<Measurement> {
  await run({ ...warmup, kind: "put", port: node.port, objects: [] });
  const puts = await run({ ...shape, kind: "put", port: node.port, objects: [] });
  yield* figures("store.put-4KiB", puts);

  const addresses = puts.addresses.slice(0, OBJECT_COUNT);
  const objects = addresses.map((address) => ({ path: `/o/${address}`, address }));
  await run({ ...warmup, kind: "get", port: node.port, objects });
  const gets = await run({ ...shape, kind: "get", port: node.port, objects });

  const served = join(cache, "served-small");
  const peer = await peerRate(node, cache, served, addresses);
  rmSync(served, { recursive: true, force: true });
  const [rate, ...latencies] = figures("store.get-4KiB", gets);
  if (rate !== undefined) yield beside(rate, "nginx sendfile", peer);
  yield* latencies;
}

async function peerRate(
  node: RunningNode,
  cache: string,
  served: string,
  addresses: readonly string[],
): Promise<number | undefined> {
  mkdirSync(served, { recursive: true });
  const client = new CepaClient({ url: node.url });
  for (const address of addresses) {
    writeFileSync(join(served, address.slice(3)), await (await client.getObject(address)).bytes());
  }
  await using nginx = await startNginx(cache, served);
  if (nginx === undefined) return undefined;
  const objects = addresses.map((address) => ({ path: `/${address.slice(3)}`, address }));
  await run({ ...warmup, kind: "get", port: nginx.port, objects });
  return (await run({ ...shape, kind: "get", port: nginx.port, objects })).perSecond;
}

function figures(name: string, { perSecond, p50Ms, p95Ms, p99Ms }: LoadResult): readonly Measurement[] {
  return [
    { name, value: perSecond, unit: "/s" },
    { name: `${name}-p50`, value: p50Ms, unit: "ms" },
    { name: `${name}-p95`, value: p95Ms, unit: "ms" },
    { name: `${name}-p99`, value: p99Ms, unit: "ms" },
  ];
}

async function run(orders: Orders): Promise<LoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [LOAD, JSON.stringify(orders)], {
    maxBuffer: 16 * 1024 * KiB,
  });
  return JSON.parse(stdout) as LoadResult;
}

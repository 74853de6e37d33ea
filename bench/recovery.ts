/** How long a kill is felt: from the signal to the first request that is answered as it should be. And memory at rest. */
import { setTimeout as pause } from "node:timers/promises";
import { HttpConnection } from "#bench/http-connection.ts";
import { type Measurement, median } from "#bench/measurement.ts";
import { residentBytes } from "#bench/process-figures.ts";
import type { RunningNode } from "#bench/running-node.ts";
import { MiB } from "#runtime/units.ts";

/** Fewer than the five crashes in a minute that end in quarantine. */
const RUNS = 3;
const GIVE_UP_MS = 20_000;

export async function* benchMemory(node: RunningNode): AsyncGenerator<Measurement> {
  // What starting up left behind is collected first.
  await pause(3000);
  const { cells } = await node.status();
  for (const { name, pid } of [{ name: "root", pid: node.pid }, ...cells]) {
    yield { name: `memory.${name}`, value: residentBytes(pid) / MiB, unit: "MiB" };
  }
}

export async function* benchRecovery(node: RunningNode): AsyncGenerator<Measurement> {
  const connection = await HttpConnection.open(node.port);
  const put = await connection.request("PUT /put HTTP/1.1", Buffer.from("what a kill must not lose"));
  connection.close();
  const address = /b3:[0-9a-f]{64}/.exec(put.body.toString())?.[0] ?? "";

  for (const [target, name] of [
    ["actor/storage", "restart.actor-storage"],
    ["cell/data", "restart.cell-data"],
  ] as const) {
    const samples: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      samples.push(await felt(node, target, address));
      await pause(500);
    }
    yield { name, value: median(samples), unit: "ms" };
  }
}

/** Includes the admin socket's answer and the supervisor's backoff. */
async function felt(node: RunningNode, target: string, address: string): Promise<number> {
  const startedMs = performance.now();
  await node.kill(target);
  while (performance.now() - startedMs < GIVE_UP_MS) {
    if (await answers(node.port, address)) return performance.now() - startedMs;
    await pause(1);
  }
  throw new Error(`${target} did not come back within ${GIVE_UP_MS} ms`);
}

async function answers(port: number, address: string): Promise<boolean> {
  try {
    const connection = await HttpConnection.open(port);
    const { status } = await connection.request(`GET /o/${address} HTTP/1.1`);
    connection.close();
    return status === 200;
  } catch {
    return false;
  }
}

/** Collections with nothing and with a tenth of the objects to free: how long they take, and what puts feel meanwhile. */
import { setTimeout as pause } from "node:timers/promises";
import { besidePuts } from "#bench/growth/beside-puts.ts";
import { collect } from "#bench/growth/collection.ts";
import { type Contents, removeAll } from "#bench/growth/contents.ts";
import { type Measurement, median, percentile } from "#bench/measurement.ts";
import { cpuSeconds, mappedBytes, residentBytes } from "#bench/process-figures.ts";
import { dataPid, type RunningNode } from "#bench/running-node.ts";
import { MiB, second } from "#runtime/units.ts";

const RUNS = 3;
/** For so long at least puts are made beside collections, and beside nothing. */
const BESIDE_MS: number = 3 * second;

/** Removes both tenths of `contents`. */
export async function* benchCollections(node: RunningNode, { tenths }: Contents): AsyncGenerator<Measurement> {
  const pid = await dataPid(node);
  const timed = async (removed: readonly string[]): Promise<{ seconds: number; core: number; freedBytes: number }> => {
    const before = cpuSeconds(pid);
    const { seconds, freedBytes, buriedCount } = await collect(node);
    if (buriedCount !== removed.length) throw new Error(`${buriedCount} objects were given up, not ${removed.length}`);
    return { seconds, core: cpuSeconds(pid) - before, freedBytes };
  };

  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await timed([]));
  const [seconds, core] = [runs.map((run) => run.seconds), runs.map((run) => run.core)];
  yield { name: "collect-nothing", value: median(seconds), unit: "s", samples: seconds };
  yield { name: "collect-nothing-core", value: median(core), unit: "s", samples: core };

  await removeAll(node.port, tenths[0]);
  const freed = await timed(tenths[0]);
  yield { name: "collect-a-tenth", value: freed.seconds, unit: "s" };
  yield { name: "collect-a-tenth-core", value: freed.core, unit: "s" };
  yield { name: "collect-a-tenth-freed", value: freed.freedBytes / MiB, unit: "MiB" };

  const longest = async (beside: string, work: () => Promise<unknown>): Promise<Measurement> => {
    const latenciesMs = await besidePuts(node.port, work);
    return { name: `longest-put-${beside}`, value: percentile(latenciesMs, 100), unit: "ms" };
  };
  yield await longest("alone", () => pause(BESIDE_MS));
  yield await longest("collect-nothing", async () => {
    const endMs = performance.now() + BESIDE_MS;
    do await timed([]);
    while (performance.now() < endMs);
  });
  await removeAll(node.port, tenths[1]);
  yield await longest("collect-a-tenth", () => timed(tenths[1]));
  yield { name: "data-resident", value: residentBytes(pid) / MiB, unit: "MiB" };
  yield { name: "data-mapped", value: mappedBytes(pid) / MiB, unit: "MiB" };
}

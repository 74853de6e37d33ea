/** How the process of a cell is started. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SpawnSpec } from "#runtime/processes.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { SimulatedProcesses } from "#runtime/simulated/processes.ts";
import { CELL_THREADS } from "#supervisor/cell-flags.ts";
import { processHost } from "#supervisor/root/process-host.ts";

describe("process host: open", () => {
  it("gives a cell threads for disks that hang, whatever else is in its environment", async () => {
    const { promise: started, resolve } = Promise.withResolvers<SpawnSpec>();
    const programs = { node: (_: unknown, spec: SpawnSpec) => resolve(spec) };
    const processes = new SimulatedProcesses({ scheduler: realScheduler, programs });
    const env = { LANG: "C", UV_THREADPOOL_SIZE: "1" };
    const places = { entry: "main", compileCache: "/cache", output: "/logs" };
    const host = processHost({ processes, disk: new MemoryDisk(), node: "node", env, ...places });

    const opened = await host.open("data");

    assert(opened.ok);
    assert.deepEqual((await started).env, { LANG: "C", UV_THREADPOOL_SIZE: String(CELL_THREADS) });
  });
});

/** A node from sources that were compiled before: none of its processes has to, and it shows in their size. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MiB } from "#runtime/units.ts";
import { CELL_FLAGS } from "#supervisor/cell-flags.ts";
import { startNode } from "#test/kit/node.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

/** What a process had in memory at most, and a bound that none keeps which compiled TypeScript: that takes 25 MiB. */
const bounds = { root: 80 * MiB, ops: 95 * MiB };

function peakBytes(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}

describe("compile", () => {
  it("leaves nothing to compile for the root and for a cell", async (context) => {
    const cache = await tempDirectory(context);
    const env = { NODE_COMPILE_CACHE: cache };
    const entry = join(import.meta.dirname, "../../supervisor/compile.ts");

    const compiled = spawnSync(process.execPath, [...CELL_FLAGS, entry], {
      env: { ...process.env, ...env },
      encoding: "utf8",
    });
    const node = await startNode({ env });
    const { ops = 0 } = node.ready.cells;
    const peaks = { root: peakBytes(node.ready.pid), ops: peakBytes(ops) };
    await node.dispose();

    assert.deepEqual([compiled.status, compiled.stdout, compiled.stderr], [0, "", ""]);
    assert(peaks.root > 0 && peaks.root < bounds.root, JSON.stringify(peaks));
    assert(peaks.ops > 0 && peaks.ops < bounds.ops, JSON.stringify(peaks));
  });
});

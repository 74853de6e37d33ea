/** A run on a tree of processes leaves nothing, however it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { second } from "#runtime/units.ts";
import { eventually } from "#test/kit/node.ts";
import { workMissing } from "#test/kit/work-node.ts";

const MAIN = join(import.meta.dirname, "..", "..", "..", "chaos", "main.ts");
const folder = mkdtempSync(join(tmpdir(), "cepa-chaos-process-"));
after(() => rmSync(folder, { recursive: true }));

/** Command lines that name the folder, but for the run itself. */
function running(): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const said = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return said.includes(folder) && !said.includes("chaos/main.ts") ? [said] : [];
    } catch {
      return []; // It has gone meanwhile.
    }
  });
}

describe("chaos: a tree of processes", () => {
  it("leaves nothing where the run is killed", async () => {
    const path = join(folder, "plan.json");
    const moments = { seed: 5, durationMs: 60_000, settlesWithinMs: 1000, clients: 2, pauseMs: 50, config: "" };
    // What producers work with stands beside the node's data.
    const producers = workMissing === undefined ? 1 : 0;
    writeFileSync(path, JSON.stringify({ scenario: "killed", ...moments, producers, faults: [] }));
    const env = { ...process.env, TMPDIR: folder };
    const run = spawn(process.execPath, [MAIN, "run", path, "--executor", "process"], { env, stdio: "ignore" });
    await eventually(30 * second, "the node is at work", () =>
      running().some((said) => said.includes("supervisor/main")),
    );

    run.kill("SIGKILL");
    await once(run, "close");

    const isGone = (): boolean => running().length === 0 && readdirSync(folder).length === 1;
    await eventually(10 * second, "nothing is left but the plan", isGone);
  });
});

/**
 * The system under a node is broken as a plan says, and nothing of it is left, however the run ends: interrupted, or killed.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Fault } from "#chaos/fault.ts";
import { memoryLimitMissing } from "#chaos/real/memory-limit.ts";
import { osMissing } from "#chaos/real/os-world.ts";
import { patchedEnv } from "#chaos/real/patched.ts";
import { KiB, second } from "#runtime/units.ts";
import { eventually } from "#test/kit/node.ts";
import { runsOf } from "#test/kit/runs.ts";

const MAIN = join(import.meta.dirname, "..", "..", "..", "chaos", "main.ts");
const cut: Fault = { kind: "kill-node", atMs: 6000, forMs: 100, power: true };
const skip = (await osMissing([cut])) ?? false;
/** There is no time for one more run. */
const isShort = runsOf({ usual: 0, slowness: 1 }) > 0 ? false : "planted in ./cepa verify";
const CONFIG = `[storage]\npackSealBytes = ${512 * KiB}\nreserveBytes = ${16 * 1024 * KiB}\nreserveFileBytes = ${64 * KiB}\n`;

describe("chaos: the system under a node", { skip, concurrency: true }, () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "cepa-chaos-os-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  /** A run whose files are in a folder of that name. */
  function begin(
    name: string,
    durationMs: number,
    faults: readonly Fault[],
    ours: NodeJS.ProcessEnv = process.env,
  ): { run: ChildProcess; folder: string } {
    const folder = mkdtempSync(join(directory, name));
    const path = join(folder, "plan.json");
    const moments = { seed: 5, durationMs, settlesWithinMs: 30 * second, clients: 2, pauseMs: 50 };
    writeFileSync(path, JSON.stringify({ scenario: name, ...moments, config: CONFIG, faults }));
    const env = { ...ours, TMPDIR: folder, CEPA_CHAOS_RECORDS: join(folder, "records") };
    const run = spawn(process.execPath, [MAIN, "run", path, "--executor", "os", "--json"], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return { run, folder };
  }

  it("is broken: bits flip, the clock drifts, a cell stalls, memory runs out, the power goes", async () => {
    const pressed: readonly Fault[] = [
      { kind: "memory-pressure", atMs: 3000, forMs: 1500, cell: "data", freeBytes: 2048 * KiB },
    ];
    const faults: readonly Fault[] = [
      { kind: "clock-drift", atMs: 200, forMs: 2200, gainMs: -900 },
      { kind: "cpu-stall", atMs: 500, forMs: 600, cell: "data" },
      { kind: "bit-flip", atMs: 2000, count: 3 },
      cut,
      ...(memoryLimitMissing() === undefined ? pressed : []),
    ];
    const { run, folder } = begin("broken", 9 * second, faults);
    let said = "";
    run.stdout?.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });

    const [code] = await once(run, "close");

    assert.equal(code, 0, said);
    const { faults: tally, checks } = JSON.parse(said.trim().split("\n").at(-1) ?? "");
    assert.deepEqual(Object.keys(tally).sort(), faults.map(({ kind }) => kind).sort());
    assert.equal(checks["faults-took-effect"], "pass");
    assert.deepEqual(leftOf([folder]), []);
    assert.deepEqual(readdirSync(folder).sort(), ["plan.json", "records"]);
  });

  it("cuts writes short", { skip: isShort }, async () => {
    const cuts: readonly Fault[] = [{ kind: "short-write", atMs: 2000, forMs: 3000, errno: "EFBIG", count: 2 }];
    const { run } = begin("short", 7 * second, cuts);
    let said = "";
    run.stdout?.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });

    const [code] = await once(run, "close");

    assert.equal(code, 0, said);
  });

  it("shows a node that takes a write of which a part was taken for a whole one", { skip: isShort }, async () => {
    const patch = {
      file: "runtime/real/disk.ts",
      from: "rest = withoutFirst(rest, written.value);",
      to: "rest = [];",
    };
    const cuts: readonly Fault[] = [{ kind: "short-write", atMs: 2000, forMs: 3000, errno: "EFBIG", count: 2 }];
    const { run } = begin("planted", 7 * second, cuts, patchedEnv(patch));
    let said = "";
    run.stdout?.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });

    const [code] = await once(run, "close");

    assert.equal(code, 1, said);
    const { faults, checks } = JSON.parse(said.trim().split("\n").at(-1) ?? "");
    assert(faults["short-write"].effects > 0, said);
    // By whether the part that is missing was of the pack that is open, or of one that was sealed since.
    const seenBy = ["ready-again", "refusals-may-be-tried-again"].filter((check) => checks[check] !== "pass");
    assert.notDeepEqual(seenBy, [], said);
  });

  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    it(`leaves nothing where the run ends by ${signal}`, async () => {
      const { run, folder } = begin(signal.toLowerCase(), 60 * second, [{ ...cut, atMs: 50_000 }]);
      let names: readonly string[] = [];
      await eventually(30 * second, "the node is at work on its disk", () => {
        names = [folder, ...diskOf(run.pid ?? 0)];
        return names.length === 2 && leftOf(names).some((left) => left.includes("supervisor/main"));
      });
      assert(leftOf(names).some((left) => left.startsWith("mount ")));

      run.kill(signal);
      await once(run, "close");

      await eventually(20 * second, "nothing is left", () => leftOf(names).length === 0);
      assert.deepEqual(readdirSync(folder), ["plan.json"]);
    });
  }
});

/** The folder of the disk whose power a run may cut. */
function diskOf(pid: number): readonly string[] {
  return processes().flatMap(({ parent, said }) => {
    const [, folder] = /cut-disk\.sh (\S+)/.exec(said) ?? [];
    return parent === pid && folder !== undefined ? [folder] : [];
  });
}

/** Processes, mounts and loop devices that name one of these, but for the run itself. */
function leftOf(names: readonly string[]): readonly string[] {
  const isOurs = (text: string): boolean => names.some((name) => text.includes(name));
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => `mount ${line}`);
  const running = processes().filter(({ said }) => !said.includes("chaos/main.ts"));
  const loops = readdirSync("/sys/block").map((device) => `loop ${backingOf(device)}`);
  return [...mounts, ...running.map(({ pid, said }) => `process ${pid} ${said}`), ...loops].filter(isOurs);
}

interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly said: string;
}

function processes(): readonly Running[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const said = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      const parent = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1]);
      return [{ pid: Number(name), parent, said }];
    } catch {
      return []; // It has gone meanwhile.
    }
  });
}

function backingOf(device: string): string {
  try {
    return readFileSync(`/sys/block/${device}/loop/backing_file`, "utf8");
  } catch {
    return "";
  }
}

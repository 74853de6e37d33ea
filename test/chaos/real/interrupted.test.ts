/** A run that is ended in its middle: of its networks, disks, processes and files nothing is left. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ownNetworkMissing } from "#chaos/real/network/own-network.ts";
import { osMissing } from "#chaos/real/os-world.ts";
import { eventually } from "#test/kit/node.ts";

const MAIN = join(import.meta.dirname, "..", "..", "..", "chaos", "main.ts");
const WITHIN_MS = 20_000;
const skip = (await osMissing()) ?? (await ownNetworkMissing()) ?? false;

describe("chaos: a run that is interrupted", { skip }, () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "cepa-interrupted-"));
    const faults = [
      { kind: "bad-network", atMs: 100, forMs: 60_000, loss: [1, 10], duplicate: [0, 1], delayMs: 10, jitterMs: 10 },
      { kind: "partition", atMs: 100, forMs: 60_000, groups: ["b"] },
      { kind: "broken-connections", atMs: 100, forMs: 60_000, breaks: [1, 10] },
    ];
    const moments = { seed: 1, durationMs: 60_000, settlesWithinMs: 10_000, clients: 2, pauseMs: 100 };
    writeFileSync(join(directory, "plan.json"), JSON.stringify({ scenario: "own", ...moments, config: "", faults }));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function start(): { readonly chaos: ChildProcess; readonly temporary: string } {
    const temporary = mkdtempSync(join(directory, "run-"));
    const chaos = spawn(process.execPath, [MAIN, "run", join(directory, "plan.json"), "--executor", "os", "--json"], {
      env: { ...process.env, TMPDIR: temporary, CEPA_CHAOS_RECORDS: join(directory, "records") },
      stdio: ["ignore", "ignore", "inherit"],
    });
    return { chaos, temporary };
  }

  it("leaves nothing", async () => {
    const { chaos, temporary } = start();
    await eventually(WITHIN_MS, "the node is at work", () => isAtWork(temporary));
    const devices = devicesOf(chaos.pid);
    const begun = descendantsOf(chaos.pid);
    const isMounted = mountsIn(temporary).length > 0;

    chaos.kill("SIGINT");
    const [exitCode] = await once(chaos, "exit");

    assert.equal(exitCode, 130);
    assert.deepEqual([devices.length, isMounted, begun.length >= 4], [1, true, true], "there was something to leave");
    assert.deepEqual(
      devices.filter((device) => device in networkInterfaces()),
      [],
    );
    assert.deepEqual([mountsIn(temporary), begun.filter(isAlive), readdirSync(temporary)], [[], [], []]);
  });

  it("leaves no network even where it is killed, once its node has gone too", async () => {
    const { chaos, temporary } = start();
    await eventually(WITHIN_MS, "the node is at work", () => isAtWork(temporary));
    const begun = descendantsOf(chaos.pid);
    const devices = devicesOf(chaos.pid);
    const lines = childrenOf(chaos.pid).filter((pid) => commandOf(pid).includes("line.py"));
    const holders = lines.flatMap(childrenOf);

    chaos.kill("SIGKILL");
    await once(chaos, "exit");
    await eventually(WITHIN_MS, "the line has gone", () => [...lines, ...holders].every((pid) => !isAlive(pid)));

    assert.deepEqual([devices.length, lines.length, holders.length], [1, 1, 1]);
    assert.deepEqual(
      devices.filter((device) => device in networkInterfaces()),
      [],
    );
    // What nobody can clean up any more: the node, and the disk in memory that it is on.
    for (const pid of begun.filter(isAlive)) process.kill(pid, "SIGKILL");
    await eventually(WITHIN_MS, "the node has gone", () => !begun.some(isAlive));
    for (const mount of mountsIn(temporary)) await once(spawn("umount", ["-l", mount]), "exit");
  });
});

/** Names of the devices that a process, or one of its children, holds open. */
function devicesOf(pid: number | undefined): readonly string[] {
  return childrenOf(pid).flatMap((child) => {
    const descriptors = attempt(() => readdirSync(`/proc/${child}/fdinfo`)) ?? [];
    return descriptors.flatMap((descriptor) => {
      const said = attempt(() => readFileSync(`/proc/${child}/fdinfo/${descriptor}`, "utf8")) ?? "";
      return [...said.matchAll(/^iff:\s+(cepa\d+)$/gm)].map(([, name = ""]) => name);
    });
  });
}

/** A node says where it is when it is ready. */
function isAtWork(temporary: string): boolean {
  return readdirSync(temporary).some((name) => existsSync(join(temporary, name, "disk", "data", "node.json")));
}

function descendantsOf(pid: number | undefined): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function mountsIn(temporary: string): readonly string[] {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return mounts.map((line) => line.split(" ")[1] ?? "").filter((path) => path.startsWith(temporary));
}

function childrenOf(pid: number | undefined): readonly number[] {
  return allPids().filter((one) => statusOf(one).includes(`\nPPid:\t${pid}\n`));
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(statusOf(pid));
}

function allPids(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function commandOf(pid: number): string {
  return attempt(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "";
}

function statusOf(pid: number): string {
  return attempt(() => readFileSync(`/proc/${pid}/status`, "utf8")) ?? "State:\tZ";
}

/** What is asked of a process that may have gone meanwhile. */
function attempt<Value>(ask: () => Value): Value | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
